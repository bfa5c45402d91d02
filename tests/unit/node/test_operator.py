import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regionkms.model.errors import (
    AuditUnavailable,
    ConfigurationError,
    MalformedPolicyDocumentException,
)
from regionkms.model.ids import AccountId, AliasName, KeyId
from regionkms.node.lab_clock import MAX_OFFSET_NS, SETTING_OFFSET_NS
from regionkms.node.operator import OperatorCall, OperatorCommand, OperatorServer
from regionkms.node.operator_commands import OPERATOR_COMMANDS
from tests.support.operator import ASKER, OperatedNode, operated_node

ACCOUNT = "111122223333"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
MULTI_REGION_KEY = "mrk-1234abcd12ab34cd56ef1234567890ab"
MATERIAL = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CREDENTIALS = {
    "account_id": ACCOUNT,
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[OperatedNode]:
    made = operated_node(tmp_path)
    yield made
    made.memory.close()


@pytest.fixture
def no_lab(tmp_path: Path) -> Iterator[OperatedNode]:
    made = operated_node(tmp_path, lab=False)
    yield made
    made.memory.close()


def records(node: OperatedNode) -> list[dict[str, Any]]:
    return [json.loads(record) for record in node.audit.records]


def test_commands_have_names_of_their_own() -> None:
    names = [command.name for command in OPERATOR_COMMANDS]
    assert len(set(names)) == len(names)


def test_audited_arguments_exist_and_are_no_secrets() -> None:
    for command in OPERATOR_COMMANDS:
        fields = set(command.arguments.__struct_fields__)
        assert set(command.audited) <= fields, command.name
        assert not set(command.audited) & {"secret_access_key", "material", "policy"}


async def test_a_change_and_its_record_are_one_transaction(node: OperatedNode) -> None:
    await node.do("account import", **CREDENTIALS)
    (record,) = records(node)
    assert record["eventName"] == "account import"
    assert record["userIdentity"] == {"type": "Operator", "uid": 1000, "pid": 4711}
    assert record["requestParameters"] == {
        "account_id": ACCOUNT,
        "access_key_id": CREDENTIALS["access_key_id"],
    }
    assert record["readOnly"] is False
    waiting = await node.store.read(lambda tx: tx.outbox.waiting(limit=10))
    assert [each.event_id for each in waiting] == [record["eventID"]]


async def test_no_secret_is_recorded(node: OperatedNode) -> None:
    await node.do("account import", **CREDENTIALS)
    made = await node.do("account create", account_id=ACCOUNT)
    await node.do("seed key", account_id=ACCOUNT, key_id=KEY, material=MATERIAL)
    text = b"".join(node.audit.records).decode()
    for secret in (CREDENTIALS["secret_access_key"], made["secret_access_key"], MATERIAL):
        assert secret not in text


async def test_reading_commands_are_recorded_too(node: OperatedNode) -> None:
    await node.do("status")
    (record,) = records(node)
    assert (record["eventName"], record["readOnly"]) == ("status", True)


async def test_failures_are_recorded_with_their_reason(node: OperatedNode) -> None:
    with pytest.raises(ConfigurationError):
        await node.do("account disable-key", access_key_id="AKIANOBODY\x1b[2J")
    (record,) = records(node)
    assert record["errorCode"] == "CommandFailed"
    assert "There is no access key" in record["errorMessage"]
    assert b"\x1b" not in node.audit.records[0]


async def test_without_an_audit_log_nothing_is_answered(node: OperatedNode) -> None:
    node.audit.broken = True
    with pytest.raises(AuditUnavailable):
        await node.do("status")
    with pytest.raises(ConfigurationError, match="There is no access key"):
        await node.do("account disable-key", access_key_id="AKIANOBODY")


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("dance", {}, "this node knows no command 'dance'; is it of another release?"),
        ("status", {"x": 1}, "status: Object contains unknown field `x`"),
        (
            "account create",
            {},
            "account create: Object missing required field `account_id`",
        ),
        (
            "quota set",
            {"code": "x", "value": "many"},
            "quota set: Expected `float`, got `str` - at `$.value`",
        ),
    ],
)
async def test_what_is_no_command_is_refused(
    node: OperatedNode, command: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await node.do(command, **arguments)
    assert str(refused.value) == message


async def test_imported_credentials_are_listed_without_secrets(node: OperatedNode) -> None:
    await node.do("account import", **CREDENTIALS)
    await node.do("account import", **CREDENTIALS)
    listed = await node.do("account list")
    assert [(row["account_id"], row["access_key_id"], row["active"]) for row in listed] == [
        (ACCOUNT, CREDENTIALS["access_key_id"], True)
    ]
    assert CREDENTIALS["secret_access_key"] not in json.dumps(listed)


async def test_an_access_key_is_switched_off_and_on(node: OperatedNode) -> None:
    await node.do("account import", **CREDENTIALS)
    name = CREDENTIALS["access_key_id"]
    assert (await node.do("account disable-key", access_key_id=name))["active"] is False
    assert (await node.do("account list"))[0]["active"] is False
    assert (await node.do("account enable-key", access_key_id=name))["active"] is True


async def test_a_quota_is_changed_for_the_region_and_for_one_account(node: OperatedNode) -> None:
    code = "CryptographicOperationsSymmetric"
    await node.do("quota set", code=code, value=7)
    await node.do("quota set", code=code, value=9, account_id=ACCOUNT)

    async def in_force(**of: str) -> float:
        rows = await node.do("quota list", **of)
        return float(next(row["in_force"] for row in rows if row["code"] == code))

    assert await in_force() == 7
    assert await in_force(account_id=ACCOUNT) == 9
    assert await in_force(account_id="999999999999") == 7


async def test_a_quota_that_is_none_is_refused_and_nothing_changes(node: OperatedNode) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await node.do("quota set", code="Dances", value=7)
    assert str(refused.value) == (
        "there is no quota 'Dances'; `regionkms quota list` shows them all"
    )
    assert await node.store.read(lambda tx: tx.settings.prefixed("quota/")) == {}


async def test_the_lab_clock_moves_forward_only_and_is_kept(node: OperatedNode) -> None:
    await node.do("clock set", offset_ns=86_400_000_000_000)
    assert node.ports.clock_offset.ns == 86_400_000_000_000
    kept = await node.store.read(lambda tx: tx.settings.get(SETTING_OFFSET_NS))
    assert kept == "86400000000000"
    assert node.woken
    with pytest.raises(ConfigurationError) as refused:
        await node.do("clock set", offset_ns=1)
    assert str(refused.value) == "the lab clock moves forward only, and is 86400 s ahead already"
    assert node.ports.clock_offset.ns == 86_400_000_000_000


async def test_a_clock_beyond_all_dates_is_refused_and_not_kept(node: OperatedNode) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await node.do("clock set", offset_ns=MAX_OFFSET_NS + 1)
    assert str(refused.value) == f"clock set: Expected `int` <= {MAX_OFFSET_NS} - at `$.offset_ns`"
    assert node.ports.clock_offset.ns == 0
    assert await node.store.read(lambda tx: tx.settings.prefixed("lab/")) == {}


@pytest.mark.parametrize("command", ["clock set", "seed key"])
async def test_powers_of_a_lab_exist_nowhere_else(no_lab: OperatedNode, command: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await no_lab.do(command)
    assert str(refused.value) == f"`{command}` exists in labs only, and this node is no lab's"


async def test_a_seeded_key_has_its_id_material_tags_and_aliases(node: OperatedNode) -> None:
    seed: dict[str, Any] = {
        "account_id": ACCOUNT,
        "key_id": KEY,
        "material": MATERIAL,
        "description": "seeded",
        "tags": {"team": "blue"},
        "aliases": ["alias/blue"],
        "enabled": False,
    }
    assert (await node.do("seed key", **seed))["made"] is True
    assert (await node.do("seed key", **seed))["made"] is False
    await node.do("account import", **CREDENTIALS)
    shown = await node.do("key show", account_id=ACCOUNT, key_id=KEY)
    assert shown["arn"] == f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY}"
    assert (shown["state"], shown["description"]) == ("Disabled", "seeded")
    assert shown["aliases"] == ["alias/blue"]
    assert "multi_region" not in shown
    assert (await node.do("status"))["keys"] == 1
    assert MATERIAL not in json.dumps(shown)


async def test_a_seeded_multi_region_key_is_a_primary_that_the_agent_looks_at(
    node: OperatedNode,
) -> None:
    await node.do("seed key", account_id=ACCOUNT, key_id=MULTI_REGION_KEY)
    assert node.woken
    shown = await node.do("key show", account_id=ACCOUNT, key_id=MULTI_REGION_KEY)
    assert shown["state"] == "Enabled"
    assert (shown["multi_region"]["life"], shown["multi_region"]["phase"]) == (1, "live")
    assert (await node.do("status"))["multi_region_keys"] == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"key_id": "mine"},
            "'mine' is no key id (a UUID, or mrk- and 32 hexadecimal digits)",
        ),
        ({"material": "?"}, f"the material of key {KEY} is no base64"),
        (
            {"material": "YWJj"},
            f"SYMMETRIC_DEFAULT takes 32 bytes of material, key {KEY} has 3",
        ),
        ({"key_spec": "RSA_2048"}, "keys of spec RSA_2048 can't be seeded in this release"),
        ({"aliases": ["blue"]}, "'blue' is no name that an alias may have (alias/...)"),
        (
            {"aliases": ["alias/aws/s3"]},
            "'alias/aws/s3' is no name that an alias may have (alias/...)",
        ),
    ],
)
async def test_a_seed_that_can_not_be_is_refused_and_nothing_is_made(
    node: OperatedNode, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await node.do("seed key", **{"account_id": ACCOUNT, "key_id": KEY, **changed})
    assert str(refused.value) == message
    found = await node.store.read(lambda tx: tx.keys.get(AccountId(ACCOUNT), KeyId(KEY)))
    assert found is None


async def test_an_alias_that_is_taken_makes_no_half_key(node: OperatedNode) -> None:
    await node.do("seed key", account_id=ACCOUNT, key_id=KEY, aliases=["alias/blue"])
    other = "0000abcd-12ab-34cd-56ef-1234567890ab"
    with pytest.raises(ConfigurationError) as refused:
        await node.do("seed key", account_id=ACCOUNT, key_id=other, aliases=["alias/blue"])
    assert str(refused.value) == f"alias/blue is taken by key {KEY}"
    account_id = AccountId(ACCOUNT)
    assert await node.store.read(lambda tx: tx.keys.get(account_id, KeyId(other))) is None
    alias = await node.store.read(lambda tx: tx.aliases.get(account_id, AliasName("alias/blue")))
    assert alias is not None
    assert alias.target_key_id == KEY


async def test_a_policy_that_is_none_is_refused(node: OperatedNode) -> None:
    with pytest.raises(MalformedPolicyDocumentException):
        await node.do("seed key", account_id=ACCOUNT, key_id=KEY, policy="{")


async def test_a_key_that_never_was_is_said_so(node: OperatedNode) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await node.do("key show", account_id=ACCOUNT, key_id="nothing")
    assert (
        str(refused.value) == f"account {ACCOUNT} has no key 'nothing' in eu-west-1, and never had"
    )


async def test_a_command_that_fails_as_none_should_is_recorded_without_what_it_was_given(
    tmp_path: Path,
) -> None:
    async def fails(call: OperatorCall) -> object:
        del call
        raise ValueError("quotes a secret")

    node = operated_node(tmp_path)
    row = OperatorCommand(name="fail", handler=fails)
    server = OperatorServer(tmp_path / "operator.sock", node.ports, [row])
    with pytest.raises(ValueError, match="quotes a secret"):
        await server.handle("fail", {}, ASKER)
    [record] = records(node)
    assert (record["eventName"], record["errorMessage"]) == ("fail", "ValueError")
    node.memory.close()
