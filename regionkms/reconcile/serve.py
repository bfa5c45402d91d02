"""The answering side of Fetch: seals material to a Region that a primary has granted it to.

1. the record is read linearizably, and believed;
2. the request is not of an older epoch than the record, nor of one that the record has not reached;
3. the target's entry is accepted or MEMBER in the life that asks, with a traceable grant;
4. this Region is a present member and holds what is asked for;
5. the seal is for the transport key that the verified directory names.

The connection's certificate has named the target before any of this. Source: protocol §2 (Trust),
§5 (Fetch).
"""

from typing import Final

from regionkms.crypto.material import Material
from regionkms.crypto.sealing import seal
from regionkms.crypto.trust import grant_is_traceable
from regionkms.model.errors import CoordinatorUnavailable, MaterialUnreadable, VaultSealed
from regionkms.model.ids import RegionName
from regionkms.model.record import Generation, GenerationState, Record
from regionkms.ports.coordinator import RecordKey
from regionkms.ports.key_transport import (
    FetchRefused,
    FetchRequest,
    RefusalCode,
    SealedMaterial,
)
from regionkms.reconcile.directory import RegionDirectory
from regionkms.reconcile.fetching import generation_identity, seal_info, unwrap_binding_key
from regionkms.reconcile.local import read_local
from regionkms.reconcile.observation import believe
from regionkms.reconcile.plan import LocalFacts, Stop, missing_knowledge
from regionkms.reconcile.ports import AgentPorts

_UNREADABLE: Final = "the record can't be read or believed at the moment"


class MaterialServer:
    """Implements `regionkms.ports.key_transport.FetchHandler` for one Region."""

    def __init__(self, ports: AgentPorts, directory: RegionDirectory) -> None:
        self._ports = ports
        self._directory = directory

    async def serve(self, target: RegionName, request: FetchRequest) -> SealedMaterial:
        """See the port."""
        key = RecordKey(account_id=request.account_id, key_id=request.key_id)
        record, local = await self._read(key)
        self._check_request(record, target, request)
        listed = self._asked_for(record, local, request)
        entry = self._directory.entry(target)
        if entry is None or entry.transport_key_id != request.transport_key_id:
            raise FetchRefused(
                RefusalCode.WRONG_TRANSPORT_KEY, "the directory names another transport key"
            )
        info = seal_info(
            record,
            listed,
            source=self._ports.region,
            target=target,
            life=request.life,
            transport_key_id=request.transport_key_id,
        )
        return SealedMaterial(seal(entry.transport_key, info, self._open(local, key, listed)))

    async def _read(self, key: RecordKey) -> tuple[Record, LocalFacts]:
        """Step 1."""
        floor = self._directory.floor
        try:
            reading = await self._ports.coordinator.read_record(key)
            is_current = await self._directory.is_current(reading, floor)
        except CoordinatorUnavailable as error:
            raise FetchRefused(RefusalCode.UNVERIFIED, _UNREADABLE) from error
        if not is_current or self._directory.stopped:
            raise FetchRefused(RefusalCode.UNVERIFIED, _UNREADABLE)
        region, store = self._ports.region, self._ports.store
        local = await store.read(
            lambda tx: read_local(tx, key, region=region, store_id=store.store_id)
        )
        seen = believe(
            reading,
            key,
            local,
            names=self._ports.names,
            keys=self._directory.keys,
            incarnation=self._directory.incarnation,
        )
        if isinstance(seen, Stop) or missing_knowledge(local, seen) is not None:
            raise FetchRefused(RefusalCode.UNVERIFIED, _UNREADABLE)
        if seen.record is None:
            raise FetchRefused(RefusalCode.NOT_GRANTED, "there is no such record")
        return seen.record, local

    def _check_request(self, record: Record, target: RegionName, request: FetchRequest) -> None:
        """Steps 2 and 3."""
        if request.epoch < record.epoch:
            raise FetchRefused(RefusalCode.STALE_EPOCH, "the record is in a later epoch")
        if request.epoch > record.epoch:
            raise FetchRefused(RefusalCode.UNVERIFIED, "the record is in an earlier epoch")
        member = record.member(target)
        if member is None or member.life != request.life or not member.may_receive:
            raise FetchRefused(
                RefusalCode.NOT_GRANTED, "the Region is not accepted in the life that it names"
            )
        if not grant_is_traceable(record, target, request.life, self._directory.keys):
            raise FetchRefused(RefusalCode.NOT_GRANTED, "no grant of a primary can be traced")

    def _asked_for(
        self, record: Record, local: LocalFacts, request: FetchRequest
    ) -> Generation | None:
        """Step 4: the listed generation, or None for the binding key."""
        is_holder = local.present_in(record) is not None and local.has_binding_key
        if request.generation_id is None:
            if not is_holder:
                raise FetchRefused(RefusalCode.NOT_HELD, "the binding key is not here")
            return None
        listed = record.generation(request.generation_id)
        if listed is None or listed.state is GenerationState.ABANDONED:
            raise FetchRefused(RefusalCode.NOT_GRANTED, "the generation is not listed")
        if not is_holder or not local.holds(record, request.generation_id):
            raise FetchRefused(RefusalCode.NOT_HELD, "the generation is not here")
        return listed

    def _open(self, local: LocalFacts, key: RecordKey, listed: Generation | None) -> Material:
        try:
            if listed is None:
                if local.key is None:
                    raise FetchRefused(RefusalCode.NOT_HELD, "the binding key is not here")
                return unwrap_binding_key(self._ports.vault, key, local.key.binding_key)
            stored = local.held[listed.generation_id]
            return self._ports.vault.unwrap(
                stored.domain_key_id,
                stored.wrapped,
                generation_identity(key, listed.generation_id),
            )
        except (VaultSealed, MaterialUnreadable) as error:
            raise FetchRefused(RefusalCode.NOT_HELD, "it does not open here") from error
