"""Enrolled Regions of a small cluster, made by the real authority in a folder of the test."""

import asyncio
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from regionkms.coordination.authority import ClusterAuthority
from regionkms.coordination.enrolment import load_identity
from regionkms.crypto.directory_trust import sign_entry
from regionkms.crypto.material import Material
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import DomainKeyId, RegionName, StoreId
from regionkms.model.record import RECORD_FORMAT
from regionkms.model.region_entry import RegionEntry
from regionkms.store.vault import DomainVault
from tests.support.memory_store import MemoryStore

DOMAIN_KEY = DomainKeyId("d0" * 16)
STORE = StoreId("5" * 32)


def vault(fill: int = 7) -> DomainVault:
    return DomainVault({DOMAIN_KEY: Material(bytes([fill]) * 32)}, DOMAIN_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledCluster:
    """An authority and the identities that Regions took in from it."""

    authority: ClusterAuthority
    regions: dict[RegionName, RegionIdentity]


def enrolled_cluster(
    folder: Path, *regions: RegionName, lab: bool = True, now: dt.datetime | None = None
) -> EnrolledCluster:
    """Make an authority and take in one enrolment for each Region."""
    at = now or dt.datetime.now(tz=dt.UTC)
    authority = ClusterAuthority.create(folder / "authority", "test", lab=lab, now=at)
    identities = {}
    for region in regions:
        authority.enrol(region, folder / region, now=at)
        identity = asyncio.run(load_identity(MemoryStore(), vault(), region, folder / region))
        assert identity is not None
        identities[region] = identity
    return EnrolledCluster(authority=authority, regions=identities)


def entry_of(identity: RegionIdentity, **changed: object) -> RegionEntry:
    """The entry that a Region would register."""
    certificate = x509.load_pem_x509_certificate(identity.certificate_pem)
    facts: dict[str, object] = {
        "cluster": identity.cluster,
        "region": identity.region,
        "serial": 1,
        "certificate": certificate.public_bytes(Encoding.DER),
        "transport_key": identity.transport_key.public_key,
        "transport_key_id": identity.transport_key.key_id,
        "address": "127.0.0.1:9",
        "store_id": STORE,
        "store_replacements": 0,
        "store_commit_number": 1,
        "software_version": "0.1.0",
        "record_format": RECORD_FORMAT,
    }
    return RegionEntry(**{**facts, **changed})  # type: ignore[arg-type] # fields by name


def signed_entry_of(identity: RegionIdentity, **changed: object) -> bytes:
    return sign_entry(entry_of(identity, **changed), identity.record_key, identity.certification)
