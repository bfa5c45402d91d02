"""The asking side of KeyTransport on gRPC (ports/key_transport.py)."""

from typing import Final

import grpc

from regionkms.crypto.directory_trust import region_host
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.errors import PeerUnreachable
from regionkms.ports.key_transport import (
    FetchRefused,
    FetchRequest,
    Peer,
    RefusalCode,
    SealedMaterial,
)
from regionkms.transport.fetch_codec import (
    MAX_RESPONSE_BYTES,
    METHOD,
    REFUSAL_TRAILER,
    encode_request,
    parse_response,
)
from regionkms.transport.mutual_tls import client_credentials

FETCH_S: Final = 2.0
"""Deadline of one fetch, the connection included; another holder is asked after it."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.enable_http_proxy", 0),  # Regions are reached directly, whatever http_proxy says
)


class GrpcKeyTransport:
    """Asks other Regions. Made inside an event loop; one connection for each peer."""

    def __init__(self, identity: RegionIdentity, *, fetch_s: float = FETCH_S) -> None:
        self._cluster = identity.cluster
        self._credentials = client_credentials(identity)
        self._fetch_s = fetch_s
        self._channels: dict[Peer, grpc.aio.Channel] = {}

    async def fetch(self, source: Peer, request: FetchRequest) -> SealedMaterial:
        """See KeyTransport.fetch."""
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = self._channel(source).unary_unary(METHOD)
        try:
            encoded = await call(encode_request(source.region, request), timeout=self._fetch_s)
        except grpc.aio.AioRpcError as error:
            raise _failure(source, error) from error
        return parse_response(encoded)

    async def forget(self, source: Peer) -> None:
        """Close the connection to a peer, such as one whose address has changed."""
        channel = self._channels.pop(source, None)
        if channel is not None:
            await channel.close()

    async def close(self) -> None:
        """Close all connections."""
        for source in tuple(self._channels):
            await self.forget(source)

    def _channel(self, source: Peer) -> grpc.aio.Channel:
        channel = self._channels.get(source)
        if channel is None:
            name = region_host(self._cluster, source.region)
            options = (*_OPTIONS, ("grpc.ssl_target_name_override", name))
            target = f"dns:///{source.address}"
            channel = grpc.aio.secure_channel(target, self._credentials, options=options)
            self._channels[source] = channel
        return channel


def _failure(source: Peer, error: grpc.aio.AioRpcError) -> PeerUnreachable:
    refusal = dict(error.trailing_metadata()).get(REFUSAL_TRAILER)
    details = (error.details() or "")[:200]
    if refusal is not None:
        try:
            return FetchRefused(RefusalCode(refusal), details)
        except ValueError:
            # A newer release may know more codes: ask another holder, as for any that is unwell.
            return FetchRefused(RefusalCode.UNVERIFIED, details)
    return PeerUnreachable(f"{source.region} at {source.address}: {error.code().name}: {details}")
