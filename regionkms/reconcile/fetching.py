"""Fetch (protocol §5): ask holders for sealed material, prove it, store it in one transaction.

Nothing is believed because a peer sent it: it opens only under the seal's whole purpose, and a
generation must have the fingerprint that the signed record names (R8, H1).
"""

import hmac
import logging
from collections.abc import Sequence
from dataclasses import replace

from regionkms.crypto.binding import BINDING_KEY_BYTES, fingerprint
from regionkms.crypto.material import Material
from regionkms.crypto.sealing import SealInfo
from regionkms.model.errors import MaterialUnreadable, PeerUnreachable
from regionkms.model.ids import GenerationId, RegionName
from regionkms.model.key import Phase, StoredGeneration, WrappedBindingKey
from regionkms.model.record import Generation, Member, Record
from regionkms.ports.coordinator import RecordKey
from regionkms.ports.key_transport import FetchRequest, Peer
from regionkms.ports.store import StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind, Vault
from regionkms.reconcile.directory import RegionDirectory
from regionkms.reconcile.plan import Fetch, LocalFacts
from regionkms.reconcile.ports import AgentPorts

_log = logging.getLogger(__name__)


class Fetcher:
    """The asking side of one Region."""

    def __init__(self, ports: AgentPorts, directory: RegionDirectory) -> None:
        self._ports = ports
        self._directory = directory

    async def fetch(self, step: Fetch, local: LocalFacts) -> None:
        """Get what the step wants; what some holder gave is stored also if the rest fails.

        Raises:
            PeerUnreachable: Nobody gave something of it; look again later.
            StoreUnavailable: It could not be stored.
        """
        binding_key = await self._binding_key(step, local)
        found: dict[GenerationId, Material] = {}
        failure: PeerUnreachable | None = None
        for generation_id in step.generations:
            listed = step.record.generation(generation_id)
            if listed is None or not listed.fingerprint:
                continue
            try:
                found[generation_id] = await self._generation(step, listed, binding_key)
            except PeerUnreachable as error:
                failure = error
        await self._keep(step, binding_key, found)
        if failure is not None:
            raise failure

    async def _binding_key(self, step: Fetch, local: LocalFacts) -> Material:
        if not step.binding_key and local.key is not None:
            return unwrap_binding_key(self._ports.vault, _key_of(step), local.key.binding_key)
        material = await self._ask_all(step, None, step.sources)
        if len(material) != BINDING_KEY_BYTES:
            raise PeerUnreachable("a peer sent a binding key of another length")
        return material

    async def _generation(self, step: Fetch, listed: Generation, binding_key: Material) -> Material:
        holders = step.record.held_by_present(listed)
        sources = [one for one in step.sources if one.region in holders]
        material = await self._ask_all(step, listed, sources)
        try:
            proof = fingerprint(
                binding_key,
                generation_id=listed.generation_id,
                key_spec=step.record.shared.key_spec,
                material=material,
            )
        except ValueError as error:
            raise PeerUnreachable("a peer sent material of another length") from error
        if not hmac.compare_digest(proof, listed.fingerprint):
            raise PeerUnreachable("a peer sent material with another fingerprint")
        return material

    async def _ask_all(
        self, step: Fetch, listed: Generation | None, sources: Sequence[Member]
    ) -> Material:
        """Ask one source after another."""
        failure = PeerUnreachable("no Region that holds it is known")
        for source in sources:
            try:
                return await self._ask(step, listed, source.region)
            except PeerUnreachable as error:
                failure = error
            except MaterialUnreadable as error:
                failure = PeerUnreachable(f"what {source.region} sent does not open")
                failure.__cause__ = error
            _log.warning("fetch from %s failed: %s", source.region, failure)
        raise failure

    async def _ask(self, step: Fetch, listed: Generation | None, source: RegionName) -> Material:
        entry = self._directory.entry(source)
        if entry is None:
            raise PeerUnreachable(f"{source} is not in the directory")
        transport_key = self._ports.identity.transport_key
        record = step.record
        sealed = await self._ports.transport.fetch(
            Peer(region=source, address=self._ports.peer_addresses.get(source, entry.address)),
            FetchRequest(
                account_id=record.account_id,
                key_id=record.key_id,
                generation_id=None if listed is None else listed.generation_id,
                life=step.life,
                epoch=record.epoch,
                transport_key_id=transport_key.key_id,
            ),
        )
        info = seal_info(
            record,
            listed,
            source=source,
            target=self._ports.region,
            life=step.life,
            transport_key_id=transport_key.key_id,
        )
        return transport_key.open(sealed, info)

    async def _keep(
        self, step: Fetch, binding_key: Material, found: dict[GenerationId, Material]
    ) -> None:
        """One transaction; nothing if the life ended, or the bytes came, in the meantime."""
        vault, key = self._ports.vault, _key_of(step)
        wrapped_key = wrap_binding_key(vault, key, binding_key)
        generations = [
            wrap_generation(vault, step.record, generation_id, material)
            for generation_id, material in found.items()
        ]

        def keep(tx: StoreTransaction) -> None:
            row = tx.keys.get(key.account_id, key.key_id)
            facts = None if row is None else row.multi_region
            if row is None or facts is None or facts.life != step.life:
                return
            if facts.phase not in {Phase.CREATING, Phase.LIVE}:
                return
            if not row.binding_key.wrapped:
                tx.keys.update(replace(row, binding_key=wrapped_key))
            held = {one.generation_id for one in tx.generations.of_key(key.account_id, key.key_id)}
            for generation in generations:
                if generation.generation_id not in held:
                    tx.generations.put(key.account_id, key.key_id, generation)

        await self._ports.store.write(keep)


def seal_info(
    record: Record,
    listed: Generation | None,
    *,
    source: RegionName,
    target: RegionName,
    life: int,
    transport_key_id: str,
) -> SealInfo:
    """What a seal is for, from the record as one side knows it (protocol §2 Trust)."""
    return SealInfo(
        cluster=record.cluster,
        incarnation=record.incarnation,
        epoch=record.epoch,
        account_id=record.account_id,
        key_id=record.key_id,
        generation_id=None if listed is None else listed.generation_id,
        fingerprint=b"" if listed is None else listed.fingerprint,
        source=source,
        target=target,
        life=life,
        transport_key_id=transport_key_id,
    )


def binding_key_identity(key: RecordKey) -> MaterialIdentity:
    """How a key's binding key is wrapped."""
    return MaterialIdentity(
        kind=MaterialKind.BINDING_KEY, account_id=key.account_id, key_id=key.key_id, name=b""
    )


def generation_identity(key: RecordKey, generation_id: GenerationId) -> MaterialIdentity:
    """How a generation's material is wrapped."""
    return MaterialIdentity(
        kind=MaterialKind.KEY_MATERIAL,
        account_id=key.account_id,
        key_id=key.key_id,
        name=generation_id,
    )


def unwrap_binding_key(vault: Vault, key: RecordKey, wrapped: WrappedBindingKey) -> Material:
    """Open a key's binding key.

    Raises:
        VaultSealed, MaterialUnreadable: It does not open.
    """
    return vault.unwrap(wrapped.domain_key_id, wrapped.wrapped, binding_key_identity(key))


def wrap_binding_key(vault: Vault, key: RecordKey, material: Material) -> WrappedBindingKey:
    """Wrap a key's binding key for this store."""
    domain_key_id, wrapped = vault.wrap(material, binding_key_identity(key))
    return WrappedBindingKey(domain_key_id=domain_key_id, wrapped=wrapped)


def wrap_generation(
    vault: Vault, record: Record, generation_id: GenerationId, material: Material
) -> StoredGeneration:
    """Wrap material whose fingerprint has been compared with the record's."""
    listed = record.generation(generation_id)
    if listed is None:
        raise ValueError("the generation is not listed")
    key = RecordKey(account_id=record.account_id, key_id=record.key_id)
    domain_key_id, wrapped = vault.wrap(material, generation_identity(key, generation_id))
    return StoredGeneration(
        generation_id=generation_id,
        domain_key_id=domain_key_id,
        wrapped=wrapped,
        fingerprint=listed.fingerprint,
        created_at=listed.created_at,
    )


def _key_of(step: Fetch) -> RecordKey:
    return RecordKey(account_id=step.record.account_id, key_id=step.record.key_id)
