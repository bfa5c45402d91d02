"""Request bodies read and response bodies written."""

import pytest

from regionkms.model.errors import SerializationException, UnknownOperationException
from regionkms.model.shapes import (
    CreateGrantRequest,
    CreateKeyRequest,
    DataKeySpec,
    DecryptResponse,
    EncryptionAlgorithmSpec,
    EncryptRequest,
    GenerateDataKeyRequest,
    GrantConstraints,
    GrantOperation,
    ImportKeyMaterialRequest,
    KeySpec,
    ListAliasesResponse,
    ListKeysRequest,
    Tag,
    VerifyResponse,
)
from regionkms.wire import json11

_HASH = "a" * 64


def test_a_request_has_its_members_under_their_names() -> None:
    body = b"""{
        "KeyId": "alias/a", "Plaintext": "aGVsbG8=",
        "EncryptionContext": {"purpose": "test", "\\u00e9": ""},
        "GrantTokens": [], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "DryRun": false
    }"""
    assert json11.decode("Encrypt", body) == EncryptRequest(
        key_id="alias/a",
        plaintext=b"hello",
        encryption_context={"purpose": "test", "\u00e9": ""},
        grant_tokens=[],
        encryption_algorithm=EncryptionAlgorithmSpec.SYMMETRIC_DEFAULT,
        dry_run=False,
    )


def test_structures_and_enums_are_typed() -> None:
    request = json11.decode(
        "CreateGrant",
        b'{"KeyId":"k","Operations":["Decrypt","ReEncryptTo"],"GranteePrincipal":"arn:aws:iam::1:root",'
        b'"Constraints":{"EncryptionContextSubset":{"a":"b"}}}',
    )
    assert isinstance(request, CreateGrantRequest)
    assert request.operations == [GrantOperation.DECRYPT, GrantOperation.RE_ENCRYPT_TO]
    assert request.constraints == GrantConstraints(encryption_context_subset={"a": "b"})
    request = json11.decode(
        "CreateKey", b'{"KeySpec":"RSA_2048","Tags":[{"TagKey":"a","TagValue":""}]}'
    )
    assert isinstance(request, CreateKeyRequest)
    assert request.key_spec is KeySpec.RSA_2048
    assert request.tags == [Tag(tag_key="a", tag_value="")]


def test_an_empty_body_is_an_empty_object() -> None:
    assert json11.decode("ListKeys", b"") == ListKeysRequest()
    assert json11.decode("ListKeys", b" { } ") == ListKeysRequest()


def test_a_null_member_is_absent() -> None:
    body = b'{"KeyId":"k","NumberOfBytes":null,"KeySpec":"AES_128","EncryptionContext":null}'
    expected = GenerateDataKeyRequest(key_id="k", key_spec=DataKeySpec.AES_128)
    assert json11.decode("GenerateDataKey", body) == expected


def test_unknown_members_are_ignored() -> None:
    body = b'{"Limit":5,"Novel":{"a":[1,2.5,true,null,"x"]}}'
    assert json11.decode("ListKeys", body) == ListKeysRequest(limit=5)


def test_escaped_names_and_values_are_the_same_names_and_values() -> None:
    body = b'{"\\u004beyId":"\\"k\\"","Plaintext":"aGVs\\u0062G8="}'
    assert json11.decode("Encrypt", body) == EncryptRequest(key_id='"k"', plaintext=b"hello")


@pytest.mark.parametrize("number", ["1700000000", "1700000000.25", "1.7e9", "1E3", "-0.5"])
def test_instants_are_any_json_number(number: str) -> None:
    body = f'{{"KeyId":"k","ImportToken":"YQ==","EncryptedKeyMaterial":"YQ==","ValidTo":{number}}}'
    request = json11.decode("ImportKeyMaterial", body.encode())
    assert isinstance(request, ImportKeyMaterialRequest)
    assert request.valid_to == float(number)


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(UnknownOperationException) as raised:
        json11.decode("Nope", b"{}")
    assert raised.value.message == ""


def test_a_callers_decoder_is_the_same_reading() -> None:
    decoder = json11.DECODERS["ListKeys"]
    assert decoder(b'{"Limit":7}') == ListKeysRequest(limit=7)
    with pytest.raises(SerializationException, match="not a JSON object"):
        decoder(b"[]")


def test_a_response_leaves_none_out_and_nothing_else() -> None:
    assert json11.encode(VerifyResponse(key_id="k", signature_valid=False)) == (
        b'{"KeyId":"k","SignatureValid":false}'
    )
    assert json11.encode(ListAliasesResponse(aliases=[], truncated=False)) == (
        b'{"Aliases":[],"Truncated":false}'
    )
    assert json11.encode(DecryptResponse(plaintext=b"", key_material_id=_HASH)) == (
        b'{"Plaintext":"","KeyMaterialId":"' + _HASH.encode() + b'"}'
    )


def test_success_without_members_is_an_empty_body() -> None:
    assert json11.encode(None) == b""


def test_blobs_are_base64_and_enums_their_strings() -> None:
    response = DecryptResponse(
        plaintext=b"\xff\xfe", encryption_algorithm=EncryptionAlgorithmSpec.SYMMETRIC_DEFAULT
    )
    assert json11.encode(response) == (
        b'{"Plaintext":"//4=","EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}'
    )
