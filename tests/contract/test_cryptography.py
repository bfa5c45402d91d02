"""Encrypt, Decrypt, ReEncrypt, data keys and random bytes (spec 01 §4, spec 07 §9, §13)."""

from typing import Any, Final

import pytest

from tests.contract.calls import CONTEXT, CRYPTOGRAPHIC, Row, Scene, put_into
from tests.support.node import OWNER, STRANGER, RunningNode, refused

INCORRECT_KEY: Final = (
    "The key ID in the request does not identify a CMK that can perform this operation."
)
UNKNOWN_CIPHERTEXT: Final = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this "
    "region, or you are not allowed to access."
)
DRY_RUN: Final = "The request would have succeeded, but the DryRun option is set."
LENGTH: Final = "1 validation error detected: Value at '{}' failed to satisfy constraint: "


@pytest.fixture(scope="module")
def scene(node: RunningNode) -> Scene:
    """One key for tests that do not change it."""
    return Scene(node.client(OWNER))


@pytest.mark.feature("F07-64")
@pytest.mark.parametrize("size", [1, 10, 4095, 4096])
def test_what_is_encrypted_decrypts(kms: Any, scene: Scene, size: int) -> None:
    plaintext = bytes(range(256)) * 16
    plaintext = plaintext[:size]
    made = kms.encrypt(KeyId=scene.key_id, Plaintext=plaintext)
    assert made["KeyId"] == scene.arn
    assert made["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert len(made["CiphertextBlob"]) <= 6144
    for named in ({}, {"KeyId": scene.key_id}, {"KeyId": scene.alias_arn}):
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], **named)
        assert opened["Plaintext"] == plaintext
        assert opened["KeyId"] == scene.arn
        assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"


def test_the_same_plaintext_never_gives_the_same_ciphertext(kms: Any, scene: Scene) -> None:
    blobs = {kms.encrypt(KeyId=scene.key_id, Plaintext=b"x")["CiphertextBlob"] for _ in range(20)}
    assert len(blobs) == 20


@pytest.mark.parametrize(
    ("plaintext", "constraint"),
    [
        (b"", "Member must have length greater than or equal to 1"),
        (bytes(4097), "Member must have length less than or equal to 4096"),
    ],
    ids=["empty", "4097 bytes"],
)
def test_a_plaintext_of_other_length_is_refused_and_never_shown(
    unchecked: Any, scene: Scene, plaintext: bytes, constraint: str
) -> None:
    with refused("ValidationException", LENGTH.format("plaintext") + constraint):
        unchecked.encrypt(KeyId=scene.key_id, Plaintext=plaintext)


@pytest.mark.parametrize("operation", ["decrypt", "re_encrypt"])
@pytest.mark.parametrize("size", [0, 6145])
def test_a_ciphertext_of_impossible_length_is_refused(
    unchecked: Any, scene: Scene, operation: str, size: int
) -> None:
    extra = {} if operation == "decrypt" else {"DestinationKeyId": scene.key_id}
    with refused("ValidationException") as facts:
        getattr(unchecked, operation)(CiphertextBlob=bytes(size), **extra)
    assert facts["Error"]["Message"].startswith(LENGTH.format("ciphertextBlob"))


CONTEXTS: Final = [
    {"department": "10103.0"},
    {"a": "1", "b": "2", "c": "3"},
    {"": ""},
    {"ключ ☂": "значение \U0001f512"},
    {'quote"d': "back\\slash\n\t\u0001"},
    {"aws:ebs:id": "vol-abcde12345abc1234"},
    {"k": "v" * 8000},
    {f"k{n:03}": str(n) for n in range(400)},
]


@pytest.mark.feature("F01-08")
@pytest.mark.parametrize("context", CONTEXTS, ids=range(len(CONTEXTS)))
def test_a_context_must_be_the_same_pairs_in_any_order(
    kms: Any, scene: Scene, context: dict[str, str]
) -> None:
    blob = kms.encrypt(KeyId=scene.key_id, Plaintext=b"x", EncryptionContext=context)[
        "CiphertextBlob"
    ]
    same = dict(reversed(context.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=same)["Plaintext"] == b"x"
    name, value = next(iter(context.items()))
    others = [
        {},
        context | {"one": "more"},
        {key: text for key, text in context.items() if key != name} or {"x": "y"},
        context | {name: value + " "},
        context | {name: value.swapcase() if value.swapcase() != value else value + "x"},
        {key + "x": text for key, text in context.items()},
        {value: name} if value != name else {"x": ""},
    ]
    for other in others:
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)


def test_pairs_do_not_run_into_one_another(kms: Any, scene: Scene) -> None:
    blob = kms.encrypt(KeyId=scene.key_id, Plaintext=b"x", EncryptionContext={"ab": "c", "d": "e"})[
        "CiphertextBlob"
    ]
    for other in ({"a": "bc", "d": "e"}, {"ab": "cd", "": "e"}, {"ab": "c,d:e"}):
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)


def test_no_context_and_an_empty_one_are_the_same(kms: Any, scene: Scene) -> None:
    blob = kms.encrypt(KeyId=scene.key_id, Plaintext=b"x", EncryptionContext={})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "row", [row for row in CRYPTOGRAPHIC if row.operation != "ReEncrypt"], ids=lambda row: row.name
)
def test_a_context_beyond_the_limit_is_refused(kms: Any, scene: Scene, row: Row) -> None:
    request = row.request(scene) | {"EncryptionContext": {"k": "v" * 8200}}
    with refused(
        "ValidationException",
        "The encryption context is 8209 bytes long when encoded. It must not be longer than 8192 "
        "bytes.",
    ):
        row.send(kms, request)


HEADER: Final = {
    "format": range(3),
    "account": range(3, 9),
    "kind of key id": range(9, 10),
    "key id": range(10, 26),
}
"""Bytes that say which key made a blob; behind them is what only the key can prove."""


def test_no_bit_of_a_ciphertext_can_be_changed(kms: Any, scene: Scene) -> None:
    blob = kms.encrypt(KeyId=scene.key_id, Plaintext=b"attack at dawn")["CiphertextBlob"]
    answers: dict[int, str] = {}
    for position in range(len(blob)):
        flipped = bytearray(blob)
        flipped[position] ^= 1 << (position % 8)
        with pytest.raises(kms.exceptions.ClientError) as caught:
            kms.decrypt(CiphertextBlob=bytes(flipped))
        error = caught.value.response["Error"]
        answers[position] = error["Code"]
        assert error.get("Message", "") == {
            "InvalidCiphertextException": "",
            "AccessDeniedException": UNKNOWN_CIPHERTEXT,
        }.get(error["Code"])
    named = {*HEADER["account"], *HEADER["kind of key id"], *HEADER["key id"]}
    proven = {answers[position] for position in answers if position not in named}
    assert proven == {"InvalidCiphertextException"}


def test_nor_when_the_key_is_named(kms: Any, scene: Scene) -> None:
    blob = kms.encrypt(KeyId=scene.key_id, Plaintext=b"attack at dawn")["CiphertextBlob"]
    for position in range(len(blob)):
        flipped = bytearray(blob)
        flipped[position] ^= 0x80 >> (position % 8)
        with pytest.raises(kms.exceptions.ClientError) as caught:
            kms.decrypt(CiphertextBlob=bytes(flipped), KeyId=scene.key_id)
        code = caught.value.response["Error"]["Code"]
        foreign = position in {*HEADER["account"], *HEADER["key id"], *HEADER["kind of key id"]}
        assert code == "InvalidCiphertextException" or (foreign and code == "IncorrectKeyException")


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 60, 100])
def test_a_cut_or_lengthened_ciphertext_does_not_open(kms: Any, scene: Scene, cut: int) -> None:
    blob = kms.encrypt(KeyId=scene.key_id, Plaintext=b"attack at dawn")["CiphertextBlob"]
    for spoilt in (blob[:-cut], blob[cut:], blob + bytes(cut), bytes(cut) + blob, bytes(len(blob))):
        with refused("InvalidCiphertextException", ""):
            kms.decrypt(CiphertextBlob=spoilt)


@pytest.mark.feature("F02-05")
def test_another_key_than_the_one_that_encrypted_is_incorrect(
    node: RunningNode, kms: Any, scene: Scene
) -> None:
    with refused("IncorrectKeyException", INCORRECT_KEY) as facts:
        kms.decrypt(
            CiphertextBlob=scene.blob, EncryptionContext=CONTEXT, KeyId=scene.other["KeyId"]
        )
    (record,) = node.records_of(facts)
    assert record["errorCode"] == "IncorrectKeyException"
    assert record["errorMessage"] == INCORRECT_KEY
    assert record["resources"][0]["ARN"] == scene.other["Arn"]
    with refused("IncorrectKeyException", INCORRECT_KEY):
        kms.re_encrypt(
            CiphertextBlob=scene.blob,
            SourceEncryptionContext=CONTEXT,
            SourceKeyId=scene.other_alias,
            DestinationKeyId=scene.key_id,
        )


def test_a_ciphertext_of_a_key_that_is_not_here_is_refused_without_details(
    kms: Any, scene: Scene
) -> None:
    blob = bytearray(scene.blob)
    blob[12] ^= 0xFF
    with refused("AccessDeniedException", UNKNOWN_CIPHERTEXT):
        kms.decrypt(CiphertextBlob=bytes(blob), EncryptionContext=CONTEXT)


@pytest.mark.feature("F01-05", "F07-64")
@pytest.mark.parametrize(
    ("members", "size"),
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 64}, 64),
        ({"NumberOfBytes": 1024}, 1024),
    ],
    ids=str,
)
def test_a_data_key_is_what_its_ciphertext_opens_to(
    kms: Any, scene: Scene, members: dict[str, Any], size: int
) -> None:
    made = kms.generate_data_key(KeyId=scene.alias, EncryptionContext=CONTEXT, **members)
    assert made["KeyId"] == scene.arn
    assert len(made["Plaintext"]) == size
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=scene.alias, **members)
    assert "Plaintext" not in hidden
    assert hidden["KeyId"] == scene.arn
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == size


DATA_KEY_REFUSALS: Final = [
    ({}, "Please specify either number of bytes or key spec, and not both."),
    (
        {"KeySpec": "AES_256", "NumberOfBytes": 32},
        "Please specify either number of bytes or key spec, and not both.",
    ),
    (
        {"NumberOfBytes": 0},
        (
            "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1"
        ),
    ),
    (
        {"NumberOfBytes": 1025},
        (
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy "
            "constraint: Member must have value less than or equal to 1024"
        ),
    ),
    (
        {"KeySpec": "AES_512"},
        (
            "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy "
            "constraint: Member must satisfy enum value set: [AES_256, AES_128]"
        ),
    ),
]


@pytest.mark.parametrize(("members", "message"), DATA_KEY_REFUSALS, ids=str)
@pytest.mark.parametrize("operation", ["generate_data_key", "generate_data_key_without_plaintext"])
def test_a_data_key_needs_exactly_one_size(
    unchecked: Any, scene: Scene, operation: str, members: dict[str, Any], message: str
) -> None:
    with refused("ValidationException", message):
        getattr(unchecked, operation)(KeyId=scene.key_id, **members)


@pytest.mark.feature("F07-64")
@pytest.mark.parametrize("size", [1, 33, 1024])
def test_random_bytes_are_of_the_length_asked_for(kms: Any, size: int) -> None:
    first, second = (kms.generate_random(NumberOfBytes=size)["Plaintext"] for _ in range(2))
    assert len(first) == len(second) == size
    assert size == 1 or first != second


@pytest.mark.parametrize("size", [0, 1025])
def test_random_bytes_have_bounds(unchecked: Any, size: int) -> None:
    with refused("ValidationException") as facts:
        unchecked.generate_random(NumberOfBytes=size)
    assert f"Value '{size}' at 'numberOfBytes' failed" in facts["Error"]["Message"]


def test_random_bytes_need_a_number_and_no_key_store(kms: Any) -> None:
    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()
    with refused("UnsupportedOperationException"):
        kms.generate_random(NumberOfBytes=1, CustomKeyStoreId="cks-1234567890abcdef0")


@pytest.mark.feature("F07-64")
def test_re_encrypt_changes_key_and_context_and_nothing_else(kms: Any, scene: Scene) -> None:
    answer = kms.re_encrypt(
        CiphertextBlob=scene.blob,
        SourceEncryptionContext=CONTEXT,
        SourceKeyId=scene.alias,
        DestinationKeyId=scene.other_alias,
        DestinationEncryptionContext={"new": "context"},
    )
    assert answer["SourceKeyId"] == scene.arn
    assert answer["KeyId"] == scene.other["Arn"]
    assert answer["SourceEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert answer["DestinationEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert "Plaintext" not in answer
    opened = kms.decrypt(
        CiphertextBlob=answer["CiphertextBlob"], EncryptionContext={"new": "context"}
    )
    assert (opened["Plaintext"], opened["KeyId"]) == (b"attack at dawn", scene.other["Arn"])
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=CONTEXT)


def test_re_encrypt_under_the_same_key_gives_another_ciphertext(kms: Any, scene: Scene) -> None:
    answer = kms.re_encrypt(
        CiphertextBlob=scene.blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=scene.key_id
    )
    assert answer["CiphertextBlob"] != scene.blob
    assert kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"] == b"attack at dawn"


def test_re_encrypt_refuses_what_decrypt_would(kms: Any, scene: Scene) -> None:
    spoilt = bytearray(scene.blob)
    spoilt[-1] ^= 1
    for blob, context in ((scene.blob, {}), (bytes(spoilt), CONTEXT), (b"junk", {})):
        with refused("InvalidCiphertextException", ""):
            kms.re_encrypt(
                CiphertextBlob=blob,
                SourceEncryptionContext=context,
                DestinationKeyId=scene.other["KeyId"],
            )


@pytest.mark.parametrize("row", CRYPTOGRAPHIC, ids=lambda row: row.name)
def test_an_algorithm_of_another_key_spec_is_refused(kms: Any, scene: Scene, row: Row) -> None:
    member = {
        "Encrypt": "EncryptionAlgorithm",
        "Decrypt": "EncryptionAlgorithm",
        "ReEncrypt": row.member.replace("KeyId", "EncryptionAlgorithm"),
    }.get(row.operation)
    if member is None:
        return
    request = row.request(scene)
    row.send(kms, request | {member: "SYMMETRIC_DEFAULT"})
    with refused(
        "InvalidKeyUsageException",
        "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.",
    ):
        row.send(kms, request | {member: "RSAES_OAEP_SHA_256"})


# --- DryRun ---------------------------------------------------------------------------------------

BY_ROW: Final = pytest.mark.parametrize("row", CRYPTOGRAPHIC, ids=lambda row: row.name)


@pytest.mark.feature("F04-45", "F07-66")
@BY_ROW
def test_a_dry_run_that_would_succeed_says_so_and_gives_nothing(
    node: RunningNode, kms: Any, scene: Scene, row: Row
) -> None:
    with refused("DryRunOperationException", DRY_RUN) as facts:
        row.send(kms, row.request(scene) | {"DryRun": True})
    assert facts["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert not {"CiphertextBlob", "Plaintext"} & facts.keys()
    (record,) = node.records_of(facts)
    assert record["errorCode"] == "DryRunOperationException"
    assert record["resources"]
    row.send(kms, row.request(scene) | {"DryRun": False})


@pytest.mark.feature("F04-45", "F07-66")
@BY_ROW
def test_a_dry_run_without_permission_is_denied(node: RunningNode, scene: Scene, row: Row) -> None:
    request = row.request(scene, scene.arn)
    if row.member == "DestinationKeyId":
        request["SourceKeyId"] = scene.other["Arn"]
    with refused("AccessDeniedException"):
        row.send(node.client(STRANGER), request | {"DryRun": True})


@pytest.mark.feature("F04-45", "F07-66")
@BY_ROW
def test_a_dry_run_in_a_wrong_state_is_refused_as_the_call_is(kms: Any, row: Row) -> None:
    scene = Scene(kms)
    request = row.request(scene)
    put_into("Disabled", scene)
    with refused("DisabledException", f"{scene.arn} is disabled."):
        row.send(kms, request | {"DryRun": True})


@pytest.mark.feature("F04-45", "F07-66")
def test_a_dry_run_reports_what_the_call_would(unchecked: Any, scene: Scene) -> None:
    with refused("ValidationException"):
        unchecked.encrypt(KeyId=scene.key_id, Plaintext=b"", DryRun=True)
    with refused("ValidationException", DATA_KEY_REFUSALS[0][1]):
        unchecked.generate_data_key(KeyId=scene.key_id, DryRun=True)
    with refused("InvalidCiphertextException", ""):
        unchecked.decrypt(CiphertextBlob=scene.blob, DryRun=True)
    with refused("IncorrectKeyException", INCORRECT_KEY):
        unchecked.decrypt(CiphertextBlob=scene.blob, KeyId=scene.other["KeyId"], DryRun=True)
    with refused("NotFoundException"):
        unchecked.encrypt(KeyId="alias/nobody", Plaintext=b"x", DryRun=True)


def test_a_dry_run_can_ignore_the_ciphertext_if_it_names_the_key(kms: Any, scene: Scene) -> None:
    ignore = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    with refused("DryRunOperationException", DRY_RUN):
        kms.decrypt(KeyId=scene.key_id, **ignore)
    with refused("DryRunOperationException", DRY_RUN):
        kms.decrypt(KeyId=scene.key_id, CiphertextBlob=b"junk", **ignore)
    with refused("DryRunOperationException", DRY_RUN):
        kms.re_encrypt(SourceKeyId=scene.key_id, DestinationKeyId=scene.other["KeyId"], **ignore)
    must_name = (
        "A request with the DryRunModifiers IGNORE_CIPHERTEXT must name the KMS key to decrypt "
        "with."
    )
    with refused("ValidationException", must_name):
        kms.decrypt(CiphertextBlob=scene.blob, **ignore)
    with refused("ValidationException", "DryRunModifiers can be specified only with DryRun."):
        kms.decrypt(KeyId=scene.key_id, DryRunModifiers=["IGNORE_CIPHERTEXT"])


@pytest.mark.parametrize("named", [True, False])
def test_a_ciphertext_is_required_otherwise(kms: Any, scene: Scene, named: bool) -> None:  # noqa: FBT001 - a case of the test
    message = (
        "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: "
        "Member must not be null"
    )
    source = {"KeyId": scene.key_id} if named else {}
    with refused("ValidationException", message):
        kms.decrypt(**source)
    source = {"SourceKeyId": scene.key_id} if named else {}
    with refused("ValidationException", message):
        kms.re_encrypt(DestinationKeyId=scene.other["KeyId"], **source)
