"""Calls to etcd's members: deadlines, failover, and which failures are definite.

One channel for each member and our own choice between them, instead of one balanced channel: a
stopped member is left after one attempt, several DNS names work as well as several addresses, and
each certificate is checked against its own host. Calls stay with a member until it fails.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import grpc
from aetcd import rpc

from regionkms.coordination.etcd_settings import EtcdSettings, open_channel
from regionkms.model.errors import CoordinatorUnavailable, OutcomeUnknown

T = TypeVar("T")

REQUIRE_LEADER: Final = (("hasleader", "true"),)
"""A member without a leader refuses at once, instead of letting the call run into its deadline."""

_POLL_S: Final = 0.02
"""How often channels are looked at while none is connected (only in an outage)."""
_PAUSE_S: Final = 0.05
"""Between two attempts of a read."""

_DEFINITE_CODES: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""etcd answers these before it proposes the request to raft."""
_DEFINITE_DETAILS: Final = frozenset({"etcdserver: no leader", "etcdserver: too many requests"})
"""So too these. Left out on purpose: `mvcc: database space exceeded`, which etcd's quota applier
may answer after it has applied the transaction; `leader changed` and `request timed out`."""


class Member:
    """One etcd member: its channel and stubs."""

    def __init__(self, endpoint: str, settings: EtcdSettings) -> None:
        self.endpoint = endpoint
        self.channel = open_channel(endpoint, settings.tls)
        self.kv = rpc.KVStub(self.channel)
        self.lease = rpc.LeaseStub(self.channel)
        self.watch = rpc.WatchStub(self.channel)

    def connected(self) -> bool:
        """Whether the connection stands; if not, it is being made from now on."""
        return self.channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY


class EtcdEndpoints:
    """The members of etcd, and the one that calls go to. Made inside a running event loop."""

    def __init__(self, settings: EtcdSettings) -> None:
        self.settings = settings
        self._members = [Member(endpoint, settings) for endpoint in settings.endpoints]
        self._preferred = 0

    async def close(self) -> None:
        """Close all channels."""
        for member in self._members:
            await member.channel.close()

    async def connected_member(self, *, deadline: float) -> Member:
        """The preferred member, or the next one whose connection stands.

        Args:
            deadline: In the loop's time.

        Raises:
            CoordinatorUnavailable: No connection by then; nothing has been sent.
        """
        loop = asyncio.get_running_loop()
        while True:
            for step in range(len(self._members)):
                member = self._members[(self._preferred + step) % len(self._members)]
                if member.connected():
                    self._preferred = (self._preferred + step) % len(self._members)
                    return member
            if loop.time() >= deadline:
                names = ", ".join(self.settings.endpoints)
                raise CoordinatorUnavailable(f"no connection to etcd ({names})")
            await asyncio.sleep(_POLL_S)

    def leave(self, member: Member) -> None:
        """Prefer the next member, if this one is still the preferred one: it failed a call."""
        if self._members[self._preferred] is member:
            self._preferred = (self._preferred + 1) % len(self._members)

    async def read(self, call: Callable[[Member], Callable[..., Awaitable[T]]], request: Any) -> T:
        """Run a call that changes nothing, on one member after another until the deadline.

        Raises:
            CoordinatorUnavailable: No answer in time, or a definite refusal.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.settings.read_s
        while True:
            member = await self.connected_member(deadline=deadline)
            remaining = max(deadline - loop.time(), _POLL_S)
            timeout = min(self.settings.attempt_s, remaining)
            try:
                return await call(member)(request, timeout=timeout, metadata=REQUIRE_LEADER)
            except grpc.aio.AioRpcError as error:
                self.leave(member)
                if is_definite(error) and not _is_transient(error):
                    raise CoordinatorUnavailable(_said(error, member)) from error
                if loop.time() + _PAUSE_S >= deadline:
                    raise CoordinatorUnavailable(_said(error, member)) from error
            await asyncio.sleep(_PAUSE_S)

    async def write(self, call: Callable[[Member], Callable[..., Awaitable[T]]], request: Any) -> T:
        """Send a write once. Its failures are told apart, it is never sent again.

        Raises:
            CoordinatorUnavailable: It was not sent, or etcd refused it before it could land.
            OutcomeUnknown: It was sent, and what became of it is not known.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        # Half of the time at most goes into connecting: a write that is sent has time to be
        # answered, for "not sent" is a better answer than "unknown".
        member = await self.connected_member(deadline=started + self.settings.write_s / 2)
        timeout = started + self.settings.write_s - loop.time()
        try:
            return await call(member)(request, timeout=timeout, metadata=REQUIRE_LEADER)
        except grpc.aio.AioRpcError as error:
            self.leave(member)
            if is_definite(error):
                raise CoordinatorUnavailable(_said(error, member)) from error
            raise OutcomeUnknown(_said(error, member)) from error


def is_definite(error: grpc.aio.AioRpcError) -> bool:
    """Whether the failed request has certainly not been applied, and never will be."""
    return error.code() in _DEFINITE_CODES or error.details() in _DEFINITE_DETAILS


def is_compacted(error: grpc.aio.AioRpcError) -> bool:
    """Whether a read at a fixed revision failed because that revision is compacted."""
    return error.code() is grpc.StatusCode.OUT_OF_RANGE


def _is_transient(error: grpc.aio.AioRpcError) -> bool:
    return error.details() in _DEFINITE_DETAILS


def _said(error: grpc.aio.AioRpcError, member: Member) -> str:
    # etcd's details name no keys or values of ours; they are cut because other ends may talk more.
    return f"etcd at {member.endpoint}: {error.code().name}: {(error.details() or '')[:200]}"
