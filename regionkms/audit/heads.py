"""Signed heads: what makes a cut tail or a missing file visible.

The agent looks at all chains of its node once a second, makes sure that what it sees is durable,
and signs the last line of each chain that moved. Heads go into the regional store and, best effort,
to etcd: whoever can cut a chain's end can't also take back what was signed.

A line is signed only if it still stands at the next look. A worker whose write fails half way (full
disk) cuts the file back at once; a line that was seen for that moment must not be signed.

Source: design §5b.
"""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from regionkms.audit.chain import line_hash, parse_line
from regionkms.audit.segment import SegmentName, processes_in, segments_of
from regionkms.crypto.signing import chain_head_statement, signature_is_true
from regionkms.model.errors import AuditUnavailable, CoordinatorUnavailable, OutcomeUnknown
from regionkms.ports.store import Store, StoreTransaction

LOOK_INTERVAL_S: Final = 1.0
_WINDOW: Final = 1 << 16

_log = logging.getLogger(__name__)

Publish = Callable[[str, str], Awaitable[None]]
"""Takes a chain and its signed head, for a second place outside the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """The last line of a chain.

    Attributes:
        chain: The process slot.
        segment: Number of the file that it is in.
        n: Its number.
        hash: SHA-256 of the line, 64 hexadecimal digits.
    """

    chain: str
    segment: int
    n: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHead:
    """A head, and where its line stands: file name, offset and length in bytes."""

    head: ChainHead
    file: str
    offset: int
    length: int


def encode_head(head: ChainHead) -> bytes:
    """The bytes that are signed."""
    members = {"chain": head.chain, "segment": head.segment, "n": head.n, "hash": head.hash}
    return json.dumps(members, separators=(",", ":")).encode()


def seal_head(head: ChainHead, sign: Callable[[bytes], bytes]) -> str:
    """Sign a head.

    Args:
        head: The head.
        sign: Signs the encoded head; `crypto.signing.chain_head_statement` labels it.

    Returns:
        JSON with the exact signed bytes and the signature in hexadecimal.
    """
    encoded = encode_head(head)
    return json.dumps({"head": encoded.decode(), "signature": sign(encoded).hex()})


def open_head(sealed: str, chain: str, public_key: bytes | None) -> ChainHead | None:
    """The head of a chain, if the key has signed it; None otherwise."""
    if public_key is None:
        return None
    try:
        outer = json.loads(sealed)
        encoded = str(outer["head"]).encode()
        signature = bytes.fromhex(outer["signature"])
        members = json.loads(encoded)
        head = ChainHead(
            chain=str(members["chain"]),
            segment=int(members["segment"]),
            n=int(members["n"]),
            hash=str(members["hash"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    signed = signature_is_true(public_key, chain_head_statement(encoded), signature)
    return head if signed and head.chain == chain else None


def look(directory: Path, process: str) -> SeenHead | None:
    """The last whole line of a chain; it is durable on return. None if there is none.

    Raises:
        OSError: A segment can't be read or synced.
    """
    for name in reversed(segments_of(directory, process)):
        seen = _last_line(directory, name)
        if seen is not None:
            return seen
    return None


def still_stands(directory: Path, seen: SeenHead) -> bool:
    """Whether a line is where it was seen.

    Raises:
        OSError: The segment can't be read.
    """
    with (directory / seen.file).open("rb") as file:
        file.seek(seen.offset)
        return line_hash(file.read(seen.length)).decode() == seen.head.hash


def _last_line(directory: Path, name: SegmentName) -> SeenHead | None:
    with (directory / str(name)).open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size  # first: everything up to here is synced below
        os.fdatasync(file.fileno())
        window = _WINDOW
        while True:
            start = max(0, size - window)
            data = os.pread(file.fileno(), size - start, start)
            end = data.rfind(b"\n") + 1
            begin = data.rfind(b"\n", 0, max(end - 1, 0)) + 1
            if begin or not start:
                break
            window *= 2
    raw = data[begin:end]
    line = parse_line(raw)
    if line is None:
        return None
    head = ChainHead(
        chain=name.process, segment=name.segment, n=line.n, hash=line_hash(raw).decode()
    )
    return SeenHead(head=head, file=str(name), offset=start + begin, length=len(raw))


class HeadSigner:
    """Signs the heads of a node's chains. Lives in the agent; call `step` once a second.

    Args:
        directory: Where the node's segments are.
        sign: Signs encoded heads, with the Region's record key.
        store: Keeps the heads.
        publish: Puts a head where losing the store does not lose it; best effort.
    """

    def __init__(
        self,
        directory: Path,
        *,
        sign: Callable[[bytes], bytes],
        store: Store,
        publish: Publish | None = None,
    ) -> None:
        self._directory: Final = directory
        self._sign: Final = sign
        self._store: Final = store
        self._publish: Final = publish
        self._seen: dict[str, SeenHead] = {}
        self._signed: dict[str, ChainHead] = {}

    async def step(self) -> int:
        """Sign the heads that moved.

        Returns:
            How many there were.

        Raises:
            AuditUnavailable: A segment can't be read or synced.
            StoreUnavailable: The heads could not be kept; the next step tries again.
        """
        try:
            moved = await asyncio.to_thread(self._moved)
        except OSError as error:
            raise AuditUnavailable(f"a chain can't be read: {error.strerror}") from error
        if not moved:
            return 0
        sealed = {head.chain: seal_head(head, self._sign) for head in moved}

        def keep(tx: StoreTransaction) -> None:
            for chain, text in sealed.items():
                tx.outbox.put_chain_head(chain, text)

        await self._store.write(keep)
        self._signed.update((head.chain, head) for head in moved)
        if self._publish is not None:
            await self._publish_all(self._publish, sealed)
        return len(moved)

    def _moved(self) -> list[ChainHead]:
        """Heads that were seen at the last look, still stand, and are not signed yet."""
        moved = []
        for process in processes_in(self._directory):
            before = self._seen.get(process)
            if (
                before is not None
                and before.head != self._signed.get(process)
                and still_stands(self._directory, before)
            ):
                moved.append(before.head)
            now = look(self._directory, process)
            if now is not None:
                self._seen[process] = now
        return moved

    async def _publish_all(self, publish: Publish, sealed: Mapping[str, str]) -> None:
        for chain, text in sealed.items():
            try:
                await publish(chain, text)
            except (CoordinatorUnavailable, OutcomeUnknown):
                _log.warning("the head of %s could not be published", chain)
