"""Make blobs.json beside this file: `python -m tests.vectors.blob_v1.make`.

The blobs come from the straightforward form of the rules (tests/support/plain_blob.py), never from
the product. Blobs of a release must open for ever: a change of this file's output is a change of
the format, and takes a new version instead.
"""

import json
from pathlib import Path
from typing import Any

from tests.support import plain_blob

SINGLE = "1234abcd-12ab-34cd-56ef-1234567890ab"
MULTI = "mrk-1234abcd12ab34cd56ef1234567890ab"


def counted(start: int, length: int) -> bytes:
    return bytes((start + position) % 256 for position in range(length))


CASES: list[dict[str, Any]] = [
    {"name": "single-Region, no context", "key_id": SINGLE, "context": {}, "plaintext": b"x"},
    {
        "name": "multi-Region, context of two pairs",
        "key_id": MULTI,
        "context": {"purpose": "test", "Department": "10103.0"},
        "plaintext": counted(0, 32),
    },
    {
        "name": "context in Unicode, account with leading zeros",
        "account_id": "000000000012",
        "key_id": SINGLE,
        "context": {"ключ": "значение", "": "empty key", "empty value": "", "𝄞": "beyond the BMP"},
        "plaintext": counted(7, 33),
    },
    {
        "name": "largest plaintext, largest account",
        "account_id": "999999999999",
        "key_id": MULTI,
        "context": {"aws:ebs:id": "vol-abcde12345abc1234"},
        "plaintext": counted(3, 4096),
    },
]


def vector(number: int, case: dict[str, Any]) -> dict[str, Any]:
    secret: dict[str, bytes] = {
        "material": counted(number, 32),
        "binding_key": counted(number + 100, 32),
        "generation_id": counted(number + 50, 16),
        "nonce": counted(number + 150, 16),
        "iv": counted(number + 200, 12),
        "plaintext": case["plaintext"],
    }
    account_id: str = case.get("account_id", "111122223333")
    key_id: str = case["key_id"]
    context: dict[str, str] = case["context"]
    blob = plain_blob.encrypt(account_id=account_id, key_id=key_id, context=context, **secret)
    public = {"account_id": account_id, "key_id": key_id, "context": context}
    texts = {name: value.hex() for name, value in secret.items()}
    return {"name": case["name"], **public, **texts, "blob": blob.hex()}


def main() -> None:
    vectors = [vector(number, case) for number, case in enumerate(CASES)]
    path = Path(__file__).with_name("blobs.json")
    path.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
