import copy
import pickle
from typing import Any

import pytest

from regionkms.crypto import signing
from regionkms.crypto.material import Material
from regionkms.crypto.signing import RecordKey, Statement, signature_is_true
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.record import Epoch, EpochKind, Incarnation

KEY = RecordKey(Material(bytes(range(32))))
ETCD_KEY = "/regionkms/lab/mrk/111122223333/mrk-1234abcd12ab34cd56ef1234567890ab"
STATEMENT = signing.record_statement(ETCD_KEY, b"record")
SIGNATURE = KEY.sign(STATEMENT)

GRANT: dict[str, Any] = {
    "cluster": "lab",
    "account_id": "111122223333",
    "key_id": "mrk-1234abcd12ab34cd56ef1234567890ab",
    "target": "eu-west-1",
    "life": 2,
    "granter": "us-east-1",
}
EPOCH: dict[str, Any] = {
    "cluster": "lab",
    "account_id": "111122223333",
    "key_id": "mrk-1234abcd12ab34cd56ef1234567890ab",
    "epoch": Epoch(incarnation=Incarnation(number=1, random=9), number=4),
    "primary_region": "us-east-1",
    "kind": EpochKind.UPDATE,
    "taker": "us-east-1",
    "taker_life": 1,
}


def test_signatures_agree_with_rfc_8032_test_2() -> None:
    key = RecordKey(
        Material(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    )
    assert key.public_key.hex() == (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    )
    assert key.sign(Statement(b"\x72")).hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_a_true_signature_is_true_and_every_flipped_bit_is_not() -> None:
    assert signature_is_true(KEY.public_key, STATEMENT, SIGNATURE)
    for position in range(64):
        altered = bytearray(SIGNATURE)
        altered[position] ^= 1 << (position % 8)
        assert not signature_is_true(KEY.public_key, STATEMENT, bytes(altered))


def test_a_signature_is_for_one_statement() -> None:
    for other in (
        signing.record_statement(ETCD_KEY, b"recorc"),
        signing.record_statement(ETCD_KEY + "r", b"ecord"),
        signing.directory_statement(ETCD_KEY, b"record"),
        signing.incarnation_statement(ETCD_KEY, b"record"),
        signing.chain_head_statement(b"record"),
        Statement(b"record"),
    ):
        assert not signature_is_true(KEY.public_key, other, SIGNATURE)


def test_another_key_did_not_sign() -> None:
    assert not signature_is_true(RecordKey.generate().public_key, STATEMENT, SIGNATURE)


@pytest.mark.parametrize("public_key", [b"", bytes(31), bytes(32), bytes(33), b"\xff" * 32])
def test_a_malformed_public_key_verifies_nothing(public_key: bytes) -> None:
    assert not signature_is_true(public_key, STATEMENT, SIGNATURE)


@pytest.mark.parametrize("signature", [b"", SIGNATURE[:-1], SIGNATURE + b"\x00", bytes(64)])
def test_a_malformed_signature_is_false(signature: bytes) -> None:
    assert not signature_is_true(KEY.public_key, STATEMENT, signature)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster", "lac"),
        ("account_id", "444455556666"),
        ("key_id", "mrk-00000000000000000000000000000000"),
        ("target", "eu-west-2"),
        ("life", 3),
        ("granter", "us-east-2"),
    ],
)
def test_a_grant_says_every_one_of_its_members(name: str, value: object) -> None:
    assert signing.grant_statement(**GRANT) != signing.grant_statement(**GRANT | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster", "lac"),
        ("account_id", "444455556666"),
        ("key_id", "mrk-00000000000000000000000000000000"),
        ("epoch", Epoch(incarnation=Incarnation(number=1, random=9), number=5)),
        ("epoch", Epoch(incarnation=Incarnation(number=1, random=8), number=4)),
        ("epoch", Epoch(incarnation=Incarnation(number=2, random=9), number=4)),
        ("primary_region", "us-east-2"),
        ("kind", EpochKind.PROMOTE),
        ("taker", "us-east-2"),
        ("taker_life", 2),
    ],
)
def test_an_epoch_says_every_one_of_its_members(name: str, value: object) -> None:
    assert signing.epoch_statement(**EPOCH) != signing.epoch_statement(**EPOCH | {name: value})


def test_a_record_key_is_written_and_read_back() -> None:
    key = RecordKey.generate()
    again = RecordKey(key.material)
    assert again.public_key == key.public_key
    assert signature_is_true(key.public_key, STATEMENT, again.sign(STATEMENT))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_malformed_private_key_is_refused(length: int) -> None:
    with pytest.raises(MaterialUnreadable, match=r"^a record key has 32 bytes$"):
        RecordKey(Material(bytes(length)))


def test_a_record_key_shows_and_leaks_nothing() -> None:
    assert repr(KEY) == f"<record key {KEY.public_key.hex()}>"
    assert not hasattr(KEY, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^a record key is never pickled$"):
            leave(KEY)
