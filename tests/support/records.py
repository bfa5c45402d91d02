"""A small cluster of Regions that sign records: what tests of trust and of planners start from."""

from dataclasses import replace

from regionkms.crypto.material import Material
from regionkms.crypto.signing import (
    RecordKey,
    epoch_statement,
    grant_statement,
    record_statement,
)
from regionkms.crypto.trust import RecordKeys
from regionkms.model import record_change
from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName
from regionkms.model.key_spec import KeySpec, KeyUsage, Origin
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import (
    ClusterName,
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
    SignedRecord,
)
from regionkms.model.record_codec import encode_record, encode_signed, parse_record, parse_signed

US = RegionName("us-east-1")
EU = RegionName("eu-west-1")
AP = RegionName("ap-southeast-2")
ACCOUNT = AccountId("111122223333")
KEY_ID = KeyId("mrk-0123456789abcdef0123456789abcdef")
CLUSTER = ClusterName("test-0011223344556677")
INCARNATION = Incarnation(number=1, random=0x1122334455667788)
SHARED = SharedProperties(
    key_spec=KeySpec.SYMMETRIC_DEFAULT,
    key_usage=KeyUsage.ENCRYPT_DECRYPT,
    origin=Origin.AWS_KMS,
)
NAMES = Keyspace(CLUSTER)
NAME = NAMES.record(ACCOUNT, KEY_ID)


def generation_id(number: int) -> GenerationId:
    return GenerationId(number.to_bytes(16, "big"))


def generation(
    number: int, state: GenerationState = GenerationState.DISTRIBUTING, *holders: Holder
) -> Generation:
    return Generation(
        generation_id=generation_id(number),
        order=0 if state is GenerationState.DISTRIBUTING else number,
        created_at=1_700_000_000.5,
        kind=GenerationKind.CREATED if number == 1 else GenerationKind.ON_DEMAND,
        fingerprint=bytes([number]) * 32,
        state=state,
        holders=frozenset(holders),
    )


def holder(region: RegionName, life: int = 1) -> Holder:
    return Holder(region=region, life=life)


class SigningCluster:
    """Record keys of some Regions, and what they sign. Keys are fixed: failures repeat."""

    def __init__(self, *regions: RegionName) -> None:
        self.private = {
            region: RecordKey(Material(bytes([number]) * 32))
            for number, region in enumerate(regions or (US, EU, AP), start=1)
        }

    @property
    def keys(self) -> RecordKeys:
        return {region: (key.public_key,) for region, key in self.private.items()}

    def grant(self, target: RegionName, life: int, granter: RegionName) -> Grant:
        statement = grant_statement(
            cluster=CLUSTER,
            account_id=ACCOUNT,
            key_id=KEY_ID,
            target=target,
            life=life,
            granter=granter,
        )
        return Grant(life=life, granter=granter, signature=self.private[granter].sign(statement))

    def link(
        self,
        kind: EpochKind,
        primary: RegionName,
        number: int,
        *,
        incarnation: Incarnation = INCARNATION,
        taker: RegionName | None = None,
        taker_life: int = 1,
    ) -> EpochEntry:
        epoch = Epoch(incarnation=incarnation, number=number)
        taken_by = taker or primary
        statement = epoch_statement(
            cluster=CLUSTER,
            account_id=ACCOUNT,
            key_id=KEY_ID,
            epoch=epoch,
            primary_region=primary,
            kind=kind,
            taker=taken_by,
            taker_life=taker_life,
        )
        return EpochEntry(
            epoch=epoch,
            primary_region=primary,
            kind=kind,
            taker=taken_by,
            taker_life=taker_life,
            signature=self.private[taken_by].sign(statement),
        )

    def sign(self, record: Record, writer: RegionName) -> SignedRecord:
        encoded = encode_record(record)
        signature = self.private[writer].sign(record_statement(NAME.decode(), encoded))
        return parse_signed(encode_signed(encoded, writer, signature))

    def written(self, record: Record, writer: RegionName = US) -> Record:
        """The record as it is read back after its writer signed and wrote it."""
        return parse_record(self.sign(record, writer))

    def founded(self) -> Record:
        """A new key of us-east-1, with generation 1 CURRENT."""
        founding = record_change.Founding(
            cluster=CLUSTER,
            account_id=ACCOUNT,
            key_id=KEY_ID,
            shared=SHARED,
            generations=(generation(1, GenerationState.CURRENT, holder(US)),),
            epoch_entry=self.link(EpochKind.FOUND, US, 1),
            grant=self.grant(US, 1, US),
        )
        return self.written(record_change.found(founding))

    def proposed(self, target: RegionName = EU, life: int = 1) -> Record:
        grant = self.grant(target, life, US)
        return self.written(record_change.propose_replica(self.founded(), target, grant))

    def replicated(self, target: RegionName = EU) -> Record:
        """us-east-1 is primary, `target` a MEMBER that holds generation 1."""
        accepted = self.written(record_change.accept_proposal(self.proposed(target), target))
        joined = record_change.join(accepted, target, {generation_id(1)})
        return self.written(joined, target)


def altered(signed: SignedRecord, position: int) -> SignedRecord:
    """One bit of the record's bytes flipped, under the old signature."""
    flipped = bytearray(signed.record)
    flipped[position] ^= 1
    return replace(signed, record=bytes(flipped))
