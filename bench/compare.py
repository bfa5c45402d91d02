"""The node against the floor: one core for both, in turn, in one run."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.calls import OPERATIONS, bodies_of, sign_all
from bench.certificate import make_certificate
from bench.figures import Comparison, best
from bench.measure import Sample, run
from bench.servers import Server, floor_server, node_server

Bodies = dict[str, list[dict[str, object]]]
WARM_UP_S = 0.5


def compare(*, tls: bool, connections: list[int], rounds: int, seconds: float) -> list[Comparison]:
    """Measure all operations, A B A B; the floor is measured anew in each round."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        certificate = make_certificate(directory) if tls else None
        floor = stack.enter_context(floor_server(certificate))
        node = stack.enter_context(node_server(certificate=certificate))
        bodies = {operation: bodies_of(node, operation) for operation in OPERATIONS}
        found: list[Comparison] = []
        for count in connections:
            _round(floor, node, bodies, count, WARM_UP_S)
            samples = [_round(floor, node, bodies, count, seconds) for _ in range(rounds)]
            found += [_comparison(operation, count, samples, tls=tls) for operation in OPERATIONS]
        return found


def _round(
    floor: Server, node: Server, bodies: Bodies, connections: int, seconds: float
) -> dict[str, tuple[Sample, Sample]]:
    taken = {}
    for operation in OPERATIONS:
        # Signed anew each time: a signature is good for five minutes.
        requests = sign_all(floor, "Encrypt", bodies["Encrypt"])
        below = run(floor, requests, connections=connections, seconds=seconds)
        requests = sign_all(node, operation, bodies[operation])
        taken[operation] = (below, run(node, requests, connections=connections, seconds=seconds))
    return taken


def _comparison(
    operation: str,
    connections: int,
    samples: list[dict[str, tuple[Sample, Sample]]],
    *,
    tls: bool,
) -> Comparison:
    pairs = [taken[operation] for taken in samples]
    return Comparison(
        operation=operation,
        connections=connections,
        tls=tls,
        floor=best([floor for floor, _ in pairs]),
        node=best([node for _, node in pairs]),
        ratios=[floor.cpu_us / node.cpu_us for floor, node in pairs],
    )
