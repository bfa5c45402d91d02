"""Whether a record may be believed: who wrote it, how each primary came to be, who was granted.

Whoever can write etcd must not be able to obtain or replace material. So nothing in a record is
believed because it stands there; it is believed because of signatures:

1. the record is the one that the etcd key names, in this cluster;
2. the exact bytes under that key are signed by a record key of the writer, which is in the
   directory;
3. the chain of primaries leads to the record's epoch from what this Region's mirror shows, or from
   the founder; each link is signed by the Region that took it, and allowed by its kind;
4. each present member has a grant for its present life by a primary in the chain.

What is refused here is treated like a record of an etcd that was rolled back: acts stop, the data
plane goes on. Whether a record lacks what the mirror has is asked by `rolled_back`.
Source: protocol §2 (Trust), §6 (Detection).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, assert_never

from regionkms.crypto.signing import (
    Statement,
    epoch_statement,
    grant_statement,
    record_statement,
    signature_is_true,
)
from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace
from regionkms.model.record import (
    EpochEntry,
    EpochKind,
    Grant,
    MemberState,
    Record,
    SignedRecord,
)

KEPT_VERDICTS: Final = 16_384
"""Verdicts on signatures that are kept, of 300 to 400 bytes each: a verification takes 0.1 ms, and
each key has a few that come again with every look. A verdict follows from its arguments alone."""

RecordKeys = Mapping[RegionName, tuple[bytes, ...]]
"""Public record keys of every Region in the directory, the present one and former ones: a grant
or a link of the chain outlives the key that signed it."""


class Rejection(StrEnum):
    """Why a record is not believed."""

    WRONG_NAME = "the record is another key's or another cluster's"
    UNKNOWN_WRITER = "the writer is not in the directory"
    WRITER_SIGNATURE = "the writer's signature is not true"
    CHAIN_START = "the chain of primaries does not start where it must"
    CHAIN_ORDER = "the chain of primaries is out of order, or does not end in the record's epoch"
    LINK_SIGNATURE = "a link of the chain is not signed by the Region that took it"
    LINK_GRANT = "a link of the chain was taken without a grant"
    MEMBER_GRANT = "a member has no grant for its present life"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRejected:
    """A record that is not believed, and where it failed.

    Attributes:
        subject: The Region that the rejection is about, for the log; empty if none.
    """

    reason: Rejection
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.reason.value} ({self.subject})" if self.subject else self.reason.value


def verify_record(
    signed: SignedRecord,
    record: Record,
    *,
    names: Keyspace,
    name: bytes,
    keys: RecordKeys,
    mirror: Record | None,
) -> RecordRejected | None:
    """Check steps 1 to 4 of the module's list; None if the record is to be believed.

    Args:
        signed: As read from etcd.
        record: What it holds, by parse_record.
        names: Of the cluster that this Region is enrolled in.
        name: The etcd key that the value was read from.
        keys: From the verified directory.
        mirror: This Region's mirror of the record, already believed; None before the first look.
    """
    if record.cluster != names.cluster or names.record(record.account_id, record.key_id) != name:
        return RecordRejected(reason=Rejection.WRONG_NAME)
    if signed.writer not in keys:
        return RecordRejected(reason=Rejection.UNKNOWN_WRITER, subject=signed.writer)
    statement = record_statement(name.decode(), signed.record)
    if not _signed_by(keys, signed.writer, statement, signed.signature):
        return RecordRejected(reason=Rejection.WRITER_SIGNATURE, subject=signed.writer)
    trust = _Trust(record, keys, mirror)
    return trust.chain_rejection() or trust.member_rejection()


def grant_is_traceable(record: Record, region: RegionName, life: int, keys: RecordKeys) -> bool:
    """Whether a life of a Region has a grant by a primary of the record's chain.

    What a source asks of a believed record, read linearizably, before it seals (protocol §2).
    """
    trust = _Trust(record, keys, None)
    return trust.has_grant(region, life, {entry.primary_region for entry in record.epochs})


def rolled_back(mirror: Record, record: Record) -> str | None:
    """What a record lacks that this Region's mirror of it has; None if it only went forward.

    Source: protocol §6 (Detection), R7. A fact for the alarm, never a reason to change the mirror.
    """
    return next(_lacks(mirror, record), None)


def _lacks(mirror: Record, record: Record) -> Iterator[str]:
    if record.seq < mirror.seq:
        yield f"seq {record.seq} is below {mirror.seq}"
    if record.seq == mirror.seq and record.value_hash != mirror.value_hash:
        yield f"another record has seq {record.seq}"
    if record.epoch < mirror.epoch:
        yield "the epoch is lower"
    if record.epoch == mirror.epoch and record.primary_region != mirror.primary_region:
        yield "another primary has the epoch"
    if set(mirror.epochs) - set(record.epochs):
        yield "links of the chain of primaries are missing"
    yield from _lacks_members(mirror, record)
    yield from _lacks_generations(mirror, record)


def _lacks_members(mirror: Record, record: Record) -> Iterator[str]:
    ended = {MemberState.DELETED, MemberState.RETIRED}
    for known in mirror.members:
        member = record.member(known.region)
        if member is None or member.life < known.life:
            yield f"{known.region} has no entry, or a lower life"
        elif member.life == known.life and known.state in ended and member.present:
            yield f"{known.region} is present in a life that had ended"


def _lacks_generations(mirror: Record, record: Record) -> Iterator[str]:
    ids = {generation.generation_id for generation in record.generations}
    if any(generation.generation_id not in ids for generation in mirror.generations):
        yield "a generation is missing"
    before, now = mirror.current, record.current
    if before is not None and (now is None or now.order < before.order):
        yield "CURRENT is an older generation"


class _Trust:
    """The checks of one record's chain and grants."""

    def __init__(self, record: Record, keys: RecordKeys, mirror: Record | None) -> None:
        self._record = record
        self._keys = keys
        self._mirror = mirror
        # Grants and links that the mirror shows were believed when it was written.
        known = () if mirror is None else mirror.members
        self._known_grants = {(one.region, grant) for one in known for grant in one.grants}
        self._known_links = frozenset(() if mirror is None else mirror.epochs)

    def chain_rejection(self) -> RecordRejected | None:
        """Step 3."""
        entries = self._record.epochs
        last = entries[-1]
        if (last.epoch, last.primary_region) != (self._record.epoch, self._record.primary_region):
            return RecordRejected(reason=Rejection.CHAIN_ORDER, subject=last.primary_region)
        if not self._known_links <= set(entries):
            return RecordRejected(reason=Rejection.CHAIN_START)
        rejection = self._founding_rejection(entries[0])
        former = entries[0]
        primaries = {former.primary_region}
        for entry in entries[1:]:
            rejection = rejection or self._link_rejection(entry, former, primaries)
            primaries.add(entry.primary_region)
            former = entry
        return rejection

    def member_rejection(self) -> RecordRejected | None:
        """Step 4."""
        primaries = {entry.primary_region for entry in self._record.epochs}
        for member in self._record.present_members:
            if not self.has_grant(member.region, member.life, primaries):
                return RecordRejected(reason=Rejection.MEMBER_GRANT, subject=member.region)
        return None

    def has_grant(self, region: RegionName, life: int, granters: Iterable[RegionName]) -> bool:
        """Whether the Region's entry has a true grant for the life by one of the granters."""
        member = self._record.member(region)
        allowed = frozenset(granters)
        return member is not None and any(
            grant.life == life and grant.granter in allowed and self._is_true(region, grant)
            for grant in member.grants
        )

    def _founding_rejection(self, entry: EpochEntry) -> RecordRejected | None:
        founder = entry.primary_region
        if entry in self._known_links:
            return None
        is_first = entry.kind is EpochKind.FOUND and entry.epoch.number == 1
        if not is_first or (entry.taker, entry.taker_life) != (founder, 1):
            return RecordRejected(reason=Rejection.CHAIN_START, subject=founder)
        return self._taker_rejection(entry, granted=self.has_grant(founder, 1, {founder}))

    def _link_rejection(
        self, entry: EpochEntry, former: EpochEntry, primaries: set[RegionName]
    ) -> RecordRejected | None:
        if not self._follows(entry, former):
            return RecordRejected(reason=Rejection.CHAIN_ORDER, subject=entry.primary_region)
        if entry in self._known_links:
            return None
        granted = self._may_take(entry, former, primaries)
        return self._taker_rejection(entry, granted=granted)

    def _taker_rejection(self, entry: EpochEntry, *, granted: bool) -> RecordRejected | None:
        statement = epoch_statement(
            cluster=self._record.cluster,
            account_id=self._record.account_id,
            key_id=self._record.key_id,
            epoch=entry.epoch,
            primary_region=entry.primary_region,
            kind=entry.kind,
            taker=entry.taker,
            taker_life=entry.taker_life,
        )
        if not _said_by(self._keys, entry.taker, statement, entry.signature):
            return RecordRejected(reason=Rejection.LINK_SIGNATURE, subject=entry.taker)
        if not granted:
            return RecordRejected(reason=Rejection.LINK_GRANT, subject=entry.taker)
        return None

    def _follows(self, entry: EpochEntry, former: EpochEntry) -> bool:
        """Only an adopt starts another incarnation, at 1; in the present one links count up by 1.

        In a former incarnation a merge may have left two links of one epoch.
        """
        epoch, before = entry.epoch, former.epoch
        adopts = entry.kind is EpochKind.ADOPT
        if epoch.incarnation != before.incarnation:
            return adopts and epoch > before and epoch.number == 1
        if epoch.incarnation != self._record.epoch.incarnation:
            return not adopts and epoch >= before
        return not adopts and epoch.number == before.number + 1

    def _may_take(self, entry: EpochEntry, former: EpochEntry, primaries: set[RegionName]) -> bool:
        """What each kind of link needs (protocol §2, Trust)."""
        taker, life = entry.taker, entry.taker_life
        match entry.kind:
            case EpochKind.UPDATE | EpochKind.PROMOTE:
                return taker == entry.primary_region and self.has_grant(taker, life, primaries)
            case EpochKind.REJOIN:
                return (
                    taker == entry.primary_region
                    and self.has_grant(taker, life, {taker})
                    and self._had_grant(taker, life, primaries)
                )
            case EpochKind.ADOPT:
                unmoved = entry.primary_region == former.primary_region
                return unmoved and self._had_grant(taker, life + 1, primaries)
            case EpochKind.FOUND:
                return False
            case _:
                assert_never(entry.kind)

    def _had_grant(self, region: RegionName, below: int, granters: set[RegionName]) -> bool:
        member = self._record.member(region)
        lives = () if member is None else tuple(grant.life for grant in member.grants)
        return any(self.has_grant(region, life, granters) for life in lives if life < below)

    def _is_true(self, region: RegionName, grant: Grant) -> bool:
        if (region, grant) in self._known_grants:
            return True
        statement = grant_statement(
            cluster=self._record.cluster,
            account_id=self._record.account_id,
            key_id=self._record.key_id,
            target=region,
            life=grant.life,
            granter=grant.granter,
        )
        return _said_by(self._keys, grant.granter, statement, grant.signature)


def _signed_by(
    keys: RecordKeys, region: RegionName, statement: Statement, signature: bytes
) -> bool:
    candidates = keys.get(region, ())
    return any(signature_is_true(key, statement, signature) for key in candidates)


def _said_by(keys: RecordKeys, region: RegionName, statement: Statement, signature: bytes) -> bool:
    """`_signed_by` for grants and links: they stand in every later record of the key unchanged."""
    candidates = keys.get(region, ())
    return any(_is_true_once(key, statement, signature) for key in candidates)


@lru_cache(maxsize=KEPT_VERDICTS)
def _is_true_once(key: bytes, statement: Statement, signature: bytes) -> bool:
    return signature_is_true(key, statement, signature)
