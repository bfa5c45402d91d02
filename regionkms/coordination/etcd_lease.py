"""This Region's lease: the key `alive/{Region}`, kept while the agent runs.

The lease protects operators from mistakes, not the promises (design §4): losing it changes nothing
in the data plane, and it is granted anew. Each beat is a call of its own, so that it fails over
between members like any other, and each beat checks that the key is still there under it.
"""

import asyncio
from typing import Any

import grpc
from aetcd import rpc

from regionkms.coordination import etcd_requests
from regionkms.coordination.etcd_endpoints import REQUIRE_LEADER, EtcdEndpoints
from regionkms.model.errors import CoordinatorUnavailable, OutcomeUnknown
from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.ports.coordinator import Revision

_BEATS = 3
"""Beats in a time to live: two may fail before the lease lapses."""
_PAUSE_S = 0.5
"""After a failed grant, before the next."""


class EntryMovedError(Exception):
    """The Region's own directory entry is not the one that this agent knows."""


class EtcdLease:
    """Keeps one Region's lease."""

    def __init__(self, endpoints: EtcdEndpoints, names: Keyspace, region: RegionName) -> None:
        self._endpoints = endpoints
        self._name = names.lease(region)
        self._entry_name = names.entry(region)
        self._ttl_s = endpoints.settings.lease_s

    async def hold(self, own_entry: Revision) -> None:
        """Hold the lease until cancelled, or until the own directory entry has moved (R12)."""
        while True:
            try:
                lease = await self._grant()
                await self._beat_on(lease, own_entry)
            except (CoordinatorUnavailable, OutcomeUnknown):
                # The next grant takes the key over from whatever this one left behind, and an
                # unused lease lapses: nothing to repair.
                await asyncio.sleep(_PAUSE_S)
            except EntryMovedError:
                return

    async def _grant(self) -> int:
        # Repeated like a read: a grant whose answer was lost is a lease that nobody uses.
        request = rpc.LeaseGrantRequest(TTL=self._ttl_s)
        response: Any = await self._endpoints.read(lambda member: member.lease.LeaseGrant, request)
        return int(response.ID)

    async def _beat_on(self, lease: int, own_entry: Revision) -> None:
        while True:
            if not await self._beat(lease, own_entry):
                return
            await asyncio.sleep(self._ttl_s / _BEATS)

    async def _beat(self, lease: int, own_entry: Revision) -> bool:
        """Renew the lease and see to it that the key is under it; False when it has lapsed."""
        return await self._keep_alive(lease) and await self._place_key(lease, own_entry)

    async def _keep_alive(self, lease: int) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._ttl_s * (_BEATS - 1) / _BEATS
        while True:
            member = await self._endpoints.connected_member(deadline=deadline)
            call = member.lease.LeaseKeepAlive(
                timeout=self._endpoints.settings.attempt_s, metadata=REQUIRE_LEADER
            )
            try:
                await call.write(rpc.LeaseKeepAliveRequest(ID=lease))
                response = await call.read()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                self._endpoints.leave(member)
                if loop.time() >= deadline:
                    raise CoordinatorUnavailable("the lease could not be renewed") from error
                await asyncio.sleep(_PAUSE_S)
            else:
                return response is not grpc.aio.EOF and response.TTL > 0
            finally:
                call.cancel()

    async def _place_key(self, lease: int, own_entry: Revision) -> bool:
        entry_unmoved = etcd_requests.at_revision(self._entry_name, own_entry)
        check = etcd_requests.transaction(
            [entry_unmoved, etcd_requests.under_lease(self._name, lease)],
            [],
            [etcd_requests.range_operation(etcd_requests.get(self._entry_name))],
        )
        response: Any = await self._endpoints.read(lambda member: member.kv.Txn, check)
        if response.succeeded:
            return True
        put = etcd_requests.transaction(
            [entry_unmoved],
            [etcd_requests.put_operation(self._name, etcd_requests.NO_VALUE, lease)],
            [],
        )
        response = await self._endpoints.write(lambda member: member.kv.Txn, put)
        if not response.succeeded:
            raise EntryMovedError
        return True
