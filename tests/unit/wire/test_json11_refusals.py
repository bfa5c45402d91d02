"""Request bodies that are refused, with the message that says which member and why."""

# ruff: noqa: E501  # a case of a table is read in one line

import base64

import pytest

from regionkms.model.errors import KmsError, SerializationException, ValidationException
from regionkms.wire import json11
from regionkms.wire.validation import MAX_SHOWN_ERRORS

_AT = "failed to satisfy constraint: Member must"
_DATA_KEY_SPECS = "satisfy enum value set: [AES_256, AES_128]"


def _refusal(operation_name: str, body: bytes) -> KmsError:
    with pytest.raises(KmsError) as raised:
        json11.decode(operation_name, body)
    # A chained exception of a library would hold the request.
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None
    return raised.value


_SERIALIZATION = {
    "not JSON": ("ListKeys", b"{", "not valid JSON (character 2)"),
    "blank": ("ListKeys", b" ", "not valid JSON (character 2)"),
    "trailing": ("ListKeys", b"{} x", "not valid JSON (character 4)"),
    "byte order mark": ("ListKeys", b"\xef\xbb\xbf{}", "not valid JSON (character 1)"),
    "control character": ("ListKeys", b'{"Marker":"\x01"}', "not valid JSON (character 12)"),
    "a list": ("ListKeys", b"[]", "not a JSON object"),
    "a string": ("ListKeys", b'"x"', "not a JSON object"),
    "null": ("ListKeys", b"null", "not a JSON object"),
    "UTF-8": ("ListKeys", b'{"Marker":"\xff"}', "not valid UTF-8 (byte 12)"),
    "UTF-8 in a name": ("ListKeys", b'{"\xff":1}', "not valid UTF-8 (byte 3)"),
    "UTF-8 in an unknown member": ("ListKeys", b'{"u":"\xff"}', "not valid UTF-8 (byte 7)"),
    "surrogate": ("ListKeys", b'{"Marker":"\\ud800"}', "unpaired surrogate"),
    "surrogate in a name": ("ListKeys", b'{"\\udc00":1}', "unpaired surrogate"),
    "surrogate in UTF-8": ("ListKeys", b'{"Marker":"\xed\xa0\x80"}', "not valid UTF-8 (byte 12)"),
    "NaN": ("ListKeys", b'{"Limit":NaN}', "NaN is no JSON number"),
    "Infinity": ("ListKeys", b'{"Limit":-Infinity}', "-Infinity is no JSON number"),
    "out of range": ("ListKeys", b'{"Limit":1e999}', "out of range"),
    "long number": ("ListKeys", b'{"Limit":' + b"9" * 5_000 + b"}", "longer than 32 characters"),
    "unknown long number": ("ListKeys", b'{"u":' + b"9" * 33 + b"}", "longer than 32 characters"),
    "many": ("ListKeys", b'{"u":[' + b"1," * 20_000 + b"1]}", "more than 20000 values"),
    "many objects": ("ListKeys", b'{"u":[' + b'{"a":1},' * 10_000 + b"1]}", "more than 20000"),
    "deep": ("ListKeys", b'{"u":' + b"[" * 16 + b"]" * 16 + b"}", "deeper than 16 levels"),
    "very deep": ("ListKeys", b'{"u":' + b"[" * 99_999 + b"]" * 99_999 + b"}", "deeper than 16"),
    "deep objects": ("ListKeys", b'{"u":' * 99_999 + b"1" + b"}" * 99_999, "deeper than 16"),
    "deep member": ("ListKeys", b'{"Marker":' + b"[" * 99_999, "deeper than 16 levels"),
    "member twice": ("ListKeys", b'{"Limit":1,"Limit":1}', "same member 'Limit' twice"),
    "escaped twice": ("ListKeys", b'{"Limit":1,"\\u004cimit":1}', "same member 'Limit' twice"),
    "null and value": ("ListKeys", b'{"Limit":null,"Limit":1}', "same member 'Limit' twice"),
    "unknown twice": ("ListKeys", b'{"planted":1,"planted":1}', "has the same name twice"),
    "context key twice": (
        "Encrypt",
        b'{"KeyId":"k","Plaintext":"YQ==","EncryptionContext":{"planted":"1","planted":"2"}}',
        "has the same name twice",
    ),
    "context twice": (
        "Encrypt",
        b'{"EncryptionContext":{"a":"1"},"KeyId":"k","Plaintext":"YQ==","EncryptionContext":{}}',
        "same member 'EncryptionContext' twice",
    ),
    "number for string": (
        "DescribeKey",
        b'{"KeyId":1}',
        "NUMBER_VALUE can not be converted to a String (member 'keyId')",
    ),
    "true for string": (
        "DescribeKey",
        b'{"KeyId":true}',
        "TRUE_VALUE can not be converted to a String (member 'keyId')",
    ),
    "list for string": (
        "DescribeKey",
        b'{"KeyId":[]}',
        "Start of list found where not expected (member 'keyId')",
    ),
    "map for string": (
        "DescribeKey",
        b'{"KeyId":{}}',
        "Start of structure or map found where not expected (member 'keyId')",
    ),
    "string for integer": (
        "ListKeys",
        b'{"Limit":"5"}',
        "STRING_VALUE can not be converted to an Integer (member 'limit')",
    ),
    "false for integer": (
        "ListKeys",
        b'{"Limit":false}',
        "FALSE_VALUE can not be converted to an Integer (member 'limit')",
    ),
    "fraction for integer": (
        "ListKeys",
        b'{"Limit":1.5}',
        "NUMBER_VALUE can not be converted to an Integer (member 'limit')",
    ),
    "string for boolean": (
        "CreateKey",
        b'{"MultiRegion":"true"}',
        "STRING_VALUE can not be converted to a Boolean (member 'multiRegion')",
    ),
    "string for list": (
        "UntagResource",
        b'{"KeyId":"k","TagKeys":"a"}',
        "STRING_VALUE can not be converted to a List (member 'tagKeys')",
    ),
    "number in a list": (
        "UntagResource",
        b'{"KeyId":"k","TagKeys":[1]}',
        "NUMBER_VALUE can not be converted to a String (member 'tagKeys.member')",
    ),
    "string for structure": (
        "TagResource",
        b'{"KeyId":"k","Tags":["a"]}',
        "STRING_VALUE can not be converted to a Structure (member 'tags.1.member')",
    ),
    "list for map": (
        "Decrypt",
        b'{"EncryptionContext":[]}',
        "Start of list found where not expected (member 'encryptionContext')",
    ),
    "number in a map": (
        "Decrypt",
        b'{"EncryptionContext":{"planted":1}}',
        "NUMBER_VALUE can not be converted to a String (member 'encryptionContext.value')",
    ),
    "string for instant": (
        "ImportKeyMaterial",
        b'{"ValidTo":"2030-01-01"}',
        "STRING_VALUE can not be converted to a Timestamp (member 'validTo')",
    ),
    "loose base64": (
        "Decrypt",
        b'{"CiphertextBlob":"eHh4===="}',
        "Invalid base64 (member 'ciphertextBlob')",
    ),
    "unpadded base64": (
        "Decrypt",
        b'{"CiphertextBlob":"eHh"}',
        "Invalid base64 (member 'ciphertextBlob')",
    ),
    "spaced base64": (
        "Decrypt",
        b'{"CiphertextBlob":"eH h5"}',
        "Invalid base64 (member 'ciphertextBlob')",
    ),
    "base64url": (
        "Decrypt",
        b'{"CiphertextBlob":"_-h5"}',
        "Invalid base64 (member 'ciphertextBlob')",
    ),
    "number for blob": (
        "Decrypt",
        b'{"CiphertextBlob":1}',
        "NUMBER_VALUE can not be converted to a Blob (member 'ciphertextBlob')",
    ),
}


@pytest.mark.parametrize("case", _SERIALIZATION)
def test_a_body_that_is_not_the_request_is_a_serialization_exception(case: str) -> None:
    operation_name, body, message = _SERIALIZATION[case]
    refusal = _refusal(operation_name, body)
    assert type(refusal) is SerializationException
    assert message in refusal.message
    assert "planted" not in refusal.message


def _blob(length: int) -> bytes:
    return base64.b64encode(b"x" * length)


_VALIDATION = {
    "null": ("DescribeKey", b"{}", [f"Value null at 'keyId' {_AT} not be null"]),
    "empty body": ("DescribeKey", b"", [f"Value null at 'keyId' {_AT} not be null"]),
    "null member": ("DescribeKey", b'{"KeyId":null}', [f"Value null at 'keyId' {_AT} not be null"]),
    "short": ("DescribeKey", b'{"KeyId":""}', [f"Value '' at 'keyId' {_AT} have length greater than or equal to 1"]),
    "small": ("ListKeys", b'{"Limit":0}', [f"Value '0' at 'limit' {_AT} have value greater than or equal to 1"]),
    "large": ("ListKeys", b'{"Limit":1001}', [f"Value '1001' at 'limit' {_AT} have value less than or equal to 1000"]),
    "huge": ("ListKeys", b'{"Limit":12345678901234567890123}', [f"Value '12345678901234567890123' at 'limit' {_AT} have value less than or equal to 1000"]),
    "random bytes": ("GenerateRandom", b'{"NumberOfBytes":1025}', [f"Value '1025' at 'numberOfBytes' {_AT} have value less than or equal to 1024"]),
    "enum": ("GenerateDataKey", b'{"KeyId":"k","KeySpec":"AES_512"}', [f"Value 'AES_512' at 'keySpec' {_AT} {_DATA_KEY_SPECS}"]),
    "empty enum": ("GenerateDataKey", b'{"KeyId":"k","KeySpec":""}', [f"Value '' at 'keySpec' {_AT} {_DATA_KEY_SPECS}"]),
    "pattern": (
        "CreateAlias",
        b'{"AliasName":"alias/a b","TargetKeyId":"k"}',
        [f"Value 'alias/a b' at 'aliasName' {_AT} satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"],
    ),
    "pattern and line end": (
        "DeleteAlias",
        b'{"AliasName":"alias/a\\n"}',
        [f"Value 'alias/a\n' at 'aliasName' {_AT} satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"],
    ),
    "pattern is ASCII": (
        "GetKeyPolicy",
        '{"KeyId":"k","PolicyName":"d\u00e9faut"}'.encode(),
        [f"Value 'd\u00e9faut' at 'policyName' {_AT} satisfy regular expression pattern: [\\w]+"],
    ),
    "plaintext": (
        "Encrypt",
        b'{"KeyId":"k","Plaintext":"' + _blob(4097) + b'"}',
        [f"Value at 'plaintext' {_AT} have length less than or equal to 4096"],
    ),
    "empty plaintext": (
        "Encrypt",
        b'{"KeyId":"k","Plaintext":""}',
        [f"Value at 'plaintext' {_AT} have length greater than or equal to 1"],
    ),
    "ciphertext": (
        "Decrypt",
        b'{"CiphertextBlob":"' + _blob(6145) + b'"}',
        [f"Value at 'ciphertextBlob' {_AT} have length less than or equal to 6144"],
    ),
    "list length": (
        "ListKeys",
        b'{"ResourceOwners":[]}',
        [f"Value '[]' at 'resourceOwners' {_AT} have length greater than or equal to 1"],
    ),
    "grant tokens": (
        "DescribeKey",
        b'{"KeyId":"k","GrantTokens":["1","2","3","4","5","6","7","8","9","10","11"]}',
        [f"Value '[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]' at 'grantTokens' {_AT} have length less than or equal to 10"],
    ),
    "in a list": (
        "UntagResource",
        b'{"KeyId":"k","TagKeys":["a",""]}',
        [
            (f"Value '[a, ]' at 'tagKeys' {_AT} satisfy constraint: [Member must have length less"
            " than or equal to 128, Member must have length greater than or equal to 1]")
        ],
    ),
    "null in a list": (
        "UntagResource",
        b'{"KeyId":"k","TagKeys":["a",null]}',
        [f"Value '[a, null]' at 'tagKeys' {_AT} satisfy constraint: [Member must not be null]"],
    ),
    "null in a map": (
        "Decrypt",
        b'{"EncryptionContext":{"a":"b","c":null}}',
        [
            ("Value '{a=b, c=null}' at 'encryptionContext' failed to satisfy constraint:"
            " Map value must satisfy constraint: [Member must not be null]")
        ],
    ),
    "tags": (
        "TagResource",
        b'{"KeyId":"k","Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"","TagValue":null},null]}',
        [
            f"Value '' at 'tags.2.member.tagKey' {_AT} have length greater than or equal to 1",
            f"Value null at 'tags.2.member.tagValue' {_AT} not be null",
            f"Value null at 'tags.3.member' {_AT} not be null",
        ],
    ),
    "long tag": (
        "CreateKey",
        b'{"Tags":[{"TagKey":"' + b"k" * 129 + b'","TagValue":"' + b"v" * 257 + b'"}]}',
        [
            f"Value '{'k' * 129}' at 'tags.1.member.tagKey' {_AT} have length less than or equal to 128",
            f"Value '{'v' * 256}...' at 'tags.1.member.tagValue' {_AT} have length less than or equal to 256",
        ],
    ),
    "two constraints of one member": (
        "DeleteAlias",
        b'{"AliasName":""}',
        [
            f"Value '' at 'aliasName' {_AT} have length greater than or equal to 1",
            f"Value '' at 'aliasName' {_AT} satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        ],
    ),
    "password": (
        "CreateCustomKeyStore",
        b'{"CustomKeyStoreName":"s","KeyStorePassword":"secret"}',
        [f"Value at 'keyStorePassword' {_AT} have length greater than or equal to 7"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", _VALIDATION)
def test_a_constraint_that_is_not_met_is_a_validation_exception(case: str) -> None:
    operation_name, body, findings = _VALIDATION[case]
    refusal = _refusal(operation_name, body)
    assert type(refusal) is ValidationException
    errors = "error" if len(findings) == 1 else "errors"
    expected = f"{len(findings)} validation {errors} detected: {'; '.join(findings)}"
    assert refusal.message == expected
    assert "secret" not in refusal.message
    assert base64.b64encode(b"xxx").decode() not in refusal.message


def test_a_wrong_json_type_comes_before_constraints() -> None:
    refusal = _refusal("Encrypt", b'{"KeyId":"","Plaintext":7}')
    assert type(refusal) is SerializationException
    assert refusal.message == "NUMBER_VALUE can not be converted to a Blob (member 'plaintext')"


def test_of_many_findings_only_the_first_are_shown_and_not_all_looked_for() -> None:
    tags = ",".join(['{"TagKey":"","TagValue":""}'] * 5_000)
    refusal = _refusal("TagResource", f'{{"KeyId":"k","Tags":[{tags}]}}'.encode())
    assert refusal.message.startswith("100 validation errors detected: Value '' at 'tags.1.member.")
    assert refusal.message.count(" at 'tags.") == MAX_SHOWN_ERRORS


def test_a_long_list_is_cut_in_the_message() -> None:
    keys = ",".join(['"' + "k" * 129 + '"'] * 1_000)
    refusal = _refusal("UntagResource", f'{{"KeyId":"k","TagKeys":[{keys}]}}'.encode())
    assert len(refusal.message) < 600
