"""What this Region signs with its record key: records, grants, its founding link, proposals."""

from dataclasses import dataclass
from typing import Final

from regionkms.crypto.region_identity import RegionIdentity
from regionkms.crypto.signing import epoch_statement, grant_statement, record_statement
from regionkms.model import record_change
from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName
from regionkms.model.key import KmsKey, StoredGeneration
from regionkms.model.keyspace import Keyspace
from regionkms.model.proposal import (
    Proposal,
    SignedProposal,
    encode_proposal,
    encode_signed_proposal,
)
from regionkms.model.record import (
    Epoch,
    EpochEntry,
    EpochKind,
    Generation,
    GenerationKind,
    GenerationState,
    Grant,
    Holder,
    Incarnation,
    Record,
    SharedProperties,
)
from regionkms.model.record_codec import encode_record, encode_signed

_FIRST_EPOCH: Final = 1


@dataclass(frozen=True, slots=True)
class RecordSigner:
    """Signs for one Region."""

    identity: RegionIdentity

    def record(self, record: Record) -> bytes:
        """The value for the record's etcd key."""
        name = self._names.record(record.account_id, record.key_id)
        encoded = encode_record(record)
        signature = self.identity.record_key.sign(record_statement(name.decode(), encoded))
        return encode_signed(encoded, self._region, signature)

    def grant(self, account_id: AccountId, key_id: KeyId, target: RegionName, life: int) -> Grant:
        """This primary's word that a life of a Region may hold the key's material."""
        statement = grant_statement(
            cluster=self.identity.cluster,
            account_id=account_id,
            key_id=key_id,
            target=target,
            life=life,
            granter=self._region,
        )
        signature = self.identity.record_key.sign(statement)
        return Grant(life=life, granter=self._region, signature=signature)

    def proposal(self, proposal: Proposal) -> bytes:
        """The value for the proposal's etcd key: signed like a record, under its own name."""
        name = self._names.proposal(proposal.account_id, proposal.key_id, proposal.region)
        encoded = encode_proposal(proposal)
        signature = self.identity.record_key.sign(record_statement(name.decode(), encoded))
        return encode_signed_proposal(
            SignedProposal(proposal=encoded, writer=self._region, signature=signature)
        )

    def founding(
        self, key: KmsKey, held: tuple[StoredGeneration, ...], incarnation: Incarnation
    ) -> Record:
        """The first record of a key that this Region made (version 0)."""
        life = record_change.FOUNDER_LIFE
        return record_change.found(
            record_change.Founding(
                cluster=self.identity.cluster,
                account_id=key.account_id,
                key_id=key.key_id,
                shared=SharedProperties(
                    key_spec=key.key_spec, key_usage=key.key_usage, origin=key.origin
                ),
                generations=_listed(held, key.current_generation, self._region),
                epoch_entry=self._founding_link(key, incarnation),
                grant=self.grant(key.account_id, key.key_id, self._region, life),
            )
        )

    def _founding_link(self, key: KmsKey, incarnation: Incarnation) -> EpochEntry:
        epoch = Epoch(incarnation=incarnation, number=_FIRST_EPOCH)
        life = record_change.FOUNDER_LIFE
        statement = epoch_statement(
            cluster=self.identity.cluster,
            account_id=key.account_id,
            key_id=key.key_id,
            epoch=epoch,
            primary_region=self._region,
            kind=EpochKind.FOUND,
            taker=self._region,
            taker_life=life,
        )
        return EpochEntry(
            epoch=epoch,
            primary_region=self._region,
            kind=EpochKind.FOUND,
            taker=self._region,
            taker_life=life,
            signature=self.identity.record_key.sign(statement),
        )

    @property
    def _region(self) -> RegionName:
        return self.identity.region

    @property
    def _names(self) -> Keyspace:
        return Keyspace(self.identity.cluster)


def _listed(
    held: tuple[StoredGeneration, ...], current: GenerationId | None, founder: RegionName
) -> tuple[Generation, ...]:
    """Generations as the founder lists them: oldest first, the one in use CURRENT and last."""
    ordered = sorted(held, key=lambda one: (one.generation_id == current, one.created_at))
    holder = Holder(region=founder, life=record_change.FOUNDER_LIFE)
    return tuple(
        Generation(
            generation_id=one.generation_id,
            order=order,
            created_at=one.created_at,
            kind=GenerationKind.CREATED if order == 1 else GenerationKind.ON_DEMAND,
            fingerprint=one.fingerprint,
            state=GenerationState.CURRENT
            if one.generation_id == current
            else GenerationState.PREVIOUS,
            holders=frozenset({holder}),
        )
        for order, one in enumerate(ordered, start=1)
    )
