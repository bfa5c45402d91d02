"""A process that writes keys to a store until it is killed; run with `python -m`.

Each transaction writes a key, its generation and its alias; after it has returned, its number goes
to standard output. Arguments: the store's URL and the first number.
"""

import asyncio
import os
import sys
from itertools import count

from regionkms.ports.store import StoreTransaction
from regionkms.store.store import open_store
from tests.support.row_vault import RowVault
from tests.support.store_rows import ACCOUNT, alias, generation, key_id, kms_key


def insert(transaction: StoreTransaction, number: int) -> None:
    """One change that must be there whole or not at all."""
    transaction.keys.insert(kms_key(key_id(number)))
    transaction.generations.put(ACCOUNT, key_id(number), generation())
    transaction.aliases.put(alias(f"{number:08d}", key_id(number)))


async def write_until_killed(url: str, first: int) -> None:
    """Write and acknowledge, one number after the other."""
    store = open_store(url, vault=RowVault(), on_commit=lambda: None, lab=False)
    os.write(1, b"ready\n")
    for number in count(first):
        await store.write(lambda tx, number=number: insert(tx, number))  # type: ignore[misc] # a lambda's default has no type
        os.write(1, b"%d\n" % number)


if __name__ == "__main__":
    asyncio.run(write_until_killed(sys.argv[1], int(sys.argv[2])))
