import copy
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regionkms.crypto import blob as blob_v1
from regionkms.crypto.context import encode_context
from regionkms.crypto.material import Material
from regionkms.crypto.message_key import message_root
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import GenerationId, KeyId
from tests.support.generation import (
    ACCOUNT,
    MULTI_REGION_KEY,
    OTHER_ACCOUNT,
    SINGLE_REGION_KEY,
    KnownGeneration,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "blob_v1" / "blobs.json").read_text("utf-8")
)
RANDOM = bytes(range(200, 228))
CONTEXT = encode_context({"purpose": "test", "department": "10103.0"})
BLOB = KnownGeneration().cipher().encrypt(b"secret text", CONTEXT, RANDOM)


def assert_refused(generation: KnownGeneration, blob: bytes, context: bytes = CONTEXT) -> None:
    with pytest.raises(InvalidCiphertextException) as refusal:
        generation.cipher().decrypt(blob, context)
    assert refusal.value.message == ""
    assert refusal.value.args == ("",)
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None


def known(vector: dict[str, Any]) -> KnownGeneration:
    return KnownGeneration(
        account_id=vector["account_id"],
        key_id=vector["key_id"],
        generation_id=GenerationId(bytes.fromhex(vector["generation_id"])),
        material=bytes.fromhex(vector["material"]),
        binding_key=bytes.fromhex(vector["binding_key"]),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_blobs_of_the_format_are_made_and_open_for_ever(vector: dict[str, Any]) -> None:
    cipher, context = known(vector).cipher(), encode_context(vector["context"])
    plaintext, blob = bytes.fromhex(vector["plaintext"]), bytes.fromhex(vector["blob"])
    random_bytes = bytes.fromhex(vector["nonce"] + vector["iv"])
    assert cipher.encrypt(plaintext, context, random_bytes) == blob
    assert cipher.decrypt(blob, context) == plaintext
    header = blob_v1.parse_header(blob)
    assert (header.account_id, header.key_id) == (vector["account_id"], vector["key_id"])
    assert cipher.tag_matches(header.generation_tag)


@pytest.mark.parametrize("position", range(len(BLOB)))
def test_every_flipped_bit_of_a_blob_is_refused(position: int) -> None:
    for bit in range(8):
        altered = bytearray(BLOB)
        altered[position] ^= 1 << bit
        assert_refused(KnownGeneration(), bytes(altered))


def test_every_cut_and_every_appended_byte_is_refused() -> None:
    for length in range(len(BLOB)):
        assert_refused(KnownGeneration(), BLOB[:length])
    assert_refused(KnownGeneration(), BLOB + b"\x00")
    assert_refused(KnownGeneration(), b"\x00" + BLOB)
    assert_refused(KnownGeneration(), BLOB + bytes(blob_v1.MAX_BLOB_BYTES))


def other_generations() -> Iterator[tuple[str, KnownGeneration]]:
    yield "account", KnownGeneration(account_id=OTHER_ACCOUNT)
    yield "key id", KnownGeneration(key_id=KeyId(SINGLE_REGION_KEY[:-1] + "c"))
    yield "multi-Region key id", KnownGeneration(key_id=MULTI_REGION_KEY)
    yield "generation", KnownGeneration(generation_id=GenerationId(bytes(range(1, 17))))
    yield "binding key", KnownGeneration(binding_key=bytes(32))
    yield "material", KnownGeneration(material=bytes(32))


@pytest.mark.parametrize(("name", "generation"), list(other_generations()))
def test_another_generation_opens_nothing(name: str, generation: KnownGeneration) -> None:
    assert_refused(generation, BLOB)


@pytest.mark.parametrize(("name", "generation"), list(other_generations()))
def test_another_generation_opens_nothing_under_its_own_header(
    name: str, generation: KnownGeneration
) -> None:
    assert_refused(generation, generation.cipher().prefix + BLOB[blob_v1.PREFIX_BYTES :])


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"purpose": "test"},
        {"purpose": "Test", "department": "10103.0"},
        {"Purpose": "test", "department": "10103.0"},
        {"purpose": "test", "department": "10103.0", "more": ""},
    ],
)
def test_another_context_opens_nothing(context: dict[str, str]) -> None:
    assert_refused(KnownGeneration(), BLOB, encode_context(context))


def test_bytes_do_not_move_between_ciphertext_and_context() -> None:
    assert_refused(KnownGeneration(), BLOB + CONTEXT[:8], CONTEXT[8:])
    assert_refused(KnownGeneration(), BLOB[:-8], BLOB[-8:] + CONTEXT)


def test_equal_material_under_two_keys_has_other_roots() -> None:
    roots = [
        message_root(
            Material(bytes(32)),
            account_id=account,
            key_id=key,
            generation_id=GenerationId(generation),
        ).reveal()
        for account in (ACCOUNT, OTHER_ACCOUNT)
        for key in (SINGLE_REGION_KEY, MULTI_REGION_KEY)
        for generation in (bytes(16), b"\x01" + bytes(15))
    ]
    assert len(set(roots)) == len(roots)


def test_fresh_random_bytes_change_the_whole_ciphertext() -> None:
    cipher = KnownGeneration().cipher()
    other = cipher.encrypt(b"secret text", CONTEXT, RANDOM[:-1] + b"\x00")
    third = cipher.encrypt(b"secret text", CONTEXT, b"\x00" + RANDOM[1:])
    assert len({BLOB[86:], other[86:], third[86:]}) == 3
    assert cipher.decrypt(other, CONTEXT) == cipher.decrypt(third, CONTEXT) == b"secret text"


@pytest.mark.parametrize("length", [0, 4097])
def test_plaintexts_of_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"^a blob holds 1 to 4096 bytes of plaintext$"):
        KnownGeneration().cipher().encrypt(bytes(length), b"", RANDOM)


@pytest.mark.parametrize("length", [0, 27, 29])
def test_other_amounts_of_randomness_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"^a blob takes 28 random bytes$"):
        KnownGeneration().cipher().encrypt(b"x", b"", bytes(length))


def test_the_tag_is_compared_whole() -> None:
    cipher = KnownGeneration().cipher()
    tag = blob_v1.parse_header(BLOB).generation_tag
    assert cipher.tag_matches(tag)
    assert not cipher.tag_matches(tag[:-1])
    assert not cipher.tag_matches(b"")
    for position in range(16):
        altered = bytearray(tag)
        altered[position] ^= 1
        assert not cipher.tag_matches(bytes(altered))


def test_a_cipher_shows_and_leaks_nothing() -> None:
    generation = KnownGeneration()
    cipher = generation.cipher()
    assert repr(cipher) == "<cipher of a generation>"
    assert not hasattr(cipher, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^a cipher is never pickled$"):
            leave(cipher)
