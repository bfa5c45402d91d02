"""Bounds on requests and resources, each with its unit and source."""

from typing import Final

MAX_PLAINTEXT_BYTES: Final = 4096
"""Encrypt, ReEncrypt (spec 07 §9)."""
MAX_CIPHERTEXT_BYTES: Final = 6144
"""Decrypt, ReEncrypt (botocore's model)."""
MAX_ENCRYPTION_CONTEXT_BYTES: Final = 8192
"""Encoded pairs of an encryption context. AWS names no number; ADR 0001."""
MAX_POLICY_BYTES: Final = 32_768
"""A key policy in UTF-8 (spec 03 KP-6). Not adjustable."""
MAX_TAGS: Final = 50
"""User-created tags of one KMS key (spec 01 T2)."""
MIN_PENDING_WINDOW_DAYS: Final = 7
MAX_PENDING_WINDOW_DAYS: Final = 30
DEFAULT_PENDING_WINDOW_DAYS: Final = 30
"""Waiting period of a deletion (spec 02 D7)."""
MAX_RANDOM_BYTES: Final = 1024
"""GenerateRandom and GenerateDataKey (botocore's model)."""
MAX_CLOCK_SKEW_S: Final = 300.0
"""A signature's time against the machine's clock (spec 03 AUTH-3)."""
SECONDS_PER_DAY: Final = 86_400.0
