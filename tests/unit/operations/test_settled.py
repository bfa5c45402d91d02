"""What is settled for repeated calls comes to what the stages say, and outlives no change."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from regionkms.crypto.binding import fingerprint
from regionkms.crypto.material import Material
from regionkms.identity.caller import CallerIdentity
from regionkms.model import shapes
from regionkms.model.errors import KmsError
from regionkms.model.ids import AccountId, KeyId, RegionName
from regionkms.model.key import KmsKey, StoredGeneration, WrappedBindingKey
from regionkms.model.key_spec import KeySpec
from regionkms.operations import OPERATIONS
from regionkms.operations.call import Call
from regionkms.operations.decision_cache import DecisionCache
from regionkms.operations.key_cache import KeyCache, Miss
from regionkms.operations.key_loader import KeyLoader
from regionkms.operations.pipeline import run_data
from regionkms.operations.region import Region
from regionkms.policy.default import default_policy
from regionkms.policy.principal import root_user
from regionkms.policy.request import IdentityVerdict
from regionkms.ports.store import Changes, StoreTransaction
from regionkms.ports.vault import MaterialIdentity, MaterialKind
from regionkms.quota.settings import QuotaSettings
from regionkms.store.domain_keys import create_domain_key
from regionkms.store.vault import DomainVault
from tests.support.change_counter import InMemoryChangeCounter
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryStore
from tests.support.quota_counter import InMemoryQuotaCounter
from tests.support.store_rows import ACCOUNT, OTHER_ACCOUNT, alias, generation_id, key_id, kms_key

FIRST, SECOND, CONDITIONAL = key_id(1), key_id(2), key_id(3)
REGION = RegionName("eu-west-1")
CONDITIONAL_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:EncryptionContext:team": "red"}},
            }
        ],
    }
)


class World:
    """One Region in memory, with three keys and an alias."""

    def __init__(self) -> None:
        material, row = create_domain_key(Material(os.urandom(32)), created_at=0.0)
        self.vault = DomainVault({row.domain_key_id: material}, row.domain_key_id)
        counter = InMemoryChangeCounter()
        self.store = MemoryStore(on_commit=counter.bump)
        clock = FakeClock()
        self.quotas = InMemoryQuotaCounter(REGION, QuotaSettings(), clock)
        self.keys = KeyCache(
            store=self.store,
            counter=counter,
            build=KeyLoader(region=REGION, store_id=self.store.store_id, vault=self.vault),
            on_changes=_nothing,
        )
        self.region = Region(
            name=REGION,
            partition="aws",
            store=self.store,
            keys=self.keys,
            vault=self.vault,
            clock=clock,
            random_bytes=os.urandom,
            quotas=self.quotas,
            limits=QuotaSettings,
            audit=cast("Any", None),
            recorder=cast("Any", None),
            decisions=DecisionCache(),
            agent=cast("Any", None),
        )

    async def fill(self) -> None:
        policies = {FIRST: _open_policy(), SECOND: _open_policy(), CONDITIONAL: CONDITIONAL_POLICY}
        for name, policy in policies.items():
            key, generation = self._key(name, policy)
            await self.store.write(_inserting(key, generation))
        await self.store.write(lambda tx: tx.aliases.put(alias("payroll", FIRST)))
        await self.keys.refresh()

    def _key(self, name: KeyId, policy: str) -> tuple[KmsKey, StoredGeneration]:
        binding_key, material = Material(os.urandom(32)), Material(os.urandom(32))
        generation = generation_id(1)
        wrapped = self._wrapped(MaterialKind.BINDING_KEY, name, b"", binding_key)
        domain_key_id, sealed = self._wrapped(MaterialKind.KEY_MATERIAL, name, generation, material)
        return (
            kms_key(
                name,
                policy=policy,
                binding_key=WrappedBindingKey(domain_key_id=wrapped[0], wrapped=wrapped[1]),
            ),
            StoredGeneration(
                generation_id=generation,
                domain_key_id=domain_key_id,
                wrapped=sealed,
                fingerprint=fingerprint(
                    binding_key,
                    generation_id=generation,
                    key_spec=KeySpec.SYMMETRIC_DEFAULT,
                    material=material,
                ),
                created_at=0.0,
            ),
        )

    def _wrapped(
        self, kind: MaterialKind, name: KeyId, generation: bytes, material: Material
    ) -> Any:
        identity = MaterialIdentity(kind=kind, account_id=ACCOUNT, key_id=name, name=generation)
        return self.vault.wrap(material, identity)

    async def change(self, work: Callable[[StoreTransaction], None]) -> None:
        await self.store.write(work)
        await self.keys.refresh()

    def call(self, operation: str, request: object, account: AccountId = ACCOUNT) -> Call:
        caller = CallerIdentity(
            principal=root_user(account, "aws"), access_key_id=f"AKIA{account}EXAMPLE"
        )
        return Call(
            operation=OPERATIONS[operation],
            request=request,
            caller=caller,
            identity=IdentityVerdict.ALLOW,
            region=self.region,
            request_id="r-1",
            source_ip="127.0.0.1",
            user_agent="test",
            secure_transport=False,
        )

    async def run(self, operation: str, request: object, account: AccountId = ACCOUNT) -> Any:
        """What a call comes to, but for what is random in it: and what it was charged."""
        before = _charged(self.quotas)
        call = self.call(operation, request, account)
        outcome: object = None
        for _ in range(8):
            try:
                outcome = run_data(call)
                break
            except Miss as miss:
                await miss.resolve()
            except KmsError as error:
                outcome = (error.code, error.message)
                break
        charged = {name: count - before[name] for name, count in _charged(self.quotas).items()}
        return SimpleNamespace(outcome=outcome, resources=call.resources, charged=charged)


def _charged(quotas: InMemoryQuotaCounter) -> dict[str, int]:
    return {usage.code: usage.admitted for usage in quotas.usage()}


def _open_policy() -> str:
    return default_policy(ACCOUNT, "aws")


def _inserting(key: KmsKey, generation: StoredGeneration) -> Callable[[StoreTransaction], None]:
    def work(tx: StoreTransaction) -> None:
        tx.keys.insert(key)
        tx.generations.put(key.account_id, key.key_id, generation)

    return work


async def _nothing(_: Changes) -> None:
    return None


@pytest.fixture
async def world() -> World:
    world = World()
    await world.fill()
    return world


def encrypting(identifier: str, **members: Any) -> shapes.EncryptRequest:
    return shapes.EncryptRequest(key_id=identifier, plaintext=b"secret", **members)


async def blob_of(world: World, identifier: str = FIRST) -> bytes:
    ran = await world.run("Encrypt", encrypting(identifier))
    assert isinstance(ran.outcome, shapes.EncryptResponse)
    assert ran.outcome.ciphertext_blob is not None
    return ran.outcome.ciphertext_blob


IDENTIFIERS = {
    "key id": FIRST,
    "key ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{FIRST}",
    "alias": "alias/payroll",
    "alias ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/payroll",
}


@pytest.mark.parametrize("identifier", IDENTIFIERS.values(), ids=IDENTIFIERS)
async def test_a_settled_call_passes_with_the_same_key_and_the_same_charge(
    world: World, identifier: str
) -> None:
    staged = await world.run("Encrypt", encrypting(identifier))
    [passage] = world.keys.settled.values()
    assert list(passage.keys) == [identifier]
    settled = await world.run("Encrypt", encrypting(identifier))
    assert settled.outcome.key_id == staged.outcome.key_id
    assert (settled.resources, settled.charged) == (staged.resources, staged.charged)
    assert sum(settled.charged.values()) == 1


async def test_a_settled_decrypt_without_a_key_opens_what_a_staged_one_opens(world: World) -> None:
    blob = await blob_of(world)
    request = shapes.DecryptRequest(ciphertext_blob=blob)
    staged, settled = [await world.run("Decrypt", request) for _ in range(2)]
    assert settled.outcome == staged.outcome
    assert settled.outcome.plaintext == b"secret"
    assert (settled.resources, settled.charged) == (staged.resources, staged.charged)


Change = Callable[[StoreTransaction], None]


def _updating(**members: Any) -> Change:
    def work(tx: StoreTransaction) -> None:
        key = tx.keys.get(ACCOUNT, FIRST)
        assert key is not None
        tx.keys.update(replace(key, **members))

    return work


CHANGES: dict[str, tuple[Change, str]] = {
    "disabled": (_updating(enabled=False), "DisabledException"),
    "denied": (_updating(policy=CONDITIONAL_POLICY), "AccessDeniedException"),
    "deleted": (lambda tx: tx.keys.delete(ACCOUNT, FIRST), "NotFoundException"),
}


@pytest.mark.parametrize(("change", "code"), CHANGES.values(), ids=CHANGES)
async def test_nothing_settled_outlives_a_change_of_the_key(
    world: World, change: Change, code: str
) -> None:
    assert not isinstance((await world.run("Encrypt", encrypting(FIRST))).outcome, tuple)
    await world.change(change)
    ran = await world.run("Encrypt", encrypting(FIRST))
    assert ran.outcome[0] == code


async def test_a_moved_alias_is_followed_at_once(world: World) -> None:
    first = await world.run("Encrypt", encrypting("alias/payroll"))
    await world.change(lambda tx: tx.aliases.put(alias("payroll", SECOND)))
    second = await world.run("Encrypt", encrypting("alias/payroll"))
    assert first.outcome.key_id.endswith(FIRST)
    assert second.outcome.key_id.endswith(SECOND)


async def test_a_decision_that_depends_on_the_call_is_never_settled(world: World) -> None:
    allowed = encrypting(CONDITIONAL, encryption_context={"team": "red"})
    denied = encrypting(CONDITIONAL, encryption_context={"team": "blue"})
    assert not isinstance((await world.run("Encrypt", allowed)).outcome, tuple)
    assert (await world.run("Encrypt", denied)).outcome[0] == "AccessDeniedException"
    assert not world.keys.settled


async def test_what_is_settled_for_one_account_is_not_for_another(world: World) -> None:
    arn = IDENTIFIERS["key ARN"]
    await world.run("Encrypt", encrypting(arn))
    stranger = await world.run("Encrypt", encrypting(arn), OTHER_ACCOUNT)
    assert stranger.outcome[0] == "AccessDeniedException"
    assert stranger.resources == ()


async def test_what_is_settled_for_one_operation_is_not_for_another(world: World) -> None:
    policy = json.loads(_open_policy())
    policy["Statement"][0]["Action"] = ["kms:Encrypt"]
    await world.change(_updating(policy=json.dumps(policy)))
    blob = await blob_of(world)
    ran = await world.run("Decrypt", shapes.DecryptRequest(ciphertext_blob=blob))
    assert ran.outcome[0] == "AccessDeniedException"


BROKEN = {
    "cut short": lambda blob: blob[:60],
    "too short for a ciphertext": lambda blob: blob[:102],
    "too long": lambda blob: blob + bytes(5000),
    "another generation": lambda blob: blob[:26] + bytes(16) + blob[42:],
    "another tag": lambda blob: blob[:42] + bytes(16) + blob[58:],
    "flipped bit": lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_ciphertext_is_refused_alike_before_and_after_its_key_is_settled(
    world: World, broken: Callable[[bytes], bytes]
) -> None:
    blob = await blob_of(world)
    request = shapes.DecryptRequest(ciphertext_blob=broken(blob))
    staged = await world.run("Decrypt", request)
    await world.run("Decrypt", shapes.DecryptRequest(ciphertext_blob=blob))
    settled = await world.run("Decrypt", request)
    assert settled == staged
    assert settled.outcome == ("InvalidCiphertextException", "")


async def test_a_key_named_beside_another_ones_ciphertext_is_refused_when_settled(
    world: World,
) -> None:
    blob, other = await blob_of(world), await blob_of(world, SECOND)
    for _ in range(2):
        await world.run("Decrypt", shapes.DecryptRequest(ciphertext_blob=other, key_id=SECOND))
        ran = await world.run("Decrypt", shapes.DecryptRequest(ciphertext_blob=blob, key_id=SECOND))
        assert ran.outcome[0] == "IncorrectKeyException"


async def test_a_settled_dry_run_still_stops(world: World) -> None:
    await blob_of(world)
    ran = await world.run("Encrypt", encrypting(FIRST, dry_run=True))
    assert ran.outcome[0] == "DryRunOperationException"
