import msgspec
import pytest

from regionkms.crypto import blob as blob_v1
from regionkms.crypto.blob import header_prefix, parse_header, unknown_version
from regionkms.model.errors import InvalidCiphertextException
from regionkms.model.ids import AccountId, GenerationId, KeyId
from regionkms.model.limits import MAX_CIPHERTEXT_BYTES
from tests.support.generation import ACCOUNT, MULTI_REGION_KEY, SINGLE_REGION_KEY

GENERATION = GenerationId(bytes(range(16)))
TAG = bytes(range(16, 32))
NONCE = bytes(range(32, 48))
IV = bytes(range(48, 60))


def blob_of(
    *, account_id: str = ACCOUNT, key_id: KeyId = SINGLE_REGION_KEY, rest: bytes = bytes(17)
) -> bytes:
    prefix = header_prefix(
        account_id=AccountId(account_id),
        key_id=key_id,
        generation_id=GENERATION,
        generation_tag=TAG,
    )
    return prefix + NONCE + IV + rest


@pytest.mark.parametrize("key_id", [SINGLE_REGION_KEY, MULTI_REGION_KEY])
@pytest.mark.parametrize("account_id", [ACCOUNT, "000000000000", "000000000012", "999999999999"])
def test_a_header_is_read_back(key_id: KeyId, account_id: str) -> None:
    header = parse_header(blob_of(account_id=account_id, key_id=key_id))
    assert msgspec.structs.asdict(header) == {
        "account_id": account_id,
        "key_id": key_id,
        "generation_id": GENERATION,
        "generation_tag": TAG,
    }


def test_a_blob_of_the_largest_plaintext_fits_the_api() -> None:
    assert blob_v1.MAX_BLOB_BYTES == 4198
    assert blob_v1.MAX_BLOB_BYTES <= MAX_CIPHERTEXT_BYTES
    assert len(blob_of(rest=b"")) == blob_v1.HEADER_BYTES == 86


def test_single_and_multi_region_keys_of_equal_digits_have_other_headers() -> None:
    single, multi = blob_of(), blob_of(key_id=MULTI_REGION_KEY)
    assert single != multi
    assert parse_header(single).key_id != parse_header(multi).key_id


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"RK",
        blob_of(rest=bytes(16)),
        blob_of(rest=bytes(4096 + 17)),
        b"AQ" + blob_of()[2:],
        b"RK\x00" + blob_of()[3:],
        b"RK\x02" + blob_of()[3:],
        blob_of()[:3] + (10**12).to_bytes(6, "big") + blob_of()[9:],
        blob_of()[:3] + b"\xff" * 6 + blob_of()[9:],
        blob_of()[:9] + b"\x02" + blob_of()[10:],
        blob_of()[:9] + b"\xff" + blob_of()[10:],
    ],
    ids=[
        "nothing", "name only", "no ciphertext", "too long", "foreign", "version 0", "version 2",
        "account 10^12", "largest account number", "kind 2", "kind 255",
    ],
)  # fmt: skip
def test_bytes_that_are_no_blob_are_refused_without_a_message(bad: bytes) -> None:
    with pytest.raises(InvalidCiphertextException) as refusal:
        parse_header(bad)
    assert refusal.value.message == ""
    assert refusal.value.args == ("",)


@pytest.mark.parametrize(
    ("account_id", "key_id"),
    [
        ("11112222333", SINGLE_REGION_KEY),
        ("11112222333x", SINGLE_REGION_KEY),
        (ACCOUNT, "1234ABCD-12ab-34cd-56ef-1234567890ab"),
        (ACCOUNT, "mrk-1234"),
        (ACCOUNT, ""),
    ],
)
def test_ids_in_other_forms_make_no_header(account_id: str, key_id: str) -> None:
    with pytest.raises(ValueError, match=r"^a blob takes an account id and a key id in their"):
        blob_of(account_id=account_id, key_id=KeyId(key_id))


@pytest.mark.parametrize(("generation", "tag"), [(15, 16), (17, 16), (16, 15), (16, 32)])
def test_other_lengths_make_no_header(generation: int, tag: int) -> None:
    with pytest.raises(ValueError, match=r"^a blob takes 16 bytes of generation id"):
        header_prefix(
            account_id=ACCOUNT,
            key_id=SINGLE_REGION_KEY,
            generation_id=GenerationId(bytes(generation)),
            generation_tag=bytes(tag),
        )


def test_only_another_version_of_ours_is_told_to_the_log() -> None:
    assert unknown_version(b"RK\x02" + bytes(100)) == 2
    assert unknown_version(b"RK\x00") == 0
    assert unknown_version(blob_of()) is None
    assert unknown_version(b"RK") is None
    assert unknown_version(b"\x01\x02\x02\x00" + bytes(100)) is None
