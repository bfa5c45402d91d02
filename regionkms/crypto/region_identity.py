"""Who a Region is: what the authority certified, and the private keys of it, in memory."""

from dataclasses import dataclass, field

from regionkms.crypto.directory_trust import Authority
from regionkms.crypto.material import Material
from regionkms.crypto.sealing import TransportKey
from regionkms.crypto.signing import RecordKey
from regionkms.model.ids import RegionName
from regionkms.model.record import ClusterName
from regionkms.model.region_entry import SignedCertification


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionIdentity:
    """One Region's identity. Made by coordination/enrolment.py, used by reconcile/ and transport/.

    Attributes:
        authority_pem: The authority's certificate: all that TLS between Regions trusts.
        certificate_pem: The Region's TLS certificate.
        tls_key: Private key of that certificate, PEM (PKCS #8).
        certification: The authority's word on `record_key`.
        first_incarnation: A SignedIncarnation, for an etcd that has none yet.
        record_key: Signs records, grants, epochs and the directory entry.
        transport_key: What other Regions seal material to; made anew with each store.
    """

    region: RegionName
    authority: Authority
    authority_pem: bytes
    certificate_pem: bytes
    certification: SignedCertification
    first_incarnation: bytes
    tls_key: Material = field(repr=False)
    record_key: RecordKey
    transport_key: TransportKey

    @property
    def cluster(self) -> ClusterName:
        """The cluster that the Region is enrolled in."""
        return self.authority.cluster
