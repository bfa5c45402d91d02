"""One key's facts from a store transaction, and a planned change back into it."""

from collections.abc import Callable

from regionkms.model.ids import AccountId, KeyId, RegionName, StoreId
from regionkms.model.key import Intent, KmsKey
from regionkms.model.proposal import Proposal
from regionkms.model.record import Record
from regionkms.model.record_codec import parse_record, parse_signed
from regionkms.ports.coordinator import RecordKey
from regionkms.ports.store import OutboxRecord, StoreTransaction
from regionkms.reconcile.plan import NEVER_HAD, Level, LocalFacts

Recorded = Callable[[KmsKey, Proposal], list[OutboxRecord]]
"""Makes the audit records of a created replica."""


def read_local(
    tx: StoreTransaction, key: RecordKey, *, region: RegionName, store_id: StoreId
) -> LocalFacts:
    """What the store durably knows of a key, as one transaction sees it.

    Raises:
        StoreUnavailable, RowTampered: As any read of these tables.
    """
    account_id, key_id = key.account_id, key.key_id
    row = tx.keys.get(account_id, key_id)
    facts = tx.multi_region.get(account_id, key_id) or NEVER_HAD
    lock = facts.lock
    return LocalFacts(
        region=region,
        store_id=store_id,
        account_id=account_id,
        key_id=key_id,
        key=row,
        facts=facts,
        mirror=mirror_record(facts.mirror),
        held={one.generation_id: one for one in tx.generations.of_key(account_id, key_id)},
        intent=None if lock is None else _intent(tx, lock.intent_id),
    )


def mirror_record(mirror: bytes) -> Record | None:
    """The record in a mirror. It was verified when it was stored; its row is authenticated."""
    return parse_record(parse_signed(mirror)) if mirror else None


def apply_level(tx: StoreTransaction, local: LocalFacts, change: Level, record: Recorded) -> None:
    """Carry a planned change out in the transaction that `local` was read in."""
    account_id, key_id = local.account_id, local.key_id
    if change.insert is not None:
        tx.keys.insert(change.insert)
    elif change.facts is not None:
        tx.multi_region.put(account_id, key_id, change.facts)
    if change.update is not None:
        tx.keys.update(change.update)
    if change.tags is not None:
        _replace_tags(tx, account_id, key_id, change)
    for intent in change.intents:
        tx.intents.put(intent)
    created = change.insert or change.update
    if change.created_for is not None and created is not None:
        for one in record(created, change.created_for):
            tx.outbox.append(one)


def _replace_tags(
    tx: StoreTransaction, account_id: AccountId, key_id: KeyId, change: Level
) -> None:
    former = [tag.tag_key for tag in tx.tags.of_key(account_id, key_id)]
    if former:
        tx.tags.delete(account_id, key_id, former)
    if change.tags:
        tx.tags.put(account_id, key_id, change.tags)


def _intent(tx: StoreTransaction, intent_id: str) -> Intent | None:
    return tx.intents.get(intent_id) if intent_id else None
