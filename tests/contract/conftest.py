"""The node that the contract suite talks to, and keys to try things on."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.node import (
    EMPTY,
    LIMITED,
    OWNER,
    STRANGER,
    RunningNode,
    prepare_store,
    start_node,
)

KEYS_OF_LIMITED: Final = 3
"""Quota of KMS keys of the account LIMITED."""
NodeFactory = Callable[..., RunningNode]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.contract)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """One Region with two workers, whose quotas nobody meets by accident."""
    folder = tmp_path_factory.mktemp("node")
    asyncio.run(prepare_store(folder, quotas={(LIMITED.account_id, "KmsKeys"): KEYS_OF_LIMITED}))
    running = start_node(folder, "--workers=2", "--quotas=x1000")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[NodeFactory]:
    """Starts nodes with settings of the test's own; they end with it."""
    started: list[RunningNode] = []

    def factory(*options: str, quotas: Any = None, **settings: Any) -> RunningNode:
        folder = tmp_path / f"node-{len(started)}"
        folder.mkdir()
        asyncio.run(prepare_store(folder, quotas=quotas))
        started.append(start_node(folder, *options, **settings))
        return started[-1]

    try:
        yield factory
    finally:
        for running in started:
            running.stop()


@pytest.fixture
def kms(node: RunningNode) -> Any:
    """The owner's client."""
    return node.client(OWNER)


@pytest.fixture
def unchecked(node: RunningNode) -> Any:
    """The owner's client, sending also what boto3 would refuse."""
    return node.client(OWNER, checked=False)


@pytest.fixture
def stranger(node: RunningNode) -> Any:
    """A client of another account."""
    return node.client(STRANGER)


@pytest.fixture
def empty(node: RunningNode) -> Any:
    """A client of an account without keys."""
    return node.client(EMPTY)


@pytest.fixture
def key(kms: Any) -> dict[str, Any]:
    """KeyMetadata of a new KMS key of the owner."""
    metadata: dict[str, Any] = kms.create_key()["KeyMetadata"]
    return metadata
