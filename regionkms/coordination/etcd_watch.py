"""A watch that loses nothing: it resumes at the last revision seen, over every kind of failure.

Compaction below that revision, another etcd, or a rolled-back one are told as `everything`. A
member that stops answering without closing its connection is found by asking for progress.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from aetcd import rpc

from regionkms.coordination.etcd_endpoints import REQUIRE_LEADER, EtcdEndpoints, Member
from regionkms.model.errors import CoordinatorUnavailable
from regionkms.model.keyspace import Keyspace, range_end
from regionkms.ports.coordinator import Changes, RecordKey, Revision

_QUIET_S: Final = 2.0
"""Silence after which progress is asked for, and again after which the member is left."""
_PAUSE_S: Final = 0.1
"""Between a lost stream and the next."""
_LOST: Final = (
    CoordinatorUnavailable,
    grpc.aio.AioRpcError,
    asyncio.InvalidStateError,  # grpc.aio: written to a call that has just ended
    TimeoutError,
)


class EtcdWatch:
    """One watch over all keys of the cluster. Use one instance for one `changes` at a time."""

    def __init__(self, endpoints: EtcdEndpoints, names: Keyspace) -> None:
        self._endpoints = endpoints
        self._names = names
        self._seen = Revision(0)
        self._cluster_id = 0

    async def changes(self, after: Revision) -> AsyncIterator[Changes]:
        """See Coordinator.watch."""
        self._seen = after
        while True:
            loop = asyncio.get_running_loop()
            member = None
            try:
                deadline = loop.time() + self._endpoints.settings.read_s
                member = await self._endpoints.connected_member(deadline=deadline)
                async for changes in self._stream(member):
                    yield changes
            except _LOST:
                if member is not None:
                    self._endpoints.leave(member)
            await asyncio.sleep(_PAUSE_S)

    async def _stream(self, member: Member) -> AsyncIterator[Changes]:
        """Watch on one member until the stream ends."""
        call = member.watch.Watch(metadata=REQUIRE_LEADER)
        try:
            await _in_time(call.write(self._create_request()))
            while True:
                response = await self._next(call)
                if response is grpc.aio.EOF:
                    return
                changes = self._read(response)
                if changes is not None:
                    yield changes
                if response.canceled or (response.created and changes is not None):
                    return  # start anew at the revision that is right now
        finally:
            call.cancel()

    async def _next(self, call: Any) -> Any:
        """The next answer; asks for progress in between, so that silence has an end.

        Of a progress answer only its arrival counts: etcd before 3.4.25 and 3.5.8 may send one
        ahead of events below its revision.
        """
        # A task, because a read that is cancelled by a timeout would end the whole call.
        reading = asyncio.ensure_future(call.read())
        reading.add_done_callback(_look_at_failure)
        try:
            done, _ = await asyncio.wait({reading}, timeout=_QUIET_S)
            if not done:
                progress = rpc.WatchRequest(progress_request=rpc.WatchProgressRequest())
                await _in_time(call.write(progress))
                done, _ = await asyncio.wait({reading}, timeout=_QUIET_S)
            if not done:
                raise TimeoutError
            return reading.result()
        finally:
            reading.cancel()

    def _create_request(self) -> Any:
        # No `fragment`: an answer then has whole revisions only, and resuming behind the last
        # event's revision can't skip its siblings of the same transaction.
        prefix = self._names.prefix
        return rpc.WatchRequest(
            create_request=rpc.WatchCreateRequest(
                key=prefix, range_end=range_end(prefix), start_revision=self._seen + 1
            )
        )

    def _read(self, response: Any) -> Changes | None:
        """What an answer means; moves the revision to resume at."""
        if response.canceled:
            return self._cancelled(response)
        if response.created:
            return self._created(response)
        if not response.events:
            return None
        self._seen = Revision(response.events[-1].kv.mod_revision)
        names = [event.kv.key for event in response.events]
        named = (self._names.named_record(name) for name in names)
        records = frozenset(
            RecordKey(account_id=one.account_id, key_id=one.key_id) for one in named if one
        )
        in_directory = any(self._names.in_directory(name) for name in names)
        if not records and not in_directory:
            return None
        return Changes(revision=self._seen, records=records, directory_changed=in_directory)

    def _cancelled(self, response: Any) -> Changes | None:
        if response.compact_revision == 0:
            return None
        # Everything from the compacted revision on can still be watched; what was before it is
        # found by the look at everything.
        self._seen = Revision(response.compact_revision - 1)
        return Changes(revision=self._seen, directory_changed=True, everything=True)

    def _created(self, response: Any) -> Changes | None:
        header = response.header
        known, self._cluster_id = self._cluster_id, header.cluster_id
        foreign = known not in {0, header.cluster_id}
        if not foreign and header.revision >= self._seen:
            return None
        # Another etcd, a rolled-back one, or only a member that lags: a look at everything is
        # right in each case. Waiting at a revision of the future would be deaf till then.
        self._seen = Revision(header.revision)
        return Changes(revision=self._seen, directory_changed=True, everything=True)


async def _in_time(writing: Any) -> None:
    async with asyncio.timeout(_QUIET_S):
        await writing


def _look_at_failure(reading: asyncio.Future[Any]) -> None:
    if not reading.cancelled():
        reading.exception()  # one that nobody awaits any more is no news
