"""Starts one node again and again: on the same port, with one log."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from tests.support.node import REGION, RunningNode, free_port

READY_S: Final = 120.0
"""Longest wait for a start: campaigns also run on machines with no core to spare."""
_POLL_S: Final = 0.05
_OK: Final = 200


class StartAgain:
    """Starts the node of a folder whose store is prepared; each call starts it once.

    Args:
        folder: The node's; its log grows over all starts.
        workers: API workers.
    """

    def __init__(self, folder: Path, *, workers: int) -> None:
        self._folder: Final = folder
        self._port: Final = free_port()
        self._workers: Final = workers

    def __call__(self) -> RunningNode:
        """Start it, and wait until it serves."""
        folder = self._folder
        with (folder / "node.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "regionkms", "node"),
                    f"--region={REGION}",
                    f"--data-dir={folder / 'data'}",
                    f"--root-key-file={folder / 'root.key'}",
                    f"--listen=127.0.0.1:{self._port}",
                    f"--workers={self._workers}",
                    "--quotas=off",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            )
        url = f"http://127.0.0.1:{self._port}"
        node = RunningNode(folder=folder, region=REGION, url=url, process=process)
        _wait_until_ready(node)
        return node


def _wait_until_ready(node: RunningNode) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert node.process.poll() is None, node.log
        try:
            with urlopen(f"{node.url}/readyz", timeout=2) as answer:  # noqa: S310 - our own node
                if answer.status == _OK:
                    return
        except OSError:
            time.sleep(_POLL_S)
    node.process.kill()
    raise AssertionError(f"the node did not become ready in {READY_S} s:\n{node.log}")
