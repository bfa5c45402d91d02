"""Heads of chains: signed when they moved, and only if they still stand."""

from pathlib import Path

import pytest

from regionkms.audit.heads import HeadSigner, open_head
from regionkms.crypto.signing import RecordKey, chain_head_statement
from regionkms.model.errors import AuditUnavailable, CoordinatorUnavailable, StoreUnavailable
from tests.support.audit import change, files_in, open_log, write_chain
from tests.support.memory_store import MemoryStore


class _Elsewhere:
    """A second place for heads that can be out of reach."""

    def __init__(self) -> None:
        self.heads: dict[str, str] = {}
        self.reachable = True

    async def publish(self, chain: str, head: str) -> None:
        if not self.reachable:
            raise CoordinatorUnavailable("etcd did not answer")
        self.heads[chain] = head


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def key() -> RecordKey:
    return RecordKey.generate()


def _signer(
    directory: Path, store: MemoryStore, key: RecordKey, elsewhere: _Elsewhere | None = None
) -> HeadSigner:
    return HeadSigner(
        directory,
        sign=lambda head: key.sign(chain_head_statement(head)),
        store=store,
        publish=elsewhere.publish if elsewhere else None,
    )


async def test_a_head_is_signed_when_it_still_stands_at_the_next_look(
    directory: Path, key: RecordKey
) -> None:
    store, elsewhere = MemoryStore(), _Elsewhere()
    await write_chain(directory, "worker-2", records=3)
    await write_chain(directory, "agent", records=1)
    signer = _signer(directory, store, key, elsewhere)
    assert await signer.step() == 0
    assert await signer.step() == 2
    assert await signer.step() == 0
    heads = store.tables.chain_heads
    assert elsewhere.heads == heads
    head = open_head(heads["worker-2"], "worker-2", key.public_key)
    assert head is not None
    assert (head.chain, head.segment, head.n) == ("worker-2", 1, 3)


async def test_a_head_that_moves_is_signed_again(directory: Path, key: RecordKey) -> None:
    store = MemoryStore()
    signer = _signer(directory, store, key)
    async with open_log(directory) as (log, encoder):
        for n in range(1, 4):
            await log.seal([change(encoder)])
            await signer.step()
            await signer.step()
            head = open_head(store.tables.chain_heads["worker-2"], "worker-2", key.public_key)
            assert head == log.head()
            assert head is not None
            assert head.n == n


async def test_a_line_that_was_cut_back_is_never_signed(directory: Path, key: RecordKey) -> None:
    store = MemoryStore()
    await write_chain(directory, records=3)
    (path,) = files_in(directory)
    whole = path.read_bytes()
    signer = _signer(directory, store, key)
    await signer.step()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert await signer.step() == 0
    assert await signer.step() == 1
    head = open_head(store.tables.chain_heads["worker-2"], "worker-2", key.public_key)
    assert head is not None
    assert head.n == 2


async def test_a_torn_end_is_not_the_head(directory: Path, key: RecordKey) -> None:
    store = MemoryStore()
    await write_chain(directory, records=2)
    (path,) = files_in(directory)
    path.write_bytes(path.read_bytes() + b'{"n":3,"pre')
    (directory / "worker-2-20231114T221320Z-000002.jsonl").touch()
    signer = _signer(directory, store, key)
    await signer.step()
    await signer.step()
    head = open_head(store.tables.chain_heads["worker-2"], "worker-2", key.public_key)
    assert head is not None
    assert (head.segment, head.n) == (1, 2)


async def test_a_long_line_is_found_whole(directory: Path, key: RecordKey) -> None:
    store = MemoryStore()
    async with open_log(directory) as (log, _):
        log.append(b'{"policy":"' + b"x" * 200_000 + b'"}')
        log.flush()
        signer = _signer(directory, store, key)
        await signer.step()
        await signer.step()
    head = open_head(store.tables.chain_heads["worker-2"], "worker-2", key.public_key)
    assert head is not None
    assert head.n == 1


async def test_heads_that_can_not_be_kept_are_signed_again(directory: Path, key: RecordKey) -> None:
    store = MemoryStore()
    await write_chain(directory, records=1)
    signer = _signer(directory, store, key)
    await signer.step()
    store.unavailable = True
    with pytest.raises(StoreUnavailable):
        await signer.step()
    store.unavailable = False
    assert await signer.step() == 1


async def test_heads_are_kept_though_etcd_is_away(directory: Path, key: RecordKey) -> None:
    store, elsewhere = MemoryStore(), _Elsewhere()
    elsewhere.reachable = False
    await write_chain(directory, records=1)
    signer = _signer(directory, store, key, elsewhere)
    await signer.step()
    assert await signer.step() == 1
    assert elsewhere.heads == {}
    assert list(store.tables.chain_heads) == ["worker-2"]


async def test_a_directory_that_is_gone_is_told(directory: Path, key: RecordKey) -> None:
    with pytest.raises(AuditUnavailable, match="a chain can't be read"):
        await _signer(directory, MemoryStore(), key).step()
