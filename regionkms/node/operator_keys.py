"""Operator commands about the node and its keys: `status` and `key show`.

They show facts that no caller of the API may see, of any account; material is not among them.
"""

from typing import Final

import msgspec

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import AccountId, KeyId, key_arn
from regionkms.model.key import KmsKey, MultiRegionFacts, Phase, StoredGeneration
from regionkms.model.key_state import state_of
from regionkms.model.record import Record
from regionkms.node.operator import NoArguments, OperatorCall, OperatorCommand
from regionkms.node.operator_accounts import AccountIdText
from regionkms.operations.key_loader import mirror_of
from regionkms.operations.loaded_key import state_facts
from regionkms.ports.store import StoreTransaction

_PAGE: Final = 1000
_MAX_COUNTED: Final = 100_000
"""Multi-Region keys that `status` counts; a bigger store shows this number."""
_NS_PER_S: Final = 1_000_000_000


class ShowKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `key show`."""

    account_id: AccountIdText
    key_id: str


async def status(call: OperatorCall) -> object:
    """How the node is: numbers of keys, clock, and what the agent knows of the cluster."""
    ports = call.ports

    def work(tx: StoreTransaction) -> dict[str, object]:
        accounts = sorted({row.account_id for row in tx.access_keys.all()})
        return {
            "accounts": len(accounts),
            "keys": sum(tx.keys.count(account_id) for account_id in accounts),
            "multi_region_keys": _count_multi_region(tx),
            "commit_number": tx.commit_number,
        }

    found = await ports.store.read(work)
    return {
        "region": ports.region,
        "lab": ports.lab,
        "store_id": ports.store.store_id,
        "time": ports.clock.now(),
        "clock_offset_s": ports.clock_offset.ns / _NS_PER_S,
        **found,
        **ports.agent_facts(),
    }


def _count_multi_region(tx: StoreTransaction) -> int:
    counted, after = 0, ("", "")
    while counted < _MAX_COUNTED:
        page = tx.multi_region.page(after=after, limit=_PAGE)
        counted += sum(facts.phase is not Phase.PURGED for _, _, facts in page)
        if len(page) < _PAGE:
            break
        after = (page[-1][0], page[-1][1])
    return counted


async def show_key(call: OperatorCall) -> object:
    """Everything that this Region's store knows of a key."""
    account_id = AccountId(call.arguments.account_id)
    key_id = KeyId(call.arguments.key_id)
    ports = call.ports

    def work(
        tx: StoreTransaction,
    ) -> tuple[KmsKey | None, list[StoredGeneration], MultiRegionFacts | None, list[str]]:
        return (
            tx.keys.get(account_id, key_id),
            list(tx.generations.of_key(account_id, key_id)),
            tx.multi_region.get(account_id, key_id),
            [
                alias.alias_name
                for alias in tx.aliases.page(account_id, key_id=key_id, after="", limit=_PAGE)
            ],
        )

    key, generations, facts, aliases = await ports.store.read(work)
    if key is None and facts is None:
        raise ConfigurationError(
            f"account {account_id} has no key {key_id[:64]!r} in {ports.region}, and never had"
        )
    shown: dict[str, object] = {"arn": key_arn(ports.region, account_id, key_id)}
    if key is not None:
        mirror = mirror_of(key)
        held = frozenset(generation.generation_id for generation in generations)
        state = state_of(state_facts(key, held, mirror, ports.store.store_id))
        shown |= _shown_key(key, generations) | {"state": state.value, "aliases": aliases}
    if facts is not None:
        mirror = mirror_of(key) if key is not None else None
        shown["multi_region"] = _shown_facts(facts) | _shown_mirror(mirror)
        shown["cluster"] = dict(ports.agent_facts())
    return shown


def _shown_key(key: KmsKey, generations: list[StoredGeneration]) -> dict[str, object]:
    return {
        "key_spec": key.key_spec.value,
        "key_usage": key.key_usage.value,
        "origin": key.origin.value,
        "description": key.description,
        "created_at": key.created_at,
        "enabled": key.enabled,
        "deletion": key.deletion.kind.value,
        "deletion_date": key.deletion.date,
        "row_version": key.version,
        "current_generation": None
        if key.current_generation is None
        else key.current_generation.hex(),
        "held_generations": [
            {
                "generation_id": generation.generation_id.hex(),
                "fingerprint": generation.fingerprint.hex(),
                "created_at": generation.created_at,
            }
            for generation in generations
        ],
    }


def _shown_facts(facts: MultiRegionFacts) -> dict[str, object]:
    lock = facts.lock
    return {
        "life": facts.life,
        "phase": facts.phase.value,
        "lock": None
        if lock is None
        else {
            "kind": lock.kind.value,
            "peer": lock.peer,
            "intent_id": lock.intent_id,
            "issued": lock.issued,
            "expired": lock.expired,
        },
        "mirror_seq": facts.mirror_seq,
        "mirror_revision": facts.mirror_revision,
    }


def _shown_mirror(mirror: Record | None) -> dict[str, object]:
    if mirror is None:
        return {}
    return {
        "primary_region": mirror.primary_region,
        "epoch": f"{mirror.epoch.incarnation.number}.{mirror.epoch.number}",
        "members": {
            member.region: {"life": member.life, "state": member.state.value}
            for member in mirror.members
        },
        "generations": [
            {
                "generation_id": generation.generation_id.hex(),
                "state": generation.state.value,
                "holders": sorted({holder.region for holder in generation.holders}),
            }
            for generation in mirror.generations
        ],
    }


COMMANDS: Final = (
    OperatorCommand(name="status", handler=status, arguments=NoArguments, read_only=True),
    OperatorCommand(
        name="key show",
        handler=show_key,
        arguments=ShowKey,
        audited=("account_id", "key_id"),
        read_only=True,
    ),
)
"""Rows of this family."""
