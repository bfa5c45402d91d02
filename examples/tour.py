"""A tour of the lab with boto3: one key, three Regions, and what is left when things break.

`make lab` runs it. By hand: `regionkms lab up --detach`, then `python examples/tour.py`.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3

LAB = Path(sys.argv[1] if len(sys.argv) > 1 else ".lab")
REPLICA_WITHIN_S = 15.0
SECRET = b"Meet me where the Regions meet."


def step(text: str) -> None:
    """Print what is about to happen."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def show(name: str, value: object) -> None:
    """Print one fact."""
    print(f"  {name:<12} {value}")


def main() -> int:
    """Walk through the lab; 1 if a Region reads something else than was written."""
    lab: dict[str, Any] = json.loads((LAB / "lab.json").read_text())
    first, second, *others = lab["regions"]

    def client(region: str) -> Any:
        # One endpoint for all: the front door looks at the Region that a request is signed for.
        return boto3.client(
            "kms",
            region_name=region,
            endpoint_url=lab["gateway"],
            aws_access_key_id=lab["access_key_id"],
            aws_secret_access_key=lab["secret_access_key"],
        )

    step(f"1. Create a multi-Region key in {first}")
    key = client(first).create_key(MultiRegion=True, Description="The tour's key")["KeyMetadata"]
    show("key", key["Arn"])

    step(f"2. Encrypt in {first}")
    context = {"purpose": "tour"}
    blob = client(first).encrypt(KeyId=key["KeyId"], Plaintext=SECRET, EncryptionContext=context)
    show("plaintext", SECRET.decode())
    show("ciphertext", f"{len(blob['CiphertextBlob'])} bytes")

    for region in (second, *others):
        step(f"3. Replicate the key to {region}")
        began = time.perf_counter()
        client(first).replicate_key(KeyId=key["KeyId"], ReplicaRegion=region)
        wait_until_enabled(client(region), key["KeyId"])
        show("enabled", f"after {(time.perf_counter() - began) * 1000:.0f} ms")

        step(f"4. Decrypt in {region}, without asking any other Region")
        began = time.perf_counter()
        found = client(region).decrypt(
            CiphertextBlob=blob["CiphertextBlob"], EncryptionContext=context
        )
        show("decrypted", found["Plaintext"].decode())
        show("with", found["KeyId"])
        show("took", f"{(time.perf_counter() - began) * 1000:.1f} ms")
        if found["Plaintext"] != SECRET:
            return 1

    step("Now break something")
    print(
        f"  regionkms lab kill {first}        # the primary is gone\n"
        "  regionkms lab kill etcd             # and what the Regions share\n"
        f"  {second} still decrypts what {first} wrote. See: regionkms lab status\n"
        f"  regionkms lab start {first}; regionkms lab start etcd; regionkms lab down"
    )
    return 0


def wait_until_enabled(kms: Any, key_id: str) -> None:
    """A replica shows up a moment after the call, and is Creating until it has its material."""
    deadline = time.perf_counter() + REPLICA_WITHIN_S
    state = ""
    while state != "Enabled":
        if time.perf_counter() > deadline:
            raise TimeoutError(f"the replica is still {state or 'on its way'}")
        try:
            state = kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
        except kms.exceptions.NotFoundException:
            state = ""
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
