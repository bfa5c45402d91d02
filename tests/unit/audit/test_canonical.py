import json
from typing import Any

import pytest

from regionkms.audit.canonical import Copy, encode, encode_internal, recipients
from regionkms.audit.record import CallFacts, InternalEvent
from regionkms.model import shapes
from regionkms.model.errors import (
    AccessDeniedException,
    IncorrectKeyException,
    InvalidCiphertextException,
    KMSInvalidStateException,
)
from regionkms.policy.principal import NO_ACCOUNT, Principal, PrincipalKind
from tests.support.audit import (
    ACCOUNT,
    KEY_ARN,
    OTHER_ACCOUNT,
    OTHER_KEY_ARN,
    REQUEST_ID,
    encrypt_request,
    facts,
)

_COPY = Copy(event_id="77274901-88bc-4e3f-9bb6-acf1c16f6a7c", recipient=ACCOUNT)
_ORDER = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "sharedEventID",
    "serviceEventDetails",
    "eventCategory",
    "vpcEndpointId",
]


def _record(call: CallFacts, copy: Copy = _COPY) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(encode(call, copy))
    return record


def test_a_record_has_all_members_of_the_specification_in_their_order() -> None:
    record = _record(facts(request=encrypt_request()))
    assert list(record) == [name for name in _ORDER if name in record]
    assert record == {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "Root",
            "principalId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        },
        "eventTime": "2023-11-14T22:13:20Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Encrypt",
        "awsRegion": "us-west-2",
        "sourceIPAddress": "192.0.2.0",
        "userAgent": "Boto3/1.35",
        "requestParameters": {
            "keyId": "alias/example",
            "encryptionContext": {"purpose": "test"},
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
        "responseElements": None,
        "requestID": REQUEST_ID,
        "eventID": _COPY.event_id,
        "readOnly": True,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY_ARN}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }


def test_every_optional_member_has_its_place_in_the_order() -> None:
    call = facts(
        request=encrypt_request(),
        error=KMSInvalidStateException("no"),
        additional={"customKeyStoreId": "cks-1"},
        vpc_endpoint_id="vpce-1234abcd5678c90a",
    )
    copy = Copy(event_id="e", recipient=ACCOUNT, shared_event_id="s")
    record = _record(call, copy)
    assert list(record) == [name for name in _ORDER if name != "serviceEventDetails"]
    assert record["additionalEventData"] == {"customKeyStoreId": "cks-1"}
    assert list(record)[-1] == "vpcEndpointId"


def test_a_refused_call_is_access_denied_and_keeps_its_parameters_and_resources() -> None:
    record = _record(facts(request=encrypt_request(), error=AccessDeniedException("not you")))
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", "not you")
    assert record["requestParameters"]["keyId"] == "alias/example"
    assert record["resources"][0]["ARN"] == KEY_ARN


def test_other_errors_keep_their_names() -> None:
    record = _record(facts(request=encrypt_request(), error=IncorrectKeyException("wrong key")))
    assert record["errorCode"] == "IncorrectKeyException"


def test_an_error_without_a_message_has_no_message() -> None:
    record = _record(facts(request=encrypt_request(), error=InvalidCiphertextException()))
    assert "errorMessage" not in record


def test_a_failed_call_has_no_response_elements_though_success_would() -> None:
    request = shapes.EnableKeyRequest(key_id="k")
    assert _record(facts("EnableKey", request))["responseElements"] == {"keyId": KEY_ARN}
    failed = facts("EnableKey", request, error=KMSInvalidStateException("no"))
    assert _record(failed)["responseElements"] is None


def test_create_key_shows_the_metadata_of_the_specification() -> None:
    metadata = shapes.KeyMetadata(
        aws_account_id=ACCOUNT,
        key_id="1234abcd-12ab-34cd-56ef-1234567890ab",
        arn=KEY_ARN,
        creation_date=1660171107.0,
        enabled=True,
        description="",
        key_usage="ENCRYPT_DECRYPT",
        key_state="Enabled",
        origin="AWS_KMS",
        key_manager="CUSTOMER",
        customer_master_key_spec="SYMMETRIC_DEFAULT",
        key_spec="SYMMETRIC_DEFAULT",
        encryption_algorithms=["SYMMETRIC_DEFAULT"],
        multi_region=True,
        multi_region_configuration=shapes.MultiRegionConfiguration(
            multi_region_key_type="PRIMARY",
            primary_key=shapes.MultiRegionKey(arn=KEY_ARN, region="us-west-2"),
            replica_keys=[],
        ),
    )
    response = shapes.CreateKeyResponse(key_metadata=metadata)
    record = _record(facts("CreateKey", shapes.CreateKeyRequest(), response=response))
    assert record["requestParameters"] == {
        "description": "",
        "origin": "AWS_KMS",
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT",
        "multiRegion": False,
    }
    assert record["responseElements"] == {
        "keyMetadata": {
            "awsAccountId": ACCOUNT,
            "keyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn": KEY_ARN,
            "creationDate": "Aug 10, 2022, 10:38:27 PM",
            "enabled": True,
            "description": "",
            "keyUsage": "ENCRYPT_DECRYPT",
            "keyState": "Enabled",
            "origin": "AWS_KMS",
            "keyManager": "CUSTOMER",
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "keySpec": "SYMMETRIC_DEFAULT",
            "encryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "multiRegion": True,
            "multiRegionConfiguration": {
                "multiRegionKeyType": "PRIMARY",
                "primaryKey": {"arn": KEY_ARN, "region": "us-west-2"},
                "replicaKeys": [],
            },
        }
    }


def test_a_deletion_date_is_shown_for_people() -> None:
    response = shapes.ScheduleKeyDeletionResponse(
        key_id=KEY_ARN,
        deletion_date=1660171107.25,
        key_state="PendingDeletion",
        pending_window_in_days=7,
    )
    request = shapes.ScheduleKeyDeletionRequest(key_id="k", pending_window_in_days=7)
    assert _record(facts("ScheduleKeyDeletion", request, response=response))[
        "responseElements"
    ] == {
        "keyId": KEY_ARN,
        "keyState": "PendingDeletion",
        "deletionDate": "Aug 10, 2022, 10:38:27 PM",
        "pendingWindowInDays": 7,
    }


@pytest.mark.parametrize(("resources", "shown"), [((), []), (None, "absent")])
def test_no_resources_are_an_empty_array_and_none_are_no_member(
    resources: tuple[()] | None, shown: object
) -> None:
    record = _record(facts(request=encrypt_request(), resources=resources))
    assert record.get("resources", "absent") == shown


def test_long_texts_of_a_client_are_cut() -> None:
    call = facts(
        request=encrypt_request(),
        user_agent="u" * 5000,
        source_ip="i" * 5000,
        error=KMSInvalidStateException("m" * 5000),
    )
    record = _record(call)
    lengths = [len(record[name]) for name in ("userAgent", "errorMessage", "sourceIPAddress")]
    assert lengths == [1024, 2048, 256]


def test_a_record_is_printable_ascii_whatever_a_client_sends() -> None:
    nasty = '\x00\n\x1b[2J\x7f\x85\u2028\u202e\ud800é😀"\\'
    call = facts(
        request=encrypt_request(key_id=nasty, encryption_context={nasty: nasty}),
        user_agent=nasty,
        error=KMSInvalidStateException(nasty),
    )
    encoded = encode(call, _COPY)
    assert all(0x20 <= byte < 0x7F for byte in encoded)
    record = json.loads(encoded)
    assert record["userAgent"] == nasty
    assert record["requestParameters"]["encryptionContext"] == {nasty: nasty}


def test_a_call_on_ones_own_key_is_in_ones_own_log() -> None:
    assert recipients(facts()) == (ACCOUNT,)


def test_a_call_on_anothers_key_is_in_both_logs_even_if_it_fails_later() -> None:
    theirs = ((OTHER_ACCOUNT, OTHER_KEY_ARN),)
    assert recipients(facts(resources=theirs)) == (ACCOUNT, OTHER_ACCOUNT)
    failed = facts(resources=theirs, error=KMSInvalidStateException("no"))
    assert recipients(failed) == (ACCOUNT, OTHER_ACCOUNT)


def test_a_denied_call_on_anothers_key_is_in_the_callers_log_only() -> None:
    denied = facts(
        resources=((OTHER_ACCOUNT, OTHER_KEY_ARN),), error=AccessDeniedException("not you")
    )
    assert recipients(denied) == (ACCOUNT,)


def test_a_service_has_no_log_of_its_own() -> None:
    service = Principal(
        kind=PrincipalKind.SERVICE, arn="workmail.eu-west-1.amazonaws.com", account_id=NO_ACCOUNT
    )

    class _Service:
        principal = service
        access_key_id = ""

    assert recipients(facts(caller=_Service())) == (ACCOUNT,)


def test_delete_key_is_an_event_of_the_service() -> None:
    event = InternalEvent(
        event_name="DeleteKey",
        account_id=ACCOUNT,
        event_time=1.7e9,
        region="us-west-2",
        resources=((ACCOUNT, KEY_ARN),),
        key_arn=KEY_ARN,
        additional={"customKeyStoreId": "cks-1"},
    )
    record = json.loads(encode_internal(event, _COPY))
    assert list(record) == [name for name in _ORDER if name in record]
    assert record["userIdentity"] == {"accountId": ACCOUNT, "invokedBy": "AWS Internal"}
    assert record["sourceIPAddress"] == record["userAgent"] == "AWS Internal"
    assert record["requestParameters"] is None
    assert record["responseElements"] == {"keyId": KEY_ARN}
    assert record["eventType"] == "AwsServiceEvent"
    assert record["readOnly"] is False
    assert "requestID" not in record
    assert "serviceEventDetails" not in record


def test_synchronization_is_an_api_call_and_has_a_request_id() -> None:
    event = InternalEvent(
        event_name="SynchronizeMultiRegionKey",
        account_id=ACCOUNT,
        event_time=1.7e9,
        region="us-west-2",
        resources=((ACCOUNT, KEY_ARN),),
        request_id=REQUEST_ID,
    )
    record = json.loads(encode_internal(event, _COPY))
    assert (record["eventType"], record["requestID"]) == ("AwsApiCall", REQUEST_ID)
    assert record["responseElements"] is None


def test_rotation_tells_the_key_in_its_details() -> None:
    event = InternalEvent(
        event_name="RotateKey",
        account_id=ACCOUNT,
        event_time=1.7e9,
        region="us-west-2",
        resources=((ACCOUNT, KEY_ARN),),
        service_event_details={"keyId": "1234abcd"},
    )
    record = json.loads(encode_internal(event, _COPY))
    assert record["serviceEventDetails"] == {"keyId": "1234abcd"}
    assert list(record) == [name for name in _ORDER if name in record]
