"""Blob v1 and the encoded context under arbitrary inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regionkms.crypto import blob as blob_v1
from regionkms.crypto.context import encode_context
from regionkms.crypto.fields import length_prefixed
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import AccountId, GenerationId, KeyId, is_key_id, key_id_from_random
from tests.support import plain_blob
from tests.support.generation import KnownGeneration

CONTEXTS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.text(st.characters(codec="utf-8"), max_size=20),
    max_size=6,
)
ACCOUNTS = st.integers(0, blob_v1.MAX_ACCOUNT).map(lambda number: AccountId(f"{number:012d}"))
KEY_IDS: st.SearchStrategy[KeyId] = st.builds(
    lambda random, multi: key_id_from_random(random, multi_region=multi),
    st.binary(min_size=16, max_size=16),
    st.booleans(),
)


@st.composite
def generations(draw: st.DrawFn) -> KnownGeneration:
    return KnownGeneration(
        account_id=draw(ACCOUNTS),
        key_id=draw(KEY_IDS),
        generation_id=GenerationId(draw(st.binary(min_size=16, max_size=16))),
        material=draw(st.binary(min_size=32, max_size=32)),
        binding_key=draw(st.binary(min_size=32, max_size=32)),
    )


PLAINTEXTS = st.binary(min_size=1, max_size=300)
RANDOMS = st.binary(min_size=28, max_size=28)


@given(generations(), PLAINTEXTS, CONTEXTS, RANDOMS)
def test_blobs_agree_with_the_plain_form_and_open_again(
    generation: KnownGeneration, plaintext: bytes, context: dict[str, str], random_bytes: bytes
) -> None:
    cipher, encoded = generation.cipher(), encode_context(context)
    blob = cipher.encrypt(plaintext, encoded, random_bytes)
    assert blob == plain_blob.encrypt(
        material=generation.material,
        binding_key=generation.binding_key,
        account_id=generation.account_id,
        key_id=generation.key_id,
        generation_id=generation.generation_id,
        context=context,
        plaintext=plaintext,
        nonce=random_bytes[:16],
        iv=random_bytes[16:],
    )
    assert cipher.decrypt(blob, encoded) == plaintext


@given(generations(), PLAINTEXTS, CONTEXTS, RANDOMS, st.data())
def test_no_altered_bit_opens(
    generation: KnownGeneration,
    plaintext: bytes,
    context: dict[str, str],
    random_bytes: bytes,
    data: st.DataObject,
) -> None:
    cipher, encoded = generation.cipher(), encode_context(context)
    altered = bytearray(cipher.encrypt(plaintext, encoded, random_bytes))
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InvalidCiphertextException, match=r"^$"):
        cipher.decrypt(bytes(altered), encoded)


@given(st.binary(max_size=5000))
def test_any_bytes_are_a_header_or_the_one_refusal(blob: bytes) -> None:
    for attempt in (blob, blob_v1.FORMAT_V1 + blob):
        try:
            header = blob_v1.parse_header(attempt)
        except InvalidCiphertextException as refusal:
            assert refusal.message == ""  # noqa: PT017 - both outcomes are right
        else:
            assert is_key_id(header.key_id)
            prefix = blob_v1.header_prefix(
                account_id=header.account_id,
                key_id=header.key_id,
                generation_id=header.generation_id,
                generation_tag=header.generation_tag,
            )
            assert attempt.startswith(prefix)
        with pytest.raises(InvalidCiphertextException, match=r"^$"):
            KnownGeneration().cipher().decrypt(attempt, b"")


@given(CONTEXTS, CONTEXTS)
def test_contexts_share_an_encoding_only_if_they_are_equal(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (encode_context(one) == encode_context(other)) == (one == other)


def decoded(encoded: bytes) -> dict[str, str]:
    fields = []
    while encoded:
        length = int.from_bytes(encoded[:4], "big")
        fields.append(encoded[4 : 4 + length].decode())
        encoded = encoded[4 + length :]
    return dict(zip(fields[::2], fields[1::2], strict=True))


@given(CONTEXTS)
def test_an_encoded_context_can_be_read_back_so_it_is_injective(context: dict[str, str]) -> None:
    assert decoded(encode_context(context)) == context
    assert encode_context(context) == plain_blob.encoded_context(context)


@given(st.lists(st.binary(max_size=8), max_size=5), st.lists(st.binary(max_size=8), max_size=5))
def test_lists_of_fields_share_an_encoding_only_if_they_are_equal(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (length_prefixed(*one) == length_prefixed(*other)) == (one == other)
