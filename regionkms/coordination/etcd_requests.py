"""Requests and answers of etcd as values of the coordinator's port; pure, no connection here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aetcd import rpc

from regionkms.model.ids import RegionName
from regionkms.model.keyspace import Keyspace, range_end
from regionkms.ports.coordinator import (
    ABSENT,
    Directory,
    Guard,
    Item,
    Place,
    Reading,
    RecordKey,
    RecordWrite,
    Revision,
    ScanPage,
)

# aetcd's generated modules carry no types: messages are Any here, and nowhere above this package.
Message = Any

_RECORD, _INCARNATION, _OWN_ENTRY, _PROPOSALS, _ALIVE = range(5)
"""Places of the answers to `reading_operations`."""


def get(key: bytes) -> Message:
    """A linearizable range request of one key."""
    return rpc.RangeRequest(key=key)


def get_prefix(prefix: bytes) -> Message:
    """A linearizable range request of all keys with a prefix."""
    return rpc.RangeRequest(key=prefix, range_end=range_end(prefix))


def get_names(prefix: bytes) -> Message:
    """As `get_prefix`, without values."""
    return rpc.RangeRequest(key=prefix, range_end=range_end(prefix), keys_only=True)


def transaction(
    compare: Sequence[Message], success: Sequence[Message], failure: Sequence[Message]
) -> Message:
    """A transaction; with nothing to compare it always takes `success`."""
    return rpc.TxnRequest(compare=compare, success=success, failure=failure)


def range_operation(request: Message) -> Message:
    """A range request as a part of a transaction."""
    return rpc.RequestOp(request_range=request)


def put_operation(key: bytes, value: bytes, lease: int = 0) -> Message:
    """A put as a part of a transaction."""
    return rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value, lease=lease))


def delete_operation(key: bytes) -> Message:
    """A delete as a part of a transaction."""
    return rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))


def at_revision(key: bytes, revision: Revision) -> Message:
    """Compare: the key was last changed at the revision; ABSENT: there is no such key."""
    return rpc.Compare(
        key=key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=revision
    )


def absent(key: bytes) -> Message:
    """Compare: there is no such key (version 0)."""
    return rpc.Compare(key=key, target=rpc.Compare.VERSION, result=rpc.Compare.EQUAL, version=0)


def under_lease(key: bytes, lease: int) -> Message:
    """Compare: the key is held by the lease."""
    return rpc.Compare(key=key, target=rpc.Compare.LEASE, result=rpc.Compare.EQUAL, lease=lease)


def reading_operations(names: Keyspace, own: RegionName, key: RecordKey) -> list[Message]:
    """What a Reading is made of, in the order that `reading` expects."""
    return [
        range_operation(get(names.record(key.account_id, key.key_id))),
        range_operation(get(names.incarnation)),
        range_operation(get(names.entry(own))),
        range_operation(get_prefix(names.proposals(key.account_id, key.key_id))),
        range_operation(get_names(names.leases)),
    ]


def reading(names: Keyspace, response: Message) -> Reading:
    """The Reading in the answer to `reading_operations`."""
    answers = [answer.response_range for answer in response.responses]
    return Reading(
        place=place(response),
        record=item(answers[_RECORD]),
        incarnation=item(answers[_INCARNATION]),
        own_entry=item(answers[_OWN_ENTRY]),
        proposals=by_region(names, answers[_PROPOSALS]),
        alive=frozenset(by_region(names, answers[_ALIVE])),
    )


def commit_request(
    names: Keyspace, own: RegionName, key: RecordKey, guard: Guard, write: RecordWrite
) -> Message:
    """The one transaction of a commit; when a guard fails it reads what is there instead.

    Raises:
        ValueError: The guard names no incarnation or no own entry: a Region that is not in the
            directory writes nothing (R12).
    """
    if ABSENT in {guard.incarnation, guard.own_entry}:
        raise ValueError("a commit compares the incarnation and the writer's own directory entry")
    record = names.record(key.account_id, key.key_id)
    compare = [
        at_revision(record, guard.record),
        at_revision(names.incarnation, guard.incarnation),
        at_revision(names.entry(own), guard.own_entry),
    ]
    if guard.lease_absent is not None:
        compare.append(absent(names.lease(guard.lease_absent)))
    success = [put_operation(record, write.value)]
    for region, value in write.put_proposals.items():
        name = names.proposal(key.account_id, key.key_id, region)
        success.append(put_operation(name, value))
    ended = sorted(write.delete_proposals - set(write.put_proposals))
    success.extend(
        delete_operation(names.proposal(key.account_id, key.key_id, region)) for region in ended
    )
    return transaction(compare, success, reading_operations(names, own, key))


def directory_request(names: Keyspace) -> Message:
    """The transaction that `directory` reads."""
    requests = (get(names.incarnation), get_prefix(names.entries), get_names(names.leases))
    return transaction([], [range_operation(request) for request in requests], [])


def directory(names: Keyspace, response: Message) -> Directory:
    """The Directory in the answer to `directory_request`."""
    incarnation, entries, leases = (answer.response_range for answer in response.responses)
    return Directory(
        place=place(response),
        incarnation=item(incarnation),
        entries=by_region(names, entries),
        alive=frozenset(by_region(names, leases)),
    )


def scan_request(names: Keyspace, start: bytes, changed_after: Revision, limit: int) -> Message:
    """One page of a scan, from a key on; the caller pins the revision of the first page.

    etcd applies `min_mod_revision` after it has collected the range, so a page costs etcd the rest
    of the range; what moved since the last pass is one page as a rule. A full scan sets no filter,
    and its pages are cheap.
    """
    request = rpc.RangeRequest(key=start, range_end=range_end(names.records), limit=limit)
    if changed_after > 0:
        request.min_mod_revision = changed_after + 1
    return request


def scan_page(names: Keyspace, response: Message, at: Place) -> ScanPage:
    """The records in an answer to `scan_request`; other keys below the prefix are left out."""
    records = []
    for pair in response.kvs:
        named = names.named_record(pair.key)
        if named is not None:
            key = RecordKey(account_id=named.account_id, key_id=named.key_id)
            found = Item(value=pair.value, mod_revision=Revision(pair.mod_revision))
            records.append((key, found))
    return ScanPage(place=at, records=records)


def place(response: Message) -> Place:
    """Which etcd answered, from the header of an answer."""
    header = response.header
    return Place(cluster_id=header.cluster_id, revision=Revision(header.revision))


def item(answer: Message) -> Item:
    """The one key of a range answer, or an absent Item."""
    for pair in answer.kvs:
        return Item(value=pair.value, mod_revision=Revision(pair.mod_revision))
    return Item(value=b"", mod_revision=ABSENT)


def by_region(names: Keyspace, answer: Message) -> Mapping[RegionName, Item]:
    """Keys of a range answer by the Region that their name ends in."""
    return {RegionName(name): found for name, found in by_last_part(names, answer).items()}


def by_last_part(names: Keyspace, answer: Message) -> Mapping[str, Item]:
    """Keys of a range answer by what their name ends in."""
    return {
        names.last_part(pair.key): Item(value=pair.value, mod_revision=Revision(pair.mod_revision))
        for pair in answer.kvs
    }


NO_VALUE: Final = b""
"""Value of a leased key: that it is there is all it says."""
