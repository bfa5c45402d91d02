"""Names of keys in etcd. A signature covers the name, so names are part of what is trusted.

Source: protocol §2 (the etcd record, other keys).
"""

from dataclasses import dataclass
from typing import Final

from regionkms.model.ids import AccountId, KeyId, RegionName, is_account_id, is_multi_region_key_id
from regionkms.model.record import ClusterName

_RECORDS: Final = "mrk"
_PROPOSALS: Final = "proposals"
_ENTRIES: Final = "regions"
_ALIVE: Final = "alive"
_INCARNATION: Final = "incarnation"
_AUDIT: Final = "audit"


def range_end(prefix: bytes) -> bytes:
    """The end of the range of all keys that start with a prefix, as etcd takes it.

    Raises:
        ValueError: The prefix is empty or ends in 0xff (ours never do).
    """
    if not prefix or prefix[-1] == 0xFF:  # noqa: PLR2004 - the largest byte has no successor
        raise ValueError("a prefix ends in a byte that has a successor")
    return prefix[:-1] + bytes([prefix[-1] + 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRecord:
    """The key of a record, or of a proposal about it, taken apart."""

    account_id: AccountId
    key_id: KeyId


@dataclass(frozen=True, slots=True)
class Keyspace:
    """All names of one cluster."""

    cluster: ClusterName

    @property
    def prefix(self) -> bytes:
        """What every key of the cluster starts with."""
        return f"/regionkms/{self.cluster}/".encode()

    @property
    def records(self) -> bytes:
        """Prefix of all records."""
        return self._name(_RECORDS, "")

    @property
    def entries(self) -> bytes:
        """Prefix of the directory of Regions."""
        return self._name(_ENTRIES, "")

    @property
    def leases(self) -> bytes:
        """Prefix of the leased keys."""
        return self._name(_ALIVE, "")

    @property
    def incarnation(self) -> bytes:
        """The incarnation of the etcd data."""
        return self._name(_INCARNATION)

    def record(self, account_id: AccountId, key_id: KeyId) -> bytes:
        """A key's record."""
        return self._name(_RECORDS, account_id, key_id)

    def proposals(self, account_id: AccountId, key_id: KeyId) -> bytes:
        """Prefix of the proposals about a key."""
        return self._name(_PROPOSALS, account_id, key_id, "")

    def proposal(self, account_id: AccountId, key_id: KeyId, region: RegionName) -> bytes:
        """The proposal about a key to a Region."""
        return self._name(_PROPOSALS, account_id, key_id, region)

    def entry(self, region: RegionName) -> bytes:
        """A Region's entry in the directory."""
        return self._name(_ENTRIES, region)

    def lease(self, region: RegionName) -> bytes:
        """The key that a Region keeps under its lease."""
        return self._name(_ALIVE, region)

    def audit_heads(self, region: RegionName) -> bytes:
        """Prefix of the signed heads of a Region's audit chains (design §5b)."""
        return self._name(_AUDIT, region, "")

    def audit_head(self, region: RegionName, chain: str) -> bytes:
        """The signed head of one audit chain."""
        return self._name(_AUDIT, region, chain)

    def named_record(self, name: bytes) -> NamedRecord | None:
        """Which KMS key a record's or a proposal's name is about; None for any other name."""
        parts = self._parts(name)
        if len(parts) < 3 or parts[0] not in {_RECORDS, _PROPOSALS}:  # noqa: PLR2004 - kind, account, key
            return None
        if not (is_account_id(parts[1]) and is_multi_region_key_id(parts[2])):
            return None
        return NamedRecord(account_id=AccountId(parts[1]), key_id=KeyId(parts[2]))

    def in_directory(self, name: bytes) -> bool:
        """Whether a name is the incarnation's or an entry's of the directory."""
        return name == self.incarnation or name.startswith(self.entries)

    def last_part(self, name: bytes) -> str:
        """The last part of a name: the Region of an entry, lease or proposal, a head's chain."""
        return name.rsplit(b"/", 1)[-1].decode("utf-8", "replace")

    def _name(self, *parts: str) -> bytes:
        return self.prefix + "/".join(parts).encode()

    def _parts(self, name: bytes) -> list[str]:
        if not name.startswith(self.prefix):
            return []
        return name[len(self.prefix) :].decode("utf-8", "replace").split("/")
