"""The lab clock's offset, kept in the store over restarts (design §4, Clocks)."""

from typing import Final

from regionkms.store.database import Database
from regionkms.store.domain_keys import DomainKeys
from regionkms.store.vault import DomainVault

SETTING_OFFSET_NS: Final = "lab/clock-offset-ns"
MAX_OFFSET_NS: Final = 2**62
"""146 years: more would not fit the shared word, and no date would be right any more."""


def stored_offset_ns(store_url: str, keys: DomainKeys) -> int:
    """The offset that a lab's store keeps, in nanoseconds; 0 if the clock was never moved.

    Read with the store's domain keys: the clock decides when keys are deleted, so who can only
    write the database must not move it.

    Raises:
        RowTampered: The setting does not fit its authentication code.
        StoreUnavailable: The store did not answer.
    """
    database = Database(store_url, DomainVault(keys.materials, keys.current))
    try:
        text = database.read(lambda tx: tx.settings.get(SETTING_OFFSET_NS))
    finally:
        database.close()
    return 0 if text is None else int(text)
