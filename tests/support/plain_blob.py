"""Blob v1 in its straightforward form, written from ADR 0001: the oracle of the fast one.

It shares no code with regionkms.crypto, precomputes nothing, and uses the library's own
counter-mode derivation where the product copies a keyed state.
"""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode


def joined(*fields: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(field)) + field for field in fields)


def mac(key: bytes, message: bytes) -> bytes:
    state = HMAC(key, SHA256())
    state.update(message)
    return state.finalize()


def encoded_context(context: dict[str, str]) -> bytes:
    pairs = sorted((key.encode(), value.encode()) for key, value in context.items())
    return b"".join(joined(key, value) for key, value in pairs)


def counter_key(root: bytes, nonce: bytes) -> bytes:
    return KBKDFHMAC(
        algorithm=SHA256(),
        mode=Mode.CounterMode,
        length=32,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=b"regionkms/message-key/v1",
        context=nonce,
        fixed=None,
    ).derive(root)


def encrypt(
    *,
    material: bytes,
    binding_key: bytes,
    account_id: str,
    key_id: str,
    generation_id: bytes,
    context: dict[str, str],
    plaintext: bytes,
    nonce: bytes,
    iv: bytes,
) -> bytes:
    multi_region = key_id.startswith("mrk-")
    header = struct.pack(
        ">2sB6sB16s16s16s16s12s",
        b"RK",
        1,
        int(account_id).to_bytes(6, "big"),
        int(multi_region),
        bytes.fromhex(key_id.replace("mrk-", "").replace("-", "")),
        generation_id,
        mac(binding_key, joined(b"gen/v1", generation_id))[:16],
        nonce,
        iv,
    )
    salt = joined(b"regionkms/message-root/v1", account_id.encode(), key_id.encode(), generation_id)
    root = HKDF.extract(SHA256(), salt, material)
    aad = header + encoded_context(context)
    return header + AESGCM(counter_key(root, nonce)).encrypt(iv, plaintext, aad)
