"""`python -m bench.run [--quick] [--write]`: measure, show, and write docs/performance.md.

--quick takes a minute and compares with the floor only; nothing is written.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.compare import compare
from bench.figures import Figures
from bench.growth import growth
from bench.others import against_moto, by_workers
from bench.report import MUST, render
from bench.servers import CLIENT_CORE, CORES, pin
from bench.stages import stages

PAGE = Path("docs") / "performance.md"
PARTS = ("plain", "tls", "stages", "growth", "workers", "others")


def main() -> int:
    """Run what is asked for; 1 if a ratio is below what is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the floor only, short")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    parser.add_argument("--only", choices=PARTS, action="append", help="some parts only")
    parser.add_argument("--seconds", type=float, help="of a measurement")
    parser.add_argument("--rounds", type=int, help="of each comparison")
    options = parser.parse_args()
    pin(CLIENT_CORE)
    parts = options.only or (("plain", "tls") if options.quick else PARTS)
    figures = Figures(
        machine=_machine(),
        load=os.getloadavg()[0],
        seconds=options.seconds or (0.5 if options.quick else 1.0),
        rounds=options.rounds or (8 if options.quick else 12),
    )
    for _ in take(figures, parts, connections=[32] if options.quick else [32, 4, 1]):
        if options.write:  # after each part: what has been measured is kept
            PAGE.write_text(render(figures))
    sys.stdout.write(render(figures))
    missed = [each for each in figures.comparisons if each.ratio < MUST]
    for each in missed:
        sys.stderr.write(f"{each.operation}, {each.connections} connections: {each.ratio:.2f}\n")
    return 1 if missed else 0


def take(figures: Figures, parts: Sequence[str], *, connections: list[int]) -> Iterator[str]:
    """Take the figures of some parts; yields the name of each that is done."""
    rounds, seconds = figures.rounds, figures.seconds
    takers: dict[str, Callable[[], None]] = {
        "plain": lambda: figures.comparisons.extend(
            compare(tls=False, connections=connections, rounds=rounds, seconds=seconds)
        ),
        "tls": lambda: figures.comparisons.extend(
            compare(tls=True, connections=connections, rounds=rounds, seconds=seconds)
        ),
        "stages": lambda: figures.stages.extend(stages()),
        "workers": lambda: figures.workers.extend(by_workers([1, len(CORES)], seconds=seconds)),
        "others": lambda: figures.others.append(against_moto(seconds=seconds)),
        "growth": lambda: figures.growth.append(growth(rounds=rounds, seconds=seconds)),
    }
    for part, taker in takers.items():
        if part in parts:
            taker()
            yield part


def _machine() -> str:
    model = platform.machine()
    cores = f"{len(CORES)} cores"
    return f"{cores} ({model}), {platform.system()}, CPython {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
