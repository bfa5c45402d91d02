"""The directory of Regions as this Region believes it, its own entry, and what is pinned.

Registering and every later look at the directory is `join`. It stops the Region's protocol work,
never its data plane, when etcd is not the one that this store has pinned, was rolled back, or knows
another store as this Region (R12). A stop is said in log and metrics, and looked at again at each
join; an operator mends it. Source: protocol §2 (directory), R12, §6 (Detection).
"""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from regionkms.crypto.directory_trust import (
    DirectoryRejectedError,
    VerifiedEntry,
    check_replacement,
    record_keys,
    sign_entry,
    verify_entry,
    verify_incarnation,
)
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.crypto.trust import RecordKeys
from regionkms.model.errors import CoordinatorUnavailable, OutcomeUnknown, StoreUnavailable
from regionkms.model.ids import RegionName, StoreId
from regionkms.model.record import RECORD_FORMAT, Incarnation
from regionkms.model.region_entry import RegionEntry, encode_signed_entry
from regionkms.ports.coordinator import (
    ABSENT,
    Coordinator,
    Directory,
    Item,
    Place,
    Reading,
    Revision,
)
from regionkms.ports.store import Store, StoreTransaction

_log = logging.getLogger(__name__)

SETTING_DIRECTORY_PREFIX: Final = "directory/region/"
"""The Region's durable copy of the directory: one setting for each Region."""
SETTING_PINS: Final = "directory/pins"
_NO_INCARNATION: Final = Incarnation(number=0, random=0)
_MAX_ROUNDS: Final = 8
"""Writes and readings of one join: incarnation, own entry, and lost races."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What this store has seen of etcd, durably.

    Attributes:
        revision: The highest one seen, as of the last time that pins were stored.
    """

    cluster_id: int
    incarnation: Incarnation
    revision: int
    store_id: StoreId

    def encode(self) -> str:
        """JSON."""
        return json.dumps(
            {
                "cluster_id": self.cluster_id,
                "incarnation": [self.incarnation.number, self.incarnation.random],
                "revision": self.revision,
                "store_id": self.store_id,
            }
        )

    @classmethod
    def decode(cls, text: str) -> "Pins":
        """Read what `encode` gave; the setting's row is authenticated."""
        shown = json.loads(text)
        number, random = shown["incarnation"]
        return cls(
            cluster_id=shown["cluster_id"],
            incarnation=Incarnation(number=number, random=random),
            revision=shown["revision"],
            store_id=StoreId(shown["store_id"]),
        )


class StoppedError(Exception):
    """This Region must not act on etcd; the message says why and what mends it."""


class RegionDirectory:
    """The directory in one agent. Believes its durable copy until etcd shows a newer entry."""

    def __init__(
        self,
        *,
        identity: RegionIdentity,
        store: Store,
        coordinator: Coordinator,
        address: str,
        software_version: str,
    ) -> None:
        self._identity = identity
        self._store = store
        self._coordinator = coordinator
        self._address = address
        self._software_version = software_version
        self._entries: dict[RegionName, VerifiedEntry] = {}
        self._pins: Pins | None = None
        self._highest = Revision(0)
        self._is_noted = False
        self._joining = asyncio.Lock()
        self.keys: RecordKeys = {}
        self.incarnation = _NO_INCARNATION
        self.own_revision = ABSENT
        self.incarnation_revision = ABSENT
        self.stopped = "this Region has not joined its cluster since the agent started"

    def entry(self, region: RegionName) -> RegionEntry | None:
        """A Region's verified entry."""
        found = self._entries.get(region)
        return None if found is None else found.entry

    @property
    def regions(self) -> Mapping[RegionName, VerifiedEntry]:
        """All verified entries."""
        return self._entries

    @property
    def floor(self) -> Revision:
        """The highest revision seen: a reading that starts now may not be below it."""
        return self._highest

    async def load(self) -> None:
        """Read the durable copy: peers can be verified before etcd answers."""
        copies, pins = await self._store.read(
            lambda tx: (
                tx.settings.prefixed(SETTING_DIRECTORY_PREFIX),
                tx.settings.get(SETTING_PINS),
            )
        )
        for name, text in copies.items():
            region = RegionName(name.removeprefix(SETTING_DIRECTORY_PREFIX))
            try:
                value = base64.b64decode(text, validate=True)
                self._entries[region] = verify_entry(value, region, self._identity.authority)
            except (DirectoryRejectedError, binascii.Error) as error:
                _log.error("the copy of a directory entry is not believed: %s", error)
        self.keys = record_keys(self._entries.values())
        self._pins = None if pins is None else Pins.decode(pins)
        if self._pins is not None:
            self._highest = Revision(self._pins.revision)
            self.incarnation = self._pins.incarnation

    async def join(self) -> None:
        """Register if need be, take in what the directory says, and pin etcd; or stop.

        Raises:
            CoordinatorUnavailable, OutcomeUnknown: etcd did not answer; call again.
            StoreUnavailable: The store did not answer.
        """
        async with self._joining:
            try:
                for _ in range(_MAX_ROUNDS):
                    if await self._join_once():
                        self._set_stopped("")
                        return
                self._set_stopped("the directory keeps changing under this Region's writes")
            except (StoppedError, DirectoryRejectedError) as error:
                self._set_stopped(str(error))

    async def refresh(self) -> None:
        """Join again, if etcd and store answer; otherwise leave things as they are."""
        try:
            await self.join()
        except (CoordinatorUnavailable, OutcomeUnknown, StoreUnavailable) as error:
            _log.info("the directory can't be read at the moment: %s", error)

    async def _join_once(self) -> bool:
        """One reading of the directory; False if something was written: read again."""
        floor = self.floor
        view = await self._coordinator.read_directory()
        self._check_place(view.place, floor)
        if not view.incarnation.present:
            await self._first_incarnation()
            return False
        verified = self._verified_entries(view)
        keys = record_keys(verified.values())
        found = verify_incarnation(view.incarnation.value, self._identity.authority, keys)
        if self._pins is not None and found.incarnation != self._pins.incarnation:
            raise StoppedError(
                "etcd's data has another incarnation than this Region has pinned: "
                "it was restored. `regionkms etcd adopt` takes its state over."
            )
        commit_number = await self._store.read(lambda tx: tx.commit_number)
        own = view.entries.get(self._identity.region, Item())
        if await self._wrote_own_entry(verified.get(self._identity.region), own, commit_number):
            return False
        self._entries, self.keys = verified, keys
        self.own_revision = own.mod_revision
        self.incarnation = found.incarnation
        self.incarnation_revision = view.incarnation.mod_revision
        self._see(view.place)
        await self._keep(view.place)
        return True

    async def _first_incarnation(self) -> None:
        if self._pins is not None:
            raise StoppedError(
                "etcd's data is gone: it has no incarnation, and this Region had pinned one. "
                "`regionkms etcd adopt` rebuilds it from what the Regions know."
            )
        first = self._identity.first_incarnation
        await self._coordinator.put_incarnation(first, replaces=ABSENT)

    def _check_place(self, place: Place, floor: Revision) -> None:
        pins = self._pins
        if pins is not None and place.cluster_id != pins.cluster_id:
            raise StoppedError(
                f"etcd's cluster id is {place.cluster_id:x}, this Region has pinned "
                f"{pins.cluster_id:x}: it is another etcd, or a restored one."
            )
        if place.revision < floor:
            raise StoppedError(
                f"etcd is at revision {place.revision} and was at {floor}: it was rolled back."
            )

    def _verified_entries(self, view: Directory) -> dict[RegionName, VerifiedEntry]:
        """What etcd shows, where it may follow the durable copy; else the copy, with an alarm."""
        verified = dict(self._entries)
        for region, item in view.entries.items():
            try:
                entry = verify_entry(item.value, region, self._identity.authority)
                former = self._entries.get(region)
                if former is not None:
                    check_replacement(former, entry)
            except DirectoryRejectedError as error:
                _log.error("a directory entry is not believed: %s", error)
                continue
            verified[region] = entry
        for region in verified.keys() - view.entries.keys():
            _log.error("the directory has lost its entry of %s", region)
        return verified

    async def _wrote_own_entry(
        self, own: VerifiedEntry | None, item: Item, commit_number: int
    ) -> bool:
        """Register, or renew what has changed; only ever for the store that is pinned (R12)."""
        if not item.present:
            if self._pins is not None:
                raise StoppedError("the directory has lost this Region's entry")
            await self._put(self._entry(serial=1, commit_number=commit_number), item, None)
            return True
        if own is None or encode_signed_entry(own.signed) != item.value:
            raise StoppedError("this Region's own directory entry is not to be believed")
        entry = own.entry
        self._check_store(entry, commit_number)
        wanted = replace(
            self._entry(serial=entry.serial, commit_number=commit_number),
            store_replacements=entry.store_replacements,
        )
        # The commit number is renewed once an agent's life: each write fences what was issued.
        if self._is_noted:
            wanted = replace(wanted, store_commit_number=entry.store_commit_number)
        self._is_noted = True
        if wanted == entry and own.signed.certification == self._identity.certification:
            return False
        await self._put(replace(wanted, serial=entry.serial + 1), item, own)
        return True

    def _check_store(self, entry: RegionEntry, commit_number: int) -> None:
        """R12: the directory knows one store as this Region, and how far it was."""
        if entry.store_id != self._store.store_id:
            raise StoppedError(
                f"the directory knows store {entry.store_id} as {entry.region}, this one is "
                f"{self._store.store_id}. If it is to replace it: `regionkms region replace-store`."
            )
        if entry.store_commit_number > commit_number:
            raise StoppedError(
                f"this store is at commit {commit_number} and was at "
                f"{entry.store_commit_number}: it is an older copy. "
                "`regionkms region replace-store` takes it into service."
            )

    async def _put(self, entry: RegionEntry, item: Item, own: VerifiedEntry | None) -> None:
        identity = self._identity
        former = () if own is None else own.signed.former
        if own is not None and own.certification.record_key != identity.record_key.public_key:
            former = (own.signed.certification, *former)
        value = sign_entry(entry, identity.record_key, identity.certification, former)
        if own is not None:
            check_replacement(own, verify_entry(value, identity.region, identity.authority))
        await self._coordinator.put_entry(value, replaces=item.mod_revision)

    def _entry(self, *, serial: int, commit_number: int) -> RegionEntry:
        identity = self._identity
        return RegionEntry(
            cluster=identity.cluster,
            region=identity.region,
            serial=serial,
            certificate=_der(identity.certificate_pem),
            transport_key=identity.transport_key.public_key,
            transport_key_id=identity.transport_key.key_id,
            address=self._address,
            store_id=self._store.store_id,
            store_replacements=0,
            store_commit_number=commit_number,
            software_version=self._software_version,
            record_format=RECORD_FORMAT,
        )

    async def is_current(self, reading: Reading, floor: Revision) -> bool:
        """Whether a reading is of the etcd, incarnation and own entry that `join` has checked.

        If not, it joins again; the reading is to be thrown away.

        Args:
            reading: Of a record.
            floor: `floor` as it was before the reading was asked for.
        """
        if not self.is_pinned(reading.place, floor):
            return False
        known = (self.own_revision, self.incarnation_revision)
        if (reading.own_entry.mod_revision, reading.incarnation.mod_revision) != known:
            await self.refresh()
            return False
        self._see(reading.place)
        return True

    def is_pinned(self, place: Place, floor: Revision) -> bool:
        """Whether an answer came from the etcd that this Region has pinned, not rolled back.

        Args:
            place: Of the answer.
            floor: `floor` as it was before the question was asked.
        """
        try:
            self._check_place(place, floor)
        except StoppedError as error:
            self._set_stopped(str(error))
            return False
        return True

    def _see(self, place: Place) -> None:
        self._highest = max(self._highest, place.revision)

    async def _keep(self, place: Place) -> None:
        """Store the copy of the directory and the pins, if they have changed."""
        pins = Pins(
            cluster_id=place.cluster_id,
            incarnation=self.incarnation,
            revision=int(self._highest),
            store_id=self._store.store_id,
        )
        copies = {
            SETTING_DIRECTORY_PREFIX + region: base64.b64encode(
                encode_signed_entry(entry.signed)
            ).decode()
            for region, entry in self._entries.items()
        }

        def keep(tx: StoreTransaction) -> None:
            stored = tx.settings.prefixed(SETTING_DIRECTORY_PREFIX)
            for name, text in copies.items():
                if stored.get(name) != text:
                    tx.settings.put(name, text)
            tx.settings.put(SETTING_PINS, pins.encode())

        if pins != self._pins or await self._store.read(lambda tx: _differs(tx, copies)):
            await self._store.write(keep)
            self._pins = pins

    async def keep_pins(self) -> None:
        """Store the highest revision seen, if it has moved since (called once a pass)."""
        pins = self._pins
        if pins is None or self.stopped or pins.revision >= self._highest:
            return
        moved = replace(pins, revision=int(self._highest))
        await self._store.write(lambda tx: tx.settings.put(SETTING_PINS, moved.encode()))
        self._pins = moved

    def _set_stopped(self, reason: str) -> None:
        if reason != self.stopped:
            if reason:
                _log.error("protocol work is stopped, the data plane goes on: %s", reason)
            else:
                _log.info("joined cluster %s", self._identity.cluster)
        self.stopped = reason


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def _differs(tx: StoreTransaction, copies: Mapping[str, str]) -> bool:
    stored = tx.settings.prefixed(SETTING_DIRECTORY_PREFIX)
    return any(stored.get(name) != text for name, text in copies.items())
