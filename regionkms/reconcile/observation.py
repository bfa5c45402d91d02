"""From a reading of etcd to something a planner may believe, or the reason not to. Pure.

Whoever can write etcd must not be able to obtain or replace material: nothing is taken from a
reading before signatures and chain are verified (protocol §2, Trust).
"""

from regionkms.crypto.signing import record_statement, signature_is_true
from regionkms.crypto.trust import RecordKeys, verify_record
from regionkms.model.ids import RegionName
from regionkms.model.key import MultiRegionFacts
from regionkms.model.keyspace import Keyspace
from regionkms.model.proposal import (
    Proposal,
    ProposalFormatError,
    parse_proposal,
    parse_signed_proposal,
)
from regionkms.model.record import Incarnation, Record
from regionkms.model.record_codec import RecordFormatError, parse_record, parse_signed
from regionkms.ports.coordinator import Item, Reading, RecordKey
from regionkms.reconcile.plan import NEVER_HAD, LocalFacts, Seen, Stop


def believe(
    reading: Reading,
    key: RecordKey,
    local: LocalFacts,
    *,
    names: Keyspace,
    keys: RecordKeys,
    incarnation: Incarnation,
) -> Seen | Stop:
    """Verify a reading.

    Args:
        reading: Its incarnation and own entry have been compared with the directory's.
        key: What was read.
        local: Of the same key; its mirror was believed when it was stored.
        names: Of the cluster that this Region is enrolled in.
        keys: Public record keys, from the verified directory.
        incarnation: Of the etcd data.
    """
    item = reading.record
    record: Record | None = None
    if item.present and concerns(item.value, local.region, local.facts):
        verified = _verified(item.value, key, local, names=names, keys=keys)
        if isinstance(verified, Stop):
            return verified
        record = verified
    return Seen(
        record=record,
        value=item.value,
        revision=item.mod_revision,
        incarnation=incarnation,
        proposal=own_proposal(reading.proposals.get(local.region), record, local, names, keys),
        proposals=frozenset(reading.proposals),
        alive=reading.alive,
    )


def concerns(value: bytes, region: RegionName, facts: MultiRegionFacts) -> bool:
    """Whether a record is this Region's business: it has the key, had it, or has an entry.

    Unverified: a record that leaves this Region out, or that nobody can read, is nothing to a
    Region that never had the key. Those that have it will stop.
    """
    if facts != NEVER_HAD:
        return True
    try:
        return parse_record(parse_signed(value)).member(region) is not None
    except RecordFormatError:
        return False


def _verified(
    value: bytes, key: RecordKey, local: LocalFacts, *, names: Keyspace, keys: RecordKeys
) -> Record | Stop:
    if local.mirror is not None and value == local.facts.mirror:
        return local.mirror
    try:
        signed = parse_signed(value)
        record = parse_record(signed)
    except RecordFormatError as error:
        return Stop(reason=f"the record can't be read: {error}")
    rejected = verify_record(
        signed,
        record,
        names=names,
        name=names.record(key.account_id, key.key_id),
        keys=keys,
        mirror=local.mirror,
    )
    return record if rejected is None else Stop(reason=f"the record is not believed: {rejected}")


def own_proposal(
    item: Item | None, record: Record | None, local: LocalFacts, names: Keyspace, keys: RecordKeys
) -> Proposal | None:
    """The proposal to this Region, if the primary that granted the proposed life signed it."""
    member = None if record is None else record.member(local.region)
    if item is None or member is None:
        return None
    try:
        signed = parse_signed_proposal(item.value)
        proposal = parse_proposal(signed.proposal)
    except ProposalFormatError:
        return None
    granters = {grant.granter for grant in member.grants if grant.life == member.life}
    name = names.proposal(local.account_id, local.key_id, local.region)
    statement = record_statement(name.decode(), signed.proposal)
    about = (proposal.account_id, proposal.key_id, proposal.region, proposal.life)
    is_true = (
        signed.writer in granters
        and about == (local.account_id, local.key_id, RegionName(local.region), member.life)
        and any(
            signature_is_true(one, statement, signed.signature)
            for one in keys.get(signed.writer, ())
        )
    )
    return proposal if is_true else None
