"""A process whose files can't grow for a while; run with `python -m`, argument: the store's URL.

RLIMIT_FSIZE stands for the full disk: a write beyond it fails with EFBIG, which SQLite treats like
any failed write.
"""

import asyncio
import resource
import signal
import sys
from pathlib import Path

import pytest

from regionkms.model.errors import StoreUnavailable
from regionkms.ports.store import StoreTransaction
from regionkms.store.engine import sqlite_path
from regionkms.store.store import open_store
from tests.support.row_vault import RowVault

LARGE_BYTES = 300_000


def write_large(transaction: StoreTransaction) -> None:
    """More than one page of every file."""
    for number in range(5):
        transaction.settings.put(f"large/{number}", "x" * LARGE_BYTES)


def fill_disk(url: str) -> None:
    """Let files grow by less than a large write from now on."""
    path = sqlite_path(url)
    assert path is not None
    full = Path(f"{path}-wal").stat().st_size + LARGE_BYTES // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))


async def run(url: str) -> None:
    """Fail while the disk is full, work again afterwards."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(url, vault=RowVault(), on_commit=lambda: None, lab=False)
    await store.write(lambda tx: tx.settings.put("before", "room"))
    fill_disk(url)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="The store can't"):
            await store.write(write_large)
        assert await store.read(lambda tx: tx.settings.get("before")) == "room"
        assert await store.read(lambda tx: tx.settings.prefixed("large/")) == {}
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.write(lambda tx: tx.settings.put("after", "room again"))
    await store.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
