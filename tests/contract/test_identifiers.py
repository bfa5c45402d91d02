"""Which identifiers each operation takes, and what it answers to every other (spec 01 §5)."""

from typing import Any, Final

import pytest

from regionkms.operations import OPERATIONS
from tests.contract.calls import ROWS, WITHOUT_KEY, Row, Scene, put_into
from tests.support.node import OWNER, REGION, STRANGER, RunningNode, refused

UNKNOWN: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
JUNK: Final = (
    "no such key",
    "1234abcd",
    "1234ABCD-12AB-34CD-56EF-1234567890AB",
    "mrk-1234",
    "mrk-1234abcd-12ab-34cd-56ef-1234567890ab",
    "key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "..",
    "1234abcd-12ab-34cd-56ef-1234567890ab ",
)
MALFORMED_ARNS: Final = (
    "arn:",
    "arn:aws:kms",
    f"arn:aws:kms:{REGION}:{OWNER.account_id}",
    f"arn:aws:s3:{REGION}:{OWNER.account_id}:key/{UNKNOWN}",
    f"arn:aws:kms:{REGION}:1111:key/{UNKNOWN}",
    f"arn:aws:kms:{REGION}:{OWNER.account_id}:grant/{UNKNOWN}",
    f"arn:aws:kms::{OWNER.account_id}:key/{UNKNOWN}",
    f"arn:aws:kms:{REGION}:{OWNER.account_id}:key/",
)
BY_ROW: Final = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def own_arn(key_id: str, account: str = OWNER.account_id) -> str:
    return f"arn:aws:kms:{REGION}:{account}:key/{key_id}"


def denied(row: Row, caller: str = OWNER.root_arn) -> str:
    """What a caller of another account reads, whether the key exists or not."""
    return (
        f"User: {caller} is not authorized to perform: {row.permission} on this resource because "
        "the resource does not exist in this Region, no resource-based policies allow access, or "
        "a resource-based policy explicitly denies access"
    )


def test_the_table_has_every_offered_operation() -> None:
    assert {row.operation for row in ROWS} | set(WITHOUT_KEY) == set(OPERATIONS) - {"ReplicateKey"}


@pytest.mark.feature("F01-12", "F01-13", "F03-12")
@BY_ROW
@pytest.mark.parametrize("form", ["key id", "key ARN"])
def test_key_ids_and_key_arns_are_accepted(kms: Any, row: Row, form: str) -> None:
    scene = Scene(kms)
    put_into(row.needs, scene)
    named = scene.key_id if form == "key id" else scene.arn
    row.send(kms, row.request(scene, named))


@pytest.mark.feature("F01-12", "F01-13")
@BY_ROW
@pytest.mark.parametrize("form", ["alias name", "alias ARN"])
def test_aliases_are_accepted_by_few_and_refused_by_all_others(
    kms: Any, row: Row, form: str
) -> None:
    scene = Scene(kms)
    named = scene.alias if form == "alias name" else scene.alias_arn
    request = row.request(scene, named)
    if row.alias:
        row.send(kms, request)
        return
    before = scene.snapshot()
    if row.member == "TargetKeyId":
        with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
            row.send(kms, request)
    else:
        with refused("NotFoundException", f"Invalid keyId '{named}'"):
            row.send(kms, request)
    assert scene.snapshot() == before


@pytest.mark.feature("F01-13")
@BY_ROW
def test_identifiers_of_no_form_are_not_found(kms: Any, row: Row) -> None:
    scene = Scene(kms)
    for junk in JUNK:
        with refused("NotFoundException", f"Invalid keyId '{junk}'"):
            row.send(kms, row.request(scene, junk))


@pytest.mark.feature("F01-13")
@BY_ROW
def test_malformed_arns_are_invalid(kms: Any, row: Row) -> None:
    scene = Scene(kms)
    for malformed in MALFORMED_ARNS:
        with refused("InvalidArnException", f"Invalid arn {malformed}"):
            row.send(kms, row.request(scene, malformed))


@pytest.mark.feature("F01-13")
@BY_ROW
def test_an_arn_of_another_region_is_not_found_and_never_forwarded(kms: Any, row: Row) -> None:
    scene = Scene(kms)
    with refused("NotFoundException", "Invalid arn us-west-2"):
        row.send(kms, row.request(scene, scene.arn.replace(REGION, "us-west-2")))


@pytest.mark.feature("F01-13")
@BY_ROW
def test_an_unknown_key_is_named_by_its_arn_however_it_was_sent(kms: Any, row: Row) -> None:
    scene = Scene(kms)
    for named in (UNKNOWN, own_arn(UNKNOWN)):
        with refused("NotFoundException", f"Key '{own_arn(UNKNOWN)}' does not exist"):
            row.send(kms, row.request(scene, named))


@pytest.mark.feature("F01-13")
@pytest.mark.parametrize("row", [row for row in ROWS if row.alias], ids=lambda row: row.name)
def test_an_unknown_alias_is_named_by_its_arn(kms: Any, row: Row) -> None:
    scene = Scene(kms)
    arn = f"arn:aws:kms:{REGION}:{OWNER.account_id}:alias/nobody"
    for named in ("alias/nobody", arn):
        with refused("NotFoundException", f"Alias {arn} is not found."):
            row.send(kms, row.request(scene, named))


@pytest.mark.feature("F03-10", "F04-30", "F04-31")
@BY_ROW
def test_a_key_of_another_account_and_an_unknown_one_are_refused_alike(
    node: RunningNode, kms: Any, row: Row
) -> None:
    scene = Scene(kms)
    theirs = node.client(STRANGER).create_key()["KeyMetadata"]
    unknown = own_arn(UNKNOWN, STRANGER.account_id)
    for arn in (theirs["Arn"], unknown):
        request = row.request(scene, arn)
        if row.operation == "ListAliases":
            with refused("NotFoundException", f"Key '{arn}' does not exist"):
                row.send(kms, request)
        else:
            with refused("AccessDeniedException", denied(row)):
                row.send(kms, request)


@pytest.mark.feature("F04-31")
def test_a_bare_key_id_or_alias_name_means_the_callers_own_account(
    node: RunningNode, kms: Any
) -> None:
    scene = Scene(kms)
    stranger = node.client(STRANGER)
    with refused(
        "NotFoundException", f"Key '{own_arn(scene.key_id, STRANGER.account_id)}' does not exist"
    ):
        stranger.encrypt(KeyId=scene.key_id, Plaintext=b"x")
    arn = f"arn:aws:kms:{REGION}:{STRANGER.account_id}:{scene.alias}"
    with refused("NotFoundException", f"Alias {arn} is not found."):
        stranger.encrypt(KeyId=scene.alias, Plaintext=b"x")


@pytest.mark.feature("F01-12")
def test_identifiers_are_2048_characters_at_most(unchecked: Any) -> None:
    with refused("NotFoundException"):
        unchecked.describe_key(KeyId="a" * 2048)
    with refused("ValidationException") as facts:
        unchecked.describe_key(KeyId="a" * 2049)
    assert (
        "'keyId' failed to satisfy constraint: Member must have length"
        in (facts["Error"]["Message"])
    )
    with refused("ValidationException") as facts:
        unchecked.describe_key(KeyId="")
    assert "at 'keyId' failed" in facts["Error"]["Message"]


def test_a_multi_region_key_id_is_accepted_like_any_other(kms: Any) -> None:
    scene = Scene(kms, multi_region=True)
    assert scene.key_id.startswith("mrk-")
    for named in (scene.key_id, scene.arn, scene.alias, scene.alias_arn):
        assert kms.encrypt(KeyId=named, Plaintext=b"x")["KeyId"] == scene.arn
