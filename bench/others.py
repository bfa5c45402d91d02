"""Other servers with the same client on the same core, and more workers on all cores."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.calls import bodies_of, call, sign_all
from bench.figures import Other, Workers
from bench.measure import run
from bench.servers import (
    SERVER_CORE,
    Server,
    await_port,
    free_port,
    node_server,
    server_process,
)

CONNECTIONS = 32


@contextmanager
def moto_server() -> Iterator[Server]:
    """Moto's server, which checks no signature and stands for mocks of AWS."""
    port = free_port()
    arguments = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with server_process(arguments, core=SERVER_CORE, log=log) as process:
            await_port(process, port, log)
            server = Server(name="moto", port=port, pids=(process.pid,), keys=())
            metadata = call(server, "CreateKey", {})["KeyMetadata"]
            yield replace(server, keys=[metadata["KeyId"]])


def against_moto(*, seconds: float) -> Other:
    """Encrypt on either side."""
    with moto_server() as moto, node_server() as node:
        samples = []
        for server in (node, moto):
            requests = sign_all(server, "Encrypt", bodies_of(server, "Encrypt"))
            samples.append(run(server, requests, connections=4, seconds=seconds))
        return Other(name="moto", sample=samples[1], node=samples[0])


def by_workers(counts: list[int], *, seconds: float) -> list[Workers]:
    """Nodes with so many workers each, on all cores, the client among them."""
    found = []
    for count in counts:
        with node_server(workers=count, core=None) as node:
            requests = sign_all(node, "Encrypt", bodies_of(node, "Encrypt"))
            run(node, requests, connections=CONNECTIONS, seconds=0.5)
            sample = run(node, requests, connections=CONNECTIONS, seconds=seconds)
            found.append(Workers(workers=count, sample=sample))
    return found
