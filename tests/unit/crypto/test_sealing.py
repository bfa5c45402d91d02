import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest

from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.sealing import SealInfo, TransportKey, seal, transport_key_id
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.ids import AccountId, GenerationId, RegionName
from regionkms.model.record import ClusterName, Epoch, Incarnation
from tests.support.generation import ACCOUNT, MULTI_REGION_KEY

KEY = TransportKey(Material(b"\x01" + bytes(range(64)) + bytes(range(1, 33))))
INCARNATION = Incarnation(number=3, random=0x0123456789ABCDEF)
INFO = SealInfo(
    cluster=ClusterName("lab-3f9a1c0b2d4e5f60"),
    incarnation=INCARNATION,
    epoch=Epoch(incarnation=INCARNATION, number=7),
    account_id=ACCOUNT,
    key_id=MULTI_REGION_KEY,
    generation_id=GenerationId(bytes(range(16))),
    fingerprint=bytes(range(32)),
    source=RegionName("us-east-1"),
    target=RegionName("eu-west-1"),
    life=2,
    transport_key_id=KEY.key_id,
)
SECRET = Material(b"thirty-two bytes of key material")
SEALED = seal(KEY.public_key, INFO, SECRET)
OTHER_INCARNATION = Incarnation(number=3, random=1)


def test_sealed_material_opens_for_its_purpose_only_at_its_target() -> None:
    assert KEY.open(SEALED, INFO) == SECRET
    assert SECRET.reveal() not in SEALED


def test_two_seals_of_the_same_material_differ() -> None:
    assert seal(KEY.public_key, INFO, SECRET) != SEALED


def test_another_transport_key_opens_nothing() -> None:
    other = TransportKey.generate()
    for info in (INFO, replace(INFO, transport_key_id=other.key_id)):
        with pytest.raises(MaterialUnreadable, match=r"^sealed material does not open$"):
            other.open(SEALED, info)


@pytest.mark.parametrize(
    "change",
    [
        {"cluster": ClusterName("lab-0000000000000000")},
        {"incarnation": OTHER_INCARNATION},
        {"epoch": Epoch(incarnation=INCARNATION, number=8)},
        {"epoch": Epoch(incarnation=OTHER_INCARNATION, number=7)},
        {"account_id": AccountId("444455556666")},
        {"key_id": "mrk-00000000000000000000000000000000"},
        {"generation_id": GenerationId(bytes(16))},
        {"generation_id": None, "fingerprint": b""},
        {"fingerprint": bytes(32)},
        {"source": RegionName("ap-south-1")},
        {"target": RegionName("ap-south-1")},
        {"life": 3},
        {"transport_key_id": "0" * 32},
    ],
    ids="-".join,
)
def test_material_sealed_for_another_purpose_does_not_open(change: dict[str, Any]) -> None:
    with pytest.raises(MaterialUnreadable, match=r"^sealed material does not open$") as refusal:
        KEY.open(SEALED, replace(INFO, **change))
    assert refusal.value.__suppress_context__


def test_every_flipped_byte_of_a_seal_is_refused() -> None:
    for position in range(len(SEALED)):
        altered = bytearray(SEALED)
        altered[position] ^= 1 << (position % 8)
        with pytest.raises(MaterialUnreadable, match=r"^sealed material "):
            KEY.open(bytes(altered), INFO)


@pytest.mark.parametrize(
    "sealed", [b"", SEALED[:1], SEALED[:-1], SEALED + b"\x00", b"\x02" + SEALED[1:], bytes(1200)]
)
def test_bytes_that_are_no_seal_are_refused(sealed: bytes) -> None:
    with pytest.raises(MaterialUnreadable, match=r"^sealed material "):
        KEY.open(sealed, INFO)


def test_the_info_string_has_its_members_in_the_order_of_the_protocol() -> None:
    assert INFO.encode() == length_prefixed(
        b"seal/v1",
        b"lab-3f9a1c0b2d4e5f60",
        bytes.fromhex("000000030123456789abcdef"),
        bytes.fromhex("000000030123456789abcdef00000007"),
        b"111122223333",
        b"mrk-1234abcd12ab34cd56ef1234567890ab",
        bytes(range(16)),
        bytes(range(32)),
        b"us-east-1",
        b"eu-west-1",
        bytes.fromhex("00000002"),
        KEY.key_id.encode(),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"generation_id": None},
        {"fingerprint": b""},
        {"fingerprint": bytes(31)},
        {"generation_id": GenerationId(b"")},
    ],
)
def test_a_generation_is_never_sealed_without_its_fingerprint(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^a generation is sealed with its fingerprint"):
        replace(INFO, **change).encode()


def test_the_binding_key_is_sealed_without_generation() -> None:
    info = replace(INFO, generation_id=None, fingerprint=b"")
    assert KEY.open(seal(KEY.public_key, info, SECRET), info) == SECRET


def test_nothing_is_sealed_to_a_key_that_the_info_does_not_name() -> None:
    with pytest.raises(ValueError, match=r"^the seal's info names another transport key$"):
        seal(TransportKey.generate().public_key, INFO, SECRET)


@pytest.mark.parametrize(
    ("public_key", "message"),
    [
        (b"", "^a public transport key has no known format$"),
        (KEY.public_key[:-1], "^a public transport key has no known format$"),
        (b"\x02" + KEY.public_key[1:], "^a public transport key has no known format$"),
        (b"\x01" + b"\xff" * 1184 + KEY.public_key[-32:], "ML-KEM-768 public key"),
        (KEY.public_key[:-32] + bytes(32), "computing shared key"),
    ],
    ids=["empty", "short", "version 2", "no ML-KEM key", "X25519 point of small order"],
)
def test_nothing_is_sealed_to_a_malformed_public_key(public_key: bytes, message: str) -> None:
    info = replace(INFO, transport_key_id=transport_key_id(public_key))
    with pytest.raises(ValueError, match=message):
        seal(public_key, info, SECRET)


def test_a_transport_key_is_written_and_read_back() -> None:
    key = TransportKey.generate()
    again = TransportKey(key.material)
    assert again.public_key == key.public_key
    assert again.key_id == key.key_id == transport_key_id(key.public_key)
    info = replace(INFO, transport_key_id=key.key_id)
    assert again.open(seal(key.public_key, info, SECRET), info) == SECRET


@pytest.mark.parametrize("secret", [b"", bytes(97), b"\x02" + bytes(96), b"\x01" + bytes(95)])
def test_a_malformed_private_key_is_refused(secret: bytes) -> None:
    with pytest.raises(MaterialUnreadable, match=r"^a transport key has no known format$"):
        TransportKey(Material(secret))


def test_a_transport_key_shows_and_leaks_nothing() -> None:
    assert repr(KEY) == f"<transport key {KEY.key_id}>"
    assert not hasattr(KEY, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^a transport key is never pickled$"):
            leave(KEY)
