"""Mutual TLS between Regions: both ends are certified by the cluster's authority, or nobody talks.

A client names the Region that it means, and TLS itself compares the server's certificate with it
(its DNS name) before anything is sent. A server learns the Region from the client's certificate
(its URI). Trust is the one authority of the enrolment; the machine's own authorities count for
nothing here. The key exchange is X25519MLKEM768, gRPC's default; a test looks at the handshake.
"""

from collections.abc import Iterable, Mapping

import grpc

from regionkms.crypto.directory_trust import region_of_uri
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.ids import RegionName, is_region_name
from regionkms.model.record import ClusterName

_PEER_URIS = "peer_uri"
"""Property of gRPC's authentication context: URIs in the peer's verified certificate."""


def client_credentials(identity: RegionIdentity) -> grpc.ChannelCredentials:
    """Of this Region when it asks another one."""
    return grpc.ssl_channel_credentials(
        root_certificates=identity.authority_pem,
        private_key=identity.tls_key.reveal(),
        certificate_chain=identity.certificate_pem,
    )


def server_credentials(identity: RegionIdentity) -> grpc.ServerCredentials:
    """Of this Region when it is asked; a client without a certificate is turned away by TLS."""
    return grpc.ssl_server_credentials(
        [(identity.tls_key.reveal(), identity.certificate_pem)],
        root_certificates=identity.authority_pem,
        require_client_auth=True,
    )


def peer_region(cluster: ClusterName, context: Mapping[str, Iterable[bytes]]) -> RegionName | None:
    """The Region that a verified peer's certificate names; None if it names none, or several."""
    uris = [uri.decode("utf-8", "replace") for uri in context.get(_PEER_URIS, ())]
    regions = [region_of_uri(cluster, uri) for uri in uris]
    if len(regions) != 1 or regions[0] is None or not is_region_name(regions[0]):
        return None
    return regions[0]
