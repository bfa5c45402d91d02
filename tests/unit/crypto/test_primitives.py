"""Known answers from the standards, so that a swapped argument or mode shows."""

import hmac

import pytest

from regionkms.crypto import primitives
from regionkms.crypto.primitives import DoesNotOpen

KEY = bytes(range(32))
NONCE = bytes(12)


def test_hmac_agrees_with_rfc_4231_case_2() -> None:
    assert primitives.hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_hash_agrees_with_fips_180_abc() -> None:
    assert primitives.sha256(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_extract_agrees_with_rfc_5869_case_1() -> None:
    extracted = primitives.hkdf_extract(bytes(range(13)), b"\x0b" * 22)
    assert extracted.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"


def test_expand_agrees_with_rfc_5869_case_1() -> None:
    extracted = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    expanded = primitives.hkdf_expand(extracted, bytes(range(0xF0, 0xFA)))
    # The first 32 of the case's 42 bytes: output of one length is a prefix of a longer one.
    assert expanded.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


def test_a_copied_state_derives_nist_counter_mode_keys() -> None:
    # NIST CAVP, SP 800-108 KBKDF, HMAC_SHA256, BEFORE_FIXED, RLEN=32_BITS, COUNT=0 (L = 128).
    state = primitives.hmac_state(
        bytes.fromhex("dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0")
    ).copy()
    state.update(
        (1).to_bytes(4, "big")
        + bytes.fromhex(
            "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b8"
            "64a145fab25e517b08f8683d0315bb2911d80a0e8aba17f3b413faac"
        )
    )
    assert state.finalize()[:16].hex() == "10621342bfb0fd40046c0e29f2cfdbf0"


def test_aead_agrees_with_gcm_specification_case_16() -> None:
    # McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 16.
    sealed = primitives.aead_encrypt(
        bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2),
        bytes.fromhex("cafebabefacedbaddecaf888"),
        bytes.fromhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ),
        bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    )
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"


@pytest.mark.parametrize("position", range(4 + 16))
def test_every_flipped_bit_of_a_ciphertext_is_refused(position: int) -> None:
    sealed = primitives.aead_encrypt(KEY, NONCE, b"text", b"aad")
    for bit in range(8):
        altered = bytearray(sealed)
        altered[position] ^= 1 << bit
        with pytest.raises(DoesNotOpen) as refusal:
            primitives.aead_decrypt(KEY, NONCE, bytes(altered), b"aad")
        assert str(refusal.value) == ""


def test_another_aad_key_or_nonce_is_refused() -> None:
    sealed = primitives.aead_encrypt(KEY, NONCE, b"text", b"aad")
    assert primitives.aead_decrypt(KEY, NONCE, sealed, b"aad") == b"text"
    for key, nonce, aad in (
        (KEY, NONCE, b"aae"),
        (KEY[::-1], NONCE, b"aad"),
        (KEY, b"\x01" + NONCE[1:], b"aad"),
    ):
        with pytest.raises(DoesNotOpen):
            primitives.aead_decrypt(key, nonce, sealed, aad)


@pytest.mark.parametrize(("key", "nonce"), [(KEY[:16], NONCE), (KEY, NONCE[:8]), (KEY, bytes(16))])
def test_other_lengths_of_key_and_nonce_are_refused(key: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match=r"^AES-256-GCM takes 32 and 12 bytes of key and nonce$"):
        primitives.aead_encrypt(key, nonce, b"text", b"")
    with pytest.raises(ValueError, match=r"^AES-256-GCM takes 32 and 12 bytes of key and nonce$"):
        primitives.aead_decrypt(key, nonce, bytes(20), b"")


def test_hmac_agrees_with_the_standard_library() -> None:
    assert primitives.hmac_sha256(KEY, b"message") == hmac.digest(KEY, b"message", "sha256")
