"""Domain separation: every label of this package, once, each with its version.

A label is the first length-prefixed field (or the label of a key derivation) of what it separates,
so bytes computed for one purpose never verify for another. A change of what stands behind a label
takes a new version of the label; a label is never used for two purposes (a test compares them).
"""

from typing import Final

MESSAGE_ROOT: Final = b"regionkms/message-root/v1"
"""Salt of the extraction that turns material into the root of message keys."""
MESSAGE_KEY: Final = b"regionkms/message-key/v1"
"""Label of the counter-mode derivation of one message's key."""
FINGERPRINT: Final = b"fp/v1"
"""Fingerprint of a generation under the binding key (protocol §2)."""
GENERATION_TAG: Final = b"gen/v1"
"""Generation tag of the ciphertext blob under the binding key (design §3)."""
WRAPPING_KEY: Final = b"regionkms/wrapping-key/v1"
"""Expansion of a domain key into the key that wraps material."""
WRAPPED_MATERIAL: Final = b"regionkms/wrapped-material/v1"
"""AAD of material under a domain key."""
WRAPPED_DOMAIN_KEY: Final = b"regionkms/wrapped-domain-key/v1"
"""AAD of a domain key under the root key."""
ROOT_WRAPPING_KEY: Final = b"regionkms/root-wrapping-key/v1"
"""Expansion of the root key into the key that wraps domain keys."""
ROW_KEY: Final = b"regionkms/row-key/v1"
"""Expansion of a domain key into the key that authenticates rows."""
ROW_CODE: Final = b"regionkms/row-code/v1"
"""Authentication code of a row."""
SEAL: Final = b"seal/v1"
"""HPKE info of material between Regions (protocol §2)."""
TRANSPORT_KEY_ID: Final = b"regionkms/transport-key-id/v1"
"""Name of a transport key, a hash of its public half."""
RECORD_SIGNATURE: Final = b"regionkms/record/v1"
GRANT_SIGNATURE: Final = b"regionkms/grant/v1"
EPOCH_SIGNATURE: Final = b"regionkms/epoch/v1"
INCARNATION_SIGNATURE: Final = b"regionkms/incarnation/v1"
DIRECTORY_SIGNATURE: Final = b"regionkms/directory/v1"
CHAIN_HEAD_SIGNATURE: Final = b"regionkms/chain-head/v1"
"""What a Region's record key signs (protocol §2; chain heads: design §5b)."""
ROOT_KEY_FILE: Final = b"regionkms/root-key-file/v1"
"""Checksum of a root key file."""
