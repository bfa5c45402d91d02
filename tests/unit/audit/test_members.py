import pytest

from regionkms.audit.members import (
    attributes,
    human_date,
    lower_camel,
    request_parameters,
    response_elements,
    unknown_members,
    visible,
)
from regionkms.model import shapes
from regionkms.ports.operation import Audited


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        ("KeyId", "keyId"),
        ("AWSAccountId", "awsAccountId"),
        ("XksKeyId", "xksKeyId"),
        ("CustomerMasterKeySpec", "customerMasterKeySpec"),
        ("", ""),
    ],
)
def test_a_member_is_shown_in_lower_camel_case(wire: str, shown: str) -> None:
    assert lower_camel(wire) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1660171107.0, "Aug 10, 2022, 10:38:27 PM"),
        (1609459200.0, "Jan 1, 2021, 12:00:00 AM"),
        (1609502400.9, "Jan 1, 2021, 12:00:00 PM"),
        (1609506305.5, "Jan 1, 2021, 1:05:05 PM"),
        (-1.0, "Dec 31, 1969, 11:59:59 PM"),
    ],
)
def test_a_date_is_shown_for_people_in_utc(seconds: float, shown: str) -> None:
    assert human_date(seconds) == shown


@pytest.mark.parametrize("seconds", [1e18, -1e18, float("inf"), float("nan")])
def test_a_date_that_no_calendar_has_is_shown_as_its_number(seconds: float) -> None:
    assert human_date(seconds) == repr(seconds)


def test_bytes_are_never_visible() -> None:
    assert visible(b"key material") is None
    assert visible([b"key material", "text"]) == ["text"]
    assert visible({"a": b"key material", "b": 1}) == {"b": 1}


def test_a_structure_that_is_not_listed_is_never_visible() -> None:
    credential = shapes.XksProxyAuthenticationCredentialType(
        access_key_id="A" * 20, raw_secret_access_key="s" * 43
    )
    assert visible(credential) is None
    assert visible([credential]) == []


def test_a_member_that_the_model_calls_sensitive_is_not_shown_even_if_it_is_listed() -> None:
    request = shapes.EncryptRequest(key_id="k", plaintext=b"secret")
    audited = Audited(request=("Plaintext", "KeyId"))
    assert request_parameters(audited, request) == {"keyId": "k"}
    assert "Plaintext" not in attributes(shapes.EncryptRequest)


def test_grant_constraints_show_their_contexts() -> None:
    constraints = shapes.GrantConstraints(encryption_context_subset={"a": "b"})
    assert visible(constraints) == {"encryptionContextSubset": {"a": "b"}}


def test_a_default_is_shown_only_when_nothing_was_sent() -> None:
    audited = Audited(
        request=("KeyId", "EncryptionAlgorithm"), defaults={"EncryptionAlgorithm": "D"}
    )
    silent = shapes.EncryptRequest(key_id="k", plaintext=b"")
    assert request_parameters(audited, silent) == {"keyId": "k", "encryptionAlgorithm": "D"}
    spoken = shapes.EncryptRequest(
        key_id="k",
        plaintext=b"",
        encryption_algorithm=shapes.EncryptionAlgorithmSpec.RSAES_OAEP_SHA_256,
    )
    assert request_parameters(audited, spoken) == {
        "keyId": "k",
        "encryptionAlgorithm": "RSAES_OAEP_SHA_256",
    }


def test_parameters_are_null_when_nothing_is_left_or_nothing_could_be_decoded() -> None:
    random = shapes.GenerateRandomRequest(number_of_bytes=32)
    assert request_parameters(Audited(), random) is None
    assert request_parameters(Audited(request=("KeyId",)), None) is None


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({}, "SYMMETRIC_DEFAULT"),
        ({"key_spec": "RSA_2048"}, "RSA_2048"),
        ({"customer_master_key_spec": "RSA_2048"}, "RSA_2048"),
    ],
)
def test_a_key_spec_is_shown_under_both_of_its_names(sent: dict[str, str], shown: str) -> None:
    names = ("CustomerMasterKeySpec", "KeySpec")
    audited = Audited(request=names, defaults=dict.fromkeys(names, "SYMMETRIC_DEFAULT"))
    request = shapes.CreateKeyRequest(**sent)  # type: ignore[arg-type]  # plain strings will do
    assert request_parameters(audited, request) == {
        "customerMasterKeySpec": shown,
        "keySpec": shown,
    }


def test_the_arn_is_filled_in_where_the_response_has_none() -> None:
    filled = Audited(key_arn=True)
    assert response_elements(filled, None, "arn") == {"keyId": "arn"}
    assert response_elements(filled, None, "") is None
    assert response_elements(Audited(), None, "arn") is None


def test_a_response_shows_what_is_listed_and_no_more() -> None:
    response = shapes.CreateGrantResponse(grant_token="token", grant_id="id")
    audited = Audited(response=("GrantId",), key_arn=True)
    assert response_elements(audited, response, "arn") == {"grantId": "id", "keyId": "arn"}


def test_a_listed_name_that_no_type_has_is_told() -> None:
    audited = Audited(request=("KeyId", "Typo"), defaults={"Origin": ""}, response=("Nope",))
    told = unknown_members(audited, shapes.EncryptRequest, shapes.EncryptResponse)
    assert told == "Typo, Origin, Nope"
