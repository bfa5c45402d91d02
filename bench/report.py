"""The figures as a page of documentation."""

from collections.abc import Sequence

from bench.figures import Comparison, Figures, Growth, Other, Stage, Workers

MUST = 0.6
AIM = 0.75
_HEAD = """# Performance

Written by `make bench`; do not edit. All figures are from one run: {seconds:.1f} s a measurement,
{rounds} rounds, {machine}. The load average was {load:.1f} when it began.
CPU time is steadier than requests per second where cores are shared, and ratios within a run are
steadier than either. A figure is that of the round that took the least CPU time, because whatever
else the machine does can only add to it; the median round is shown beside it.

Servers run on one core, the client on another. Requests are signed as boto3 signs, 500 of them
differ, over 20 keys. The node has everything on: signatures, key policy, quotas (raised a
thousandfold, so that each request is counted and none refused), audit log. It has one worker.

## Against the floor

The floor (`bench/floor_server.py`) is httptools on uvloop doing only a signature check, one JSON
decode and one AES-256-GCM, its answers held to the end of the tick as the node's are. A ratio is
CPU time a request of the floor by that of the node, both measured in turn. Required: {must}; aim:
{aim}.
"""


def render(figures: Figures) -> str:
    """The whole page, in Markdown."""
    parts = [
        _HEAD.format(
            seconds=figures.seconds,
            rounds=figures.rounds,
            machine=figures.machine,
            load=figures.load,
            must=MUST,
            aim=AIM,
        ),
        _comparisons(figures.comparisons),
    ]
    if figures.stages:
        parts.append(_stages(figures.stages))
    parts += [_growth(growth) for growth in figures.growth]
    if figures.workers:
        parts.append(_workers(figures.workers))
    if figures.others:
        parts.append(_others(figures.others))
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _comparisons(comparisons: Sequence[Comparison]) -> str:
    rows = [
        (
            each.operation,
            "TLS" if each.tls else "plain",
            str(each.connections),
            f"{each.floor.cpu_us:.1f}",
            f"{each.node.cpu_us:.1f}",
            f"{each.ratio:.2f}",
            f"{each.median_ratio:.2f}",
            f"{each.node.per_second:,.0f}",
            f"{each.node.p50_us:,.0f}",
            f"{each.node.p99_us:,.0f}",
        )
        for each in comparisons
    ]
    head = ("operation", "", "connections", "floor, us CPU", "node, us CPU", "ratio")
    return _table((*head, "median", "requests/s", "p50 us", "p99 us"), rows)


def _stages(stages: Sequence[Stage]) -> str:
    whole = stages[-1].cost_us
    rows = [
        (stage.name, f"{stage.cost_us:.2f}", f"{stage.cost_us / whole:.0%}") for stage in stages
    ]
    return (
        "## What each stage costs\n\n"
        "Of an Encrypt with an encryption context of two pairs, in one process, 32 requests a "
        "tick.\nA stage is timed alone, at its best: what is left over is dispatch and the caches "
        "that\neach stage finds full of the others.\n\n" + _table(("stage", "us", "share"), rows)
    )


def _growth(growth: Growth) -> str:
    rows = [
        (f"Encrypt with {growth.few:,} keys, us CPU", f"{growth.few_sample.cpu_us:.1f}", ""),
        (f"Encrypt with {growth.many:,} keys, us CPU", f"{growth.many_sample.cpu_us:.1f}", ""),
        ("ratio of the two", f"{growth.ratio:.2f}", "at least 0.90"),
        ("the same in the median round", f"{growth.median_ratio:.2f}", ""),
        (f"start of the node with {growth.many:,} keys", f"{growth.start_s:.1f} s", "5 s"),
        ("memory of the worker, each key used", f"{growth.memory_mb:.0f} MB", "600 MB"),
        ("first use of a key, us CPU", f"{growth.first_use_us:.0f}", ""),
    ]
    return "## Growth\n\nKeys at random, 32 connections.\n\n" + _table(("", "", "budget"), rows)


def _workers(workers: Sequence[Workers]) -> str:
    rows = [
        (
            str(each.workers),
            f"{each.sample.per_second:,.0f}",
            f"{each.sample.cpu_us:.1f}",
            f"{each.sample.p99_us:,.0f}",
        )
        for each in workers
    ]
    return "## Workers\n\nOn all cores of the machine, which the client shares.\n\n" + _table(
        ("workers", "requests/s", "us CPU", "p99 us"), rows
    )


def _others(others: Sequence[Other]) -> str:
    rows = [
        (
            each.name,
            f"{each.per_second:,.0f}",
            f"{each.node_per_second:,.0f}",
            f"{each.cpu_us:,.0f}",
            f"{each.node_cpu_us:,.0f}",
            f"{each.cpu_us / each.node_cpu_us:.0f}",
        )
        for each in others
    ]
    head = ("server", "its requests/s", "regionkms, requests/s", "its us CPU", "regionkms, us CPU")
    return (
        "## Beside others\n\nEncrypt on the same core. moto closes the connection after each "
        "answer and is asked one by one;\nthe ratio is that of CPU time.\n\n"
        + _table((*head, "times"), rows)
    )
