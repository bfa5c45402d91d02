import pytest

from regionkms.crypto import wrapping
from regionkms.crypto.material import Material
from regionkms.crypto.row_code import row_code, row_key
from regionkms.model.errors import MaterialUnreadable
from regionkms.model.ids import AccountId, DomainKeyId, KeyId
from tests.support.generation import ACCOUNT, SINGLE_REGION_KEY

DOMAIN_KEY = Material(bytes(range(32)))
DOMAIN_KEY_ID = DomainKeyId("0123456789abcdef" * 2)
NONCE = bytes(range(12))
SECRET = Material(b"thirty-two bytes of key material")


def aad(
    domain_key_id: str = DOMAIN_KEY_ID,
    account_id: str = ACCOUNT,
    key_id: str = SINGLE_REGION_KEY,
    kind: str = "key material",
    name: bytes = b"generation",
) -> bytes:
    return wrapping.material_aad(
        domain_key_id=DomainKeyId(domain_key_id),
        account_id=AccountId(account_id),
        key_id=KeyId(key_id),
        kind=kind,
        name=name,
    )


KEY = wrapping.domain_wrapping_key(DOMAIN_KEY)
WRAPPED = wrapping.wrap(KEY, SECRET, aad=aad(), nonce=NONCE)


def test_wrapped_material_opens_and_keeps_its_format() -> None:
    assert wrapping.unwrap(KEY, WRAPPED, aad=aad()) == SECRET
    assert len(WRAPPED) == len(SECRET) + wrapping.OVERHEAD_BYTES
    assert WRAPPED[:13] == b"\x01" + NONCE
    assert WRAPPED.hex() == (
        "01000102030405060708090a0b62d7aeb4ca53170af02d47d616f6b8a3924dc9"
        "9471a9a9d4ff249a187fb5afd39fc8cf5a46f09178bae356fb615b5ade"
    )


@pytest.mark.parametrize(
    "other",
    [
        aad(domain_key_id="f" * 32),
        aad(account_id="444455556666"),
        aad(key_id="mrk-1234abcd12ab34cd56ef1234567890ab"),
        aad(kind="binding key"),
        aad(name=b"generatiom"),
        wrapping.domain_key_aad(DOMAIN_KEY_ID),
        b"",
    ],
)
def test_material_of_another_identity_does_not_open(other: bytes) -> None:
    with pytest.raises(MaterialUnreadable, match=r"^wrapped material does not open$") as refusal:
        wrapping.unwrap(KEY, WRAPPED, aad=other)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("position", range(len(WRAPPED)))
def test_every_flipped_bit_is_refused(position: int) -> None:
    for bit in range(8):
        altered = bytearray(WRAPPED)
        altered[position] ^= 1 << bit
        with pytest.raises(MaterialUnreadable, match=r"^wrapped material "):
            wrapping.unwrap(KEY, bytes(altered), aad=aad())


def test_every_cut_is_refused() -> None:
    for length in range(len(WRAPPED)):
        with pytest.raises(MaterialUnreadable, match=r"^wrapped material "):
            wrapping.unwrap(KEY, WRAPPED[:length], aad=aad())


def test_root_key_domain_key_and_row_key_are_independent_even_of_equal_bytes() -> None:
    keys = [
        wrapping.domain_wrapping_key(DOMAIN_KEY),
        wrapping.root_wrapping_key(DOMAIN_KEY),
        row_key(DOMAIN_KEY),
        DOMAIN_KEY,
    ]
    assert len({key.reveal() for key in keys}) == len(keys)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_keys_of_another_length_are_refused(length: int) -> None:
    for expand in (wrapping.domain_wrapping_key, wrapping.root_wrapping_key):
        with pytest.raises(ValueError, match=rf"has 32 bytes, got {length}$"):
            expand(Material(bytes(length)))
    with pytest.raises(ValueError, match=rf"^a domain key has 32 bytes, got {length}$"):
        row_key(Material(bytes(length)))


def test_a_nonce_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^AES-256-GCM takes 32 and 12 bytes"):
        wrapping.wrap(KEY, SECRET, aad=aad(), nonce=bytes(16))


def test_a_row_code_depends_on_key_table_and_row() -> None:
    key = row_key(DOMAIN_KEY)
    codes = [
        row_code(key, table="keys", row=b"row"),
        row_code(key, table="keysr", row=b"ow"),
        row_code(key, table="aliases", row=b"row"),
        row_code(key, table="keys", row=b"rox"),
        row_code(row_key(Material(bytes(32))), table="keys", row=b"row"),
    ]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 32 for code in codes)
    assert codes[0].hex() == "a646a1c59ccc6607f4a546bb789d235305db3facc4fb189a8c66e47f6b89326b"
