"""How to reach etcd: endpoints, TLS, deadlines and channel options."""

from dataclasses import dataclass, field
from typing import Final

import grpc

from regionkms.model.errors import ConfigurationError

MAX_RECEIVE_BYTES: Final = 64 * 1024 * 1024
"""Of one answer: a page of a scan, or all events that a watch catches up with at once."""

CHANNEL_OPTIONS: Final = (
    # A stopped (not dead) member leaves the connection open; only pings find it. etcd ends a
    # connection (GOAWAY too_many_pings) at the third ping that comes within 5 s of the one before,
    # or while no call is open. Without a ping timeout gRPC waits for 20 s more.
    ("grpc.keepalive_time_ms", 7000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.ping_timeout_ms", 3000),
    # After an outage a Region should be back within a moment, not within gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Channels of several Regions in one process share no connection and no backoff.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdTls:
    """Mutual TLS to etcd, in PEM.

    Attributes:
        server_name: Name to expect in the members' certificates; empty: the endpoint's host.
    """

    authority: bytes
    certificate: bytes = b""
    private_key: bytes = field(default=b"", repr=False)
    server_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdSettings:
    """How to reach etcd.

    Attributes:
        endpoints: host:port of each member; a call that fails moves on to the next.
        read_s: Deadline of a read, with all its attempts.
        attempt_s: Deadline of one attempt of a read: how long a stopped member is waited for.
        write_s: Deadline of a write, which has one attempt. A ReplicateKey has 5 s in all.
        lease_s: Time to live of this Region's lease; kept alive three times in it.
        page_size: Records in a page of a scan.
    """

    endpoints: tuple[str, ...]
    tls: EtcdTls | None = None
    read_s: float = 3.0
    attempt_s: float = 1.0
    write_s: float = 2.0
    lease_s: int = 10
    page_size: int = 500

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise ConfigurationError("name at least one etcd endpoint (host:port)")


def parse_endpoints(urls: str) -> tuple[tuple[str, ...], bool]:
    """Read `--etcd`: URLs joined by commas.

    Returns:
        host:port of each, and whether they are https.

    Raises:
        ConfigurationError: A URL is malformed, or schemes are mixed.
    """
    schemes = set()
    endpoints = []
    for url in filter(None, (part.strip() for part in urls.split(","))):
        scheme, separator, rest = url.partition("://")
        host, colon, port = rest.rstrip("/").rpartition(":")
        if not separator or scheme not in {"http", "https"}:
            raise ConfigurationError(f"an etcd endpoint is http://host:port or https://, not {url}")
        if not (host and colon and port.isdecimal()):
            raise ConfigurationError(f"the etcd endpoint {url} needs a host and a port")
        schemes.add(scheme)
        endpoints.append(f"{host}:{port}")
    if len(schemes) != 1:
        raise ConfigurationError("etcd endpoints are all http:// or all https://, at least one")
    return tuple(endpoints), schemes == {"https"}


def open_channel(endpoint: str, tls: EtcdTls | None) -> grpc.aio.Channel:
    """Open a channel to one member; nothing is sent before the first call."""
    if tls is None:
        return grpc.aio.insecure_channel(f"dns:///{endpoint}", options=CHANNEL_OPTIONS)
    options: tuple[tuple[str, int | str], ...] = CHANNEL_OPTIONS
    if tls.server_name:
        options = (*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls.authority,
        private_key=tls.private_key or None,
        certificate_chain=tls.certificate or None,
    )
    return grpc.aio.secure_channel(f"dns:///{endpoint}", credentials, options=options)
