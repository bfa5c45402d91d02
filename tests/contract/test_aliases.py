"""Aliases: every row of the error tables of spec 01 §7.2-7.5, and what an alias is."""

from typing import Any, Final

import pytest

from tests.contract.calls import Scene
from tests.support.node import OWNER, REGION, STRANGER, RunningNode, fresh_alias, refused

UNKNOWN: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
HELP: Final = "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
PATTERN: Final = (
    "1 validation error detected: Value '{}' at 'aliasName' failed to satisfy constraint: Member "
    "must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
)
NAMES: Final = [
    (
        "ExampleAlias",
        "ValidationException",
        f'Alias must start with the prefix "alias/". Please see {HELP}',
    ),
    (
        "Alias/x",
        "ValidationException",
        f'Alias must start with the prefix "alias/". Please see {HELP}',
    ),
    ("alias/with space", "ValidationException", PATTERN.format("alias/with space")),
    ("alias/dot.ted", "ValidationException", PATTERN.format("alias/dot.ted")),
    ("alias/bang!", "ValidationException", PATTERN.format("alias/bang!")),
    ("alias/ümlaut", "ValidationException", PATTERN.format("alias/ümlaut")),
    ("alias/a:b", "ValidationException", "alias/a:b contains invalid characters for an alias"),
    ("alias/", "ValidationException", "alias/ contains invalid characters for an alias"),
    (
        "alias/" + "x" * 251,
        "ValidationException",
        (
            f"1 validation error detected: Value 'alias/{'x' * 250}...' at 'aliasName' failed to "
            "satisfy constraint: Member must have length less than or equal to 256"
        ),
    ),
    (
        "alias/aws/ebs",
        "InvalidAliasNameException",
        "alias/aws/ is reserved for aliases of AWS managed keys.",
    ),
]
WITH_NAME: Final = pytest.mark.parametrize(
    ("name", "code", "message"), NAMES, ids=[name[:20] for name, _, _ in NAMES]
)


def arn_of(alias: str, account: str = OWNER.account_id) -> str:
    return f"arn:aws:kms:{REGION}:{account}:{alias}"


def aliases_of(client: Any, key_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.list_aliases(KeyId=key_id)["Aliases"]
    return found


@pytest.mark.feature("F01-20", "F01-21")
def test_an_alias_has_an_arn_a_target_and_two_equal_dates(kms: Any, key: dict[str, Any]) -> None:
    name = fresh_alias()
    answer = kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    assert set(answer) == {"ResponseMetadata"}
    (alias,) = aliases_of(kms, key["KeyId"])
    assert alias.pop("CreationDate") == alias.pop("LastUpdatedDate")
    assert alias == {"AliasName": name, "AliasArn": arn_of(name), "TargetKeyId": key["KeyId"]}


@pytest.mark.feature("F01-21")
def test_operations_on_aliases_have_empty_bodies(node: RunningNode, key: dict[str, Any]) -> None:
    name = fresh_alias()
    for operation, members in (
        ("CreateAlias", {"AliasName": name, "TargetKeyId": key["KeyId"]}),
        ("UpdateAlias", {"AliasName": name, "TargetKeyId": key["KeyId"]}),
        ("DeleteAlias", {"AliasName": name}),
    ):
        answer = node.call(operation, members)
        assert (answer.status, answer.body) in {(200, b""), (200, b"{}")}


@pytest.mark.feature("F01-21")
@WITH_NAME
def test_a_name_that_no_customer_may_use_is_not_created(
    unchecked: Any, key: dict[str, Any], name: str, code: str, message: str
) -> None:
    with refused(code, message):
        unchecked.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    assert aliases_of(unchecked, key["KeyId"]) == []


@pytest.mark.feature("F01-23")
@WITH_NAME
def test_nor_updated(
    unchecked: Any, key: dict[str, Any], name: str, code: str, message: str
) -> None:
    with refused(code, message):
        unchecked.update_alias(AliasName=name, TargetKeyId=key["KeyId"])


@pytest.mark.feature("F01-24")
@WITH_NAME
def test_nor_deleted(unchecked: Any, name: str, code: str, message: str) -> None:
    with refused(code, message):
        unchecked.delete_alias(AliasName=name)


@pytest.mark.feature("F01-21")
def test_names_of_every_allowed_character_and_length_are_taken(
    kms: Any, key: dict[str, Any]
) -> None:
    unique = fresh_alias().rpartition("-")[2]
    names = [f"alias/{unique}/aZ09_-/", f"alias/{unique}".ljust(256, "x"), f"alias/awsome-{unique}"]
    for name in names:
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key["KeyId"]
        assert kms.describe_key(KeyId=arn_of(name))["KeyMetadata"]["KeyId"] == key["KeyId"]
    assert {alias["AliasName"] for alias in aliases_of(kms, key["KeyId"])} == set(names)


@pytest.mark.feature("F01-20")
def test_names_that_differ_in_case_are_two_aliases(kms: Any) -> None:
    scene = Scene(kms)
    stem = fresh_alias()
    kms.create_alias(AliasName=f"{stem}-Test", TargetKeyId=scene.key_id)
    kms.create_alias(AliasName=f"{stem}-test", TargetKeyId=scene.other["KeyId"])
    assert kms.describe_key(KeyId=f"{stem}-Test")["KeyMetadata"]["KeyId"] == scene.key_id
    assert kms.describe_key(KeyId=f"{stem}-test")["KeyMetadata"]["KeyId"] == scene.other["KeyId"]
    with refused("NotFoundException", f"Alias {arn_of(stem + '-TEST')} is not found."):
        kms.delete_alias(AliasName=f"{stem}-TEST")


@pytest.mark.feature("F01-21")
def test_an_alias_that_exists_is_not_created_again_on_any_key(kms: Any) -> None:
    scene = Scene(kms)
    message = f"An alias with the name {scene.alias_arn} already exists"
    for target in (scene.key_id, scene.other["KeyId"]):
        with refused("AlreadyExistsException", message):
            kms.create_alias(AliasName=scene.alias, TargetKeyId=target)
    assert kms.describe_key(KeyId=scene.alias)["KeyMetadata"]["KeyId"] == scene.key_id


@pytest.mark.feature("F01-21", "F01-23")
@pytest.mark.parametrize("operation", ["create_alias", "update_alias"])
def test_an_alias_is_no_target(kms: Any, operation: str) -> None:
    scene = Scene(kms)
    name = fresh_alias() if operation == "create_alias" else scene.other_alias
    before = scene.snapshot()
    for target in (scene.alias, scene.alias_arn):
        with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
            getattr(kms, operation)(AliasName=name, TargetKeyId=target)
    assert scene.snapshot() == before


@pytest.mark.feature("F01-20")
def test_accounts_do_not_share_names(node: RunningNode, kms: Any) -> None:
    scene = Scene(kms)
    stranger = node.client(STRANGER)
    theirs = stranger.create_key()["KeyMetadata"]
    stranger.create_alias(AliasName=scene.alias, TargetKeyId=theirs["KeyId"])
    assert stranger.describe_key(KeyId=scene.alias)["KeyMetadata"]["KeyId"] == theirs["KeyId"]
    assert kms.describe_key(KeyId=scene.alias)["KeyMetadata"]["KeyId"] == scene.key_id
    stranger.delete_alias(AliasName=scene.alias)
    assert kms.describe_key(KeyId=scene.alias)["KeyMetadata"]["KeyId"] == scene.key_id


@pytest.mark.feature("F01-23")
def test_update_alias_moves_target_and_date_and_nothing_else(kms: Any) -> None:
    scene = Scene(kms)
    (before,) = aliases_of(kms, scene.key_id)
    answer = kms.update_alias(AliasName=scene.alias, TargetKeyId=scene.other["Arn"])
    assert set(answer) == {"ResponseMetadata"}
    assert aliases_of(kms, scene.key_id) == []
    after = {alias["AliasName"]: alias for alias in aliases_of(kms, scene.other["KeyId"])}
    moved = after[scene.alias]
    assert moved["LastUpdatedDate"] > before["LastUpdatedDate"]
    assert moved == before | {
        "TargetKeyId": scene.other["KeyId"],
        "LastUpdatedDate": moved["LastUpdatedDate"],
    }
    assert kms.encrypt(KeyId=scene.alias, Plaintext=b"x")["KeyId"] == scene.other["Arn"]


@pytest.mark.feature("F01-58")
def test_after_manual_rotation_old_ciphertexts_open_by_their_own_key(kms: Any) -> None:
    scene = Scene(kms)
    old = kms.encrypt(KeyId=scene.alias, Plaintext=b"old")["CiphertextBlob"]
    kms.update_alias(AliasName=scene.alias, TargetKeyId=scene.other["KeyId"])
    opened = kms.decrypt(CiphertextBlob=old)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"old", scene.arn)
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=old, KeyId=scene.alias)


@pytest.mark.feature("F01-23", "F01-24")
def test_an_unknown_alias_is_neither_updated_nor_deleted(kms: Any, key: dict[str, Any]) -> None:
    name = fresh_alias()
    message = f"Alias {arn_of(name)} is not found."
    with refused("NotFoundException", message):
        kms.update_alias(AliasName=name, TargetKeyId=key["KeyId"])
    with refused("NotFoundException", message):
        kms.delete_alias(AliasName=name)
    assert aliases_of(kms, key["KeyId"]) == []


@pytest.mark.feature("F01-24")
def test_a_deleted_alias_leaves_its_key_and_its_name_is_free(kms: Any) -> None:
    scene = Scene(kms)
    assert set(kms.delete_alias(AliasName=scene.alias)) == {"ResponseMetadata"}
    assert kms.describe_key(KeyId=scene.key_id)["KeyMetadata"] == scene.metadata
    with refused("NotFoundException", f"Alias {scene.alias_arn} is not found."):
        kms.encrypt(KeyId=scene.alias, Plaintext=b"x")
    kms.create_alias(AliasName=scene.alias, TargetKeyId=scene.other["KeyId"])
    assert kms.describe_key(KeyId=scene.alias)["KeyMetadata"]["KeyId"] == scene.other["KeyId"]


@pytest.mark.feature("F07-26", "F01-21")
def test_a_key_has_at_most_50_aliases_by_creation_and_by_update(kms: Any) -> None:
    scene = Scene(kms)
    for _ in range(49):
        kms.create_alias(AliasName=fresh_alias(), TargetKeyId=scene.key_id)
    before = [alias["AliasName"] for alias in aliases_of(kms, scene.key_id)]
    assert len(before) == 50
    message = (
        f"{scene.arn} has reached its quota of 50 aliases. Delete one, or have the quota raised."
    )
    with refused("LimitExceededException", message):
        kms.create_alias(AliasName=fresh_alias(), TargetKeyId=scene.key_id)
    with refused("LimitExceededException", message):
        kms.update_alias(AliasName=scene.other_alias, TargetKeyId=scene.key_id)
    assert [alias["AliasName"] for alias in aliases_of(kms, scene.key_id)] == before
    kms.update_alias(AliasName=before[0], TargetKeyId=scene.key_id)
    kms.delete_alias(AliasName=before[0])
    kms.update_alias(AliasName=scene.other_alias, TargetKeyId=scene.key_id)
    assert len(aliases_of(kms, scene.key_id)) == 50


@pytest.mark.feature("F01-22")
def test_list_aliases_shows_one_keys_or_all_of_the_account(kms: Any, empty: Any) -> None:
    scene = Scene(kms)
    assert [alias["AliasName"] for alias in aliases_of(kms, scene.key_id)] == [scene.alias]
    everything = {
        alias["AliasName"]
        for page in kms.get_paginator("list_aliases").paginate()
        for alias in page["Aliases"]
    }
    assert {scene.alias, scene.other_alias} <= everything
    assert empty.list_aliases()["Aliases"] == []
