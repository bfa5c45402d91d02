"""Authentication codes of rows that decide: policies, states, accounts, settings.

Who can only write to the database can make such a row unreadable, not change what it says. An old
version of a row that is put back does verify: its code says nothing about time, the row's own
`version` and the store's commit number do (design §2).
"""

from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.primitives import KEY_BYTES, hkdf_expand, hmac_sha256


def row_key(domain_key: Material) -> Material:
    """The key that authenticates rows, from a domain key (32 bytes; RFC 5869 §2.3).

    Raises:
        ValueError: The domain key has another length.
    """
    if len(domain_key) != KEY_BYTES:
        raise ValueError(f"a domain key has {KEY_BYTES} bytes, got {len(domain_key)}")
    return Material(hkdf_expand(domain_key.reveal(), labels.ROW_KEY))


def row_code(key: Material, *, table: str, row: bytes) -> bytes:
    """Authentication code (32 bytes) of an encoded row; compare with `hmac.compare_digest`.

    HMAC-SHA-256(row key, label | table | row), fields after their lengths, so a row says the same
    in no other table.
    """
    return hmac_sha256(key.reveal(), length_prefixed(labels.ROW_CODE, table.encode(), row))
