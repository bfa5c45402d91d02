"""The Coordinator of ports/coordinator.py on etcd (protocol §2).

Made by the composition root, one for each agent, inside its event loop. Values pass through
unread. Built on the generated stubs of aetcd (`aetcd.rpc`), not on its client; an ADR says why.
"""

from collections.abc import AsyncIterator, Mapping

from regionkms.coordination import etcd_requests
from regionkms.coordination.etcd_endpoints import EtcdEndpoints
from regionkms.coordination.etcd_lease import EtcdLease
from regionkms.coordination.etcd_settings import EtcdSettings
from regionkms.coordination.etcd_watch import EtcdWatch
from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import ClusterName
from regionkms.ports.coordinator import (
    Changes,
    Directory,
    EntryLost,
    Guard,
    Item,
    Lost,
    Reading,
    RecordKey,
    RecordWrite,
    Revision,
    ScanPage,
    Won,
)


class EtcdCoordinator:
    """One Region's view of the shared state in etcd."""

    def __init__(self, settings: EtcdSettings, cluster: ClusterName, region: RegionName) -> None:
        self._settings = settings
        self._names = Keyspace(cluster)
        self._region = region
        self._endpoints = EtcdEndpoints(settings)

    async def close(self) -> None:
        """Close the connections to etcd."""
        await self._endpoints.close()

    async def read_record(self, key: RecordKey) -> Reading:
        """See Coordinator.read_record."""
        operations = etcd_requests.reading_operations(self._names, self._region, key)
        request = etcd_requests.transaction([], operations, [])
        response = await self._endpoints.read(lambda member: member.kv.Txn, request)
        return etcd_requests.reading(self._names, response)

    async def commit(self, key: RecordKey, guard: Guard, write: RecordWrite) -> Won | Lost:
        """See Coordinator.commit."""
        request = etcd_requests.commit_request(self._names, self._region, key, guard, write)
        response = await self._endpoints.write(lambda member: member.kv.Txn, request)
        if response.succeeded:
            return Won(revision=Revision(response.header.revision))
        return Lost(current=etcd_requests.reading(self._names, response))

    async def scan(self, *, changed_after: Revision) -> AsyncIterator[ScanPage]:
        """See Coordinator.scan."""
        start = self._names.records
        place = None
        while True:
            request = etcd_requests.scan_request(
                self._names, start, changed_after, self._settings.page_size
            )
            if place is not None:
                request.revision = place.revision
            response = await self._endpoints.read(lambda member: member.kv.Range, request)
            place = place or etcd_requests.place(response)
            yield etcd_requests.scan_page(self._names, response, place)
            if not response.more:
                return
            start = response.kvs[-1].key + b"\x00"

    def watch(self, *, after: Revision) -> AsyncIterator[Changes]:
        """See Coordinator.watch."""
        return EtcdWatch(self._endpoints, self._names).changes(after)

    async def read_directory(self) -> Directory:
        """See Coordinator.read_directory."""
        request = etcd_requests.directory_request(self._names)
        response = await self._endpoints.read(lambda member: member.kv.Txn, request)
        return etcd_requests.directory(self._names, response)

    async def put_entry(self, value: bytes, *, replaces: Revision) -> Won | EntryLost:
        """See Coordinator.put_entry."""
        return await self._replace(self._names.entry(self._region), value, replaces)

    async def put_incarnation(self, value: bytes, *, replaces: Revision) -> Won | EntryLost:
        """See Coordinator.put_incarnation."""
        return await self._replace(self._names.incarnation, value, replaces)

    async def audit_heads(self) -> Mapping[str, Item]:
        """See Coordinator.audit_heads."""
        request = etcd_requests.get_prefix(self._names.audit_heads(self._region))
        response = await self._endpoints.read(lambda member: member.kv.Range, request)
        return etcd_requests.by_last_part(self._names, response)

    async def put_audit_head(
        self, chain: str, value: bytes, *, replaces: Revision
    ) -> Won | EntryLost:
        """See Coordinator.put_audit_head."""
        return await self._replace(self._names.audit_head(self._region, chain), value, replaces)

    async def hold_lease(self, *, own_entry: Revision) -> None:
        """See Coordinator.hold_lease."""
        await EtcdLease(self._endpoints, self._names, self._region).hold(own_entry)

    async def _replace(self, name: bytes, value: bytes, replaces: Revision) -> Won | EntryLost:
        request = etcd_requests.transaction(
            [etcd_requests.at_revision(name, replaces)],
            [etcd_requests.put_operation(name, value)],
            [etcd_requests.range_operation(etcd_requests.get(name))],
        )
        response = await self._endpoints.write(lambda member: member.kv.Txn, request)
        if response.succeeded:
            return Won(revision=Revision(response.header.revision))
        return EntryLost(current=etcd_requests.item(response.responses[0].response_range))
