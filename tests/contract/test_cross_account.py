"""What another account may do, by key policy (spec 04 §6, spec 02 §3.1 T4)."""

import base64
import json
from typing import Any, Final

import pytest

from tests.contract.calls import CRYPTOGRAPHIC, ROWS, Row, Scene, put_into
from tests.contract.test_identifiers import denied
from tests.support.node import OWNER, STRANGER, RunningNode, refused, request_id

SHARED: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": [OWNER.root_arn, STRANGER.root_arn]},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
)
ALLOWED: Final = [row for row in ROWS if row.cross_account]
NEVER: Final = [row for row in ROWS if not row.cross_account and row.operation != "ListAliases"]


@pytest.fixture
def shared(kms: Any) -> Scene:
    """A scene whose keys the stranger's account may use for everything."""
    scene = Scene(kms)
    for key_id in (scene.key_id, scene.other["KeyId"]):
        kms.put_key_policy(KeyId=key_id, Policy=SHARED)
    return scene


def foreign_request(row: Row, scene: Scene, named: str) -> dict[str, Any]:
    request = row.request(scene, named)
    if request.get("DestinationKeyId") == scene.other["KeyId"]:
        request["DestinationKeyId"] = scene.other["Arn"]
    return request


@pytest.mark.feature("F03-10", "F04-30", "F02-06", "F04-33", "F07-22")
@pytest.mark.parametrize("row", ALLOWED, ids=lambda row: row.name)
@pytest.mark.parametrize("form", ["key ARN", "alias ARN"])
def test_what_the_key_policy_allows_is_recorded_in_both_accounts(
    node: RunningNode, shared: Scene, row: Row, form: str
) -> None:
    named = shared.arn if form == "key ARN" else shared.alias_arn
    answer = row.send(node.client(STRANGER), foreign_request(row, shared, named))
    records = node.records_of(answer)
    assert sorted(record["recipientAccountId"] for record in records) == [
        OWNER.account_id,
        STRANGER.account_id,
    ]
    own, foreign = records
    for record in records:
        assert record["userIdentity"]["accountId"] == STRANGER.account_id
        assert shared.arn in [resource["ARN"] for resource in record["resources"]]
        assert {resource["accountId"] for resource in record["resources"]} == {OWNER.account_id}
    assert own["eventID"] != foreign["eventID"]
    assert own["sharedEventID"] == foreign["sharedEventID"]


@pytest.mark.feature("F03-10", "F04-30", "F04-44", "F02-06")
@pytest.mark.parametrize("row", NEVER, ids=lambda row: row.name)
def test_what_is_never_allowed_across_accounts_fails_in_spite_of_the_key_policy(
    node: RunningNode, shared: Scene, row: Row
) -> None:
    stranger = node.client(STRANGER)
    request = foreign_request(row, shared, shared.arn)
    put_into(row.needs, shared)
    if row.operation == "UpdateAlias":
        own = stranger.create_key()["KeyMetadata"]["KeyId"]
        stranger.create_alias(AliasName=request["AliasName"], TargetKeyId=own)
    before = shared.snapshot()
    with refused("AccessDeniedException", denied(row, STRANGER.root_arn)) as facts:
        row.send(stranger, request)
    assert shared.snapshot() == before
    (record,) = node.records_of(facts)
    assert record["recipientAccountId"] == STRANGER.account_id
    assert record["errorCode"] == "AccessDenied"


@pytest.mark.feature("F02-06")
@pytest.mark.parametrize("row", ALLOWED, ids=lambda row: row.name)
def test_a_denied_call_is_the_callers_record_alone_and_names_no_key(
    node: RunningNode, kms: Any, row: Row
) -> None:
    scene = Scene(kms)
    stranger = node.client(STRANGER)
    own = stranger.create_key()["KeyMetadata"]["KeyId"]
    own_blob = stranger.encrypt(KeyId=own, Plaintext=b"x")["CiphertextBlob"]
    answers = []
    for arn in (scene.arn, scene.arn[:-12] + "0" * 12):
        request = foreign_request(row, scene, arn)
        if row.member == "DestinationKeyId":
            request["CiphertextBlob"] = own_blob
        with refused("AccessDeniedException", denied(row, STRANGER.root_arn)) as facts:
            row.send(stranger, request)
        (record,) = node.records_of(facts)
        assert record["recipientAccountId"] == STRANGER.account_id
        assert not [each for each in record["resources"] if each["ARN"] == arn]
        answers.append((facts["Error"], record["resources"], record["errorMessage"]))
    assert answers[0] == answers[1]


@pytest.mark.feature("F03-10")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_strangers_get_the_same_bytes_for_a_key_that_is_there_and_one_that_is_not(
    node: RunningNode, kms: Any, row: Row
) -> None:
    scene = Scene(kms)
    answers = []
    for arn in (scene.arn, scene.arn[:-12] + "0" * 12):
        members = {
            name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for name, value in foreign_request(row, scene, arn).items()
        }
        answer = node.call(row.operation, members, account=STRANGER)
        same = answer.body.replace(arn.encode(), b"<arn>")
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in {"x-amzn-requestid", "date"}
        }
        answers.append((answer.status, headers, same))
    assert answers[0][0] == 400
    assert answers[0] == answers[1]


def test_a_ciphertext_of_a_key_that_one_may_not_use_tells_nothing(
    node: RunningNode, kms: Any
) -> None:
    scene = Scene(kms)
    message = (
        "The ciphertext refers to a customer master key that does not exist, does not exist in "
        "this region, or you are not allowed to access."
    )
    stranger = node.client(STRANGER)
    unknown = bytearray(scene.blob)
    unknown[12] ^= 1
    answers = []
    for blob in (scene.blob, bytes(unknown)):
        with refused("AccessDeniedException", message) as facts:
            stranger.decrypt(CiphertextBlob=blob)
        (record,) = node.records_of(facts)
        answers.append((record["resources"], record["requestParameters"], record["errorMessage"]))
    assert answers[0] == answers[1]


def test_a_throttled_or_malformed_call_of_a_stranger_is_not_in_the_owners_log(
    node: RunningNode, kms: Any
) -> None:
    scene = Scene(kms)
    with refused("ValidationException") as facts:
        node.client(STRANGER, checked=False).encrypt(KeyId=scene.arn, Plaintext=b"")
    (record,) = node.records_of(facts)
    assert record["recipientAccountId"] == STRANGER.account_id
    assert record["requestParameters"] is None


def test_a_state_refusal_is_told_to_an_allowed_stranger(node: RunningNode, shared: Scene) -> None:
    put_into("Disabled", shared)
    for row in CRYPTOGRAPHIC:
        with refused("DisabledException", f"{shared.arn} is disabled.") as facts:
            row.send(node.client(STRANGER), foreign_request_of_blob(row, shared))
        assert len(node.records_of(facts)) == 2


def foreign_request_of_blob(row: Row, scene: Scene) -> dict[str, Any]:
    if row.member != "DestinationKeyId":
        return foreign_request(row, scene, scene.arn)
    blob = scene.client.encrypt(KeyId=scene.other["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    return {"CiphertextBlob": blob, "DestinationKeyId": scene.arn}


def test_request_ids_are_told_apart(node: RunningNode, kms: Any) -> None:
    seen = {request_id(kms.list_keys(Limit=1)) for _ in range(20)}
    assert len(seen) == 20
