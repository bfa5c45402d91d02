"""KeyTransport over real sockets and real certificates, and everybody who must be turned away."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from regionkms.coordination.certificates import issue_region_certificate
from regionkms.crypto.directory_trust import region_host
from regionkms.crypto.material import Material
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.errors import ConfigurationError, PeerUnreachable, StoreUnavailable
from regionkms.model.ids import AccountId, GenerationId, KeyId, RegionName
from regionkms.model.record import Epoch, Incarnation
from regionkms.ports.key_transport import (
    FetchRefused,
    FetchRequest,
    KeyTransport,
    Peer,
    RefusalCode,
    SealedMaterial,
)
from regionkms.transport import server as server_module
from regionkms.transport.client import GrpcKeyTransport
from regionkms.transport.fetch_codec import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    METHOD,
    encode_request,
    parse_request,
    parse_response,
)
from regionkms.transport.mutual_tls import client_credentials, peer_region
from regionkms.transport.server import KeyTransportServer
from tests.support.enrolled import EnrolledCluster, enrolled_cluster
from tests.support.tcp_proxy import TcpProxy
from tests.support.tls_handshake import selected_group

EU = RegionName("eu-west-1")
US = RegionName("us-east-1")
X25519MLKEM768 = 0x11EC
REQUEST = FetchRequest(
    account_id=AccountId("111122223333"),
    key_id=KeyId("mrk-" + "0" * 32),
    generation_id=GenerationId(bytes(range(16))),
    life=2,
    epoch=Epoch(incarnation=Incarnation(number=1, random=2**64 - 1), number=3),
    transport_key_id="ab" * 16,
)


class Handler:
    """Answers as it is told; remembers who asked for what."""

    def __init__(self) -> None:
        self.seen: list[tuple[RegionName, FetchRequest]] = []
        self.answer: bytes | Exception = b"sealed"
        self.hold = asyncio.Event()
        self.hold.set()

    async def serve(self, target: RegionName, request: FetchRequest) -> SealedMaterial:
        self.seen.append((target, request))
        await self.hold.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return SealedMaterial(self.answer)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCluster:
    return enrolled_cluster(tmp_path_factory.mktemp("one"), EU, US)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCluster:
    return enrolled_cluster(tmp_path_factory.mktemp("two"), EU, US)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
async def source(cluster: EnrolledCluster, handler: Handler) -> AsyncIterator[Peer]:
    """us-east-1, serving."""
    server = KeyTransportServer(cluster.regions[US], handler, "127.0.0.1:0")
    port = await server.start()
    yield Peer(region=US, address=f"127.0.0.1:{port}")
    await server.stop()


Asks = Callable[[RegionIdentity], GrpcKeyTransport]


@pytest.fixture
async def asks() -> AsyncIterator[Asks]:
    made: list[GrpcKeyTransport] = []

    def of(identity: RegionIdentity) -> GrpcKeyTransport:
        made.append(GrpcKeyTransport(identity))
        return made[-1]

    yield of
    for transport in made:
        await transport.close()


async def test_a_verified_region_is_served_by_name(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    transport: KeyTransport = asks(cluster.regions[EU])
    sealed = await transport.fetch(source, REQUEST)
    assert sealed == b"sealed"
    assert handler.seen == [(EU, REQUEST)]


async def test_the_binding_key_is_asked_for_without_a_generation(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    request = replace(REQUEST, generation_id=None)
    await asks(cluster.regions[EU]).fetch(source, request)
    assert handler.seen == [(EU, request)]


@pytest.mark.parametrize("code", list(RefusalCode))
async def test_each_refusal_comes_back_as_it_was_raised(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks, code: RefusalCode
) -> None:
    handler.answer = FetchRefused(code, "said so")
    with pytest.raises(FetchRefused, match=f"^{code.value}: said so$") as refused:
        await asks(cluster.regions[EU]).fetch(source, REQUEST)
    assert refused.value.code is code


async def test_a_fault_of_the_source_is_a_refusal_without_its_message(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    handler.answer = StoreUnavailable("secret path")
    with pytest.raises(FetchRefused, match=r"^unverified: not now$"):
        await asks(cluster.regions[EU]).fetch(source, REQUEST)


async def test_a_programming_error_of_the_source_is_not_told_to_the_peer(
    cluster: EnrolledCluster,
    source: Peer,
    handler: Handler,
    asks: Asks,
    caplog: pytest.LogCaptureFixture,
) -> None:
    handler.answer = RuntimeError("inner detail")
    with pytest.raises(PeerUnreachable, match="INTERNAL: internal error") as failed:
        await asks(cluster.regions[EU]).fetch(source, REQUEST)
    assert "inner detail" not in str(failed.value)
    assert "a fetch failed" in caplog.text


async def test_a_peer_of_another_authority_is_turned_away_by_both_ends(
    cluster: EnrolledCluster, other: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    with pytest.raises(PeerUnreachable, match="UNAVAILABLE"):
        await asks(other.regions[EU]).fetch(source, REQUEST)
    # Even one who trusts this authority, but whose own certificate is the other's.
    stranger = replace(
        other.regions[EU],
        authority=cluster.regions[EU].authority,
        authority_pem=cluster.regions[EU].authority_pem,
    )
    with pytest.raises(PeerUnreachable, match="UNAVAILABLE"):
        await asks(stranger).fetch(source, REQUEST)
    assert handler.seen == []


async def test_a_peer_without_a_certificate_is_turned_away(
    cluster: EnrolledCluster, source: Peer, handler: Handler
) -> None:
    credentials = grpc.ssl_channel_credentials(cluster.regions[EU].authority_pem)
    name = f"{US}.{cluster.authority.cluster}.regionkms.internal"
    options = (("grpc.ssl_target_name_override", name),)
    async with grpc.aio.secure_channel(source.address, credentials, options=options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await ask_plainly(channel)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    async with grpc.aio.insecure_channel(source.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await ask_plainly(channel)
    assert handler.seen == []


async def ask_plainly(channel: grpc.aio.Channel) -> bytes:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    return await call(encode_request(US, REQUEST), timeout=2)


async def test_nothing_is_sent_to_a_peer_that_is_another_region(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    elsewhere = Peer(region=RegionName("ap-southeast-2"), address=source.address)
    with pytest.raises(PeerUnreachable, match=r"ap-southeast-2 at .*UNAVAILABLE"):
        await asks(cluster.regions[EU]).fetch(elsewhere, REQUEST)
    assert handler.seen == []


def with_certificate(
    cluster: EnrolledCluster, identity: RegionIdentity, folder: Path, *, issued_at: dt.datetime
) -> RegionIdentity:
    """The same Region with another certificate of its own authority."""
    pem = (folder / "authority" / "authority.key").read_bytes()
    key = load_pem_private_key(pem, password=None)
    issued = issue_region_certificate(
        x509.load_pem_x509_certificate(identity.authority_pem),
        key,  # type: ignore[arg-type] # it is ECDSA
        cluster=cluster.authority.cluster,
        region=identity.region,
        now=issued_at,
        days=2,
    )
    return replace(
        identity,
        certificate_pem=issued.certificate_pem,
        tls_key=Material(issued.private_key_pem),
    )


@pytest.mark.parametrize("days", [-10, 10], ids=["expired", "not yet valid"])
async def test_a_certificate_out_of_its_time_is_turned_away_on_either_side(
    tmp_path: Path, asks: Asks, days: int
) -> None:
    cluster = await asyncio.to_thread(enrolled_cluster, tmp_path, EU, US)
    at = dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=days)
    handler = Handler()
    stale_eu = with_certificate(cluster, cluster.regions[EU], tmp_path, issued_at=at)
    stale_us = with_certificate(cluster, cluster.regions[US], tmp_path, issued_at=at)
    for server_identity, client_identity in (
        (cluster.regions[US], stale_eu),
        (stale_us, cluster.regions[EU]),
    ):
        server = KeyTransportServer(server_identity, handler, "127.0.0.1:0")
        peer = Peer(region=US, address=f"127.0.0.1:{await server.start()}")
        with pytest.raises(PeerUnreachable, match="UNAVAILABLE"):
            await asks(client_identity).fetch(peer, REQUEST)
        await server.stop()
    assert handler.seen == []


async def test_a_request_for_another_source_is_refused_behind_a_right_certificate(
    cluster: EnrolledCluster, source: Peer, handler: Handler
) -> None:
    with pytest.raises(FetchRefused, match=r"^wrong-source: this is us-east-1$"):
        parse_request(encode_request(EU, REQUEST), US)
    assert handler.seen == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"account_id": AccountId("x")}, "no multi-Region key is named"),
        ({"key_id": KeyId("0" * 36)}, "no multi-Region key is named"),
        ({"generation_id": GenerationId(b"short")}, "neither a generation nor the binding key"),
    ],
)
async def test_a_malformed_request_is_refused_before_the_handler(
    cluster: EnrolledCluster,
    source: Peer,
    handler: Handler,
    asks: Asks,
    changed: dict[str, object],
    message: str,
) -> None:
    request = replace(REQUEST, **changed)  # type: ignore[arg-type] # fields by name
    with pytest.raises(FetchRefused, match=f"^malformed: {message}$"):
        await asks(cluster.regions[EU]).fetch(source, request)
    assert handler.seen == []


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(FetchRefused, match="malformed: not a FetchRequest"):
        parse_request(b"\xff", US)
    with pytest.raises(FetchRefused, match="malformed: the answer is no FetchResponse"):
        parse_response(b"\xff")


async def test_an_oversized_request_is_refused(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    request = replace(REQUEST, transport_key_id="a" * (MAX_REQUEST_BYTES + 1))
    with pytest.raises(PeerUnreachable, match="RESOURCE_EXHAUSTED"):
        await asks(cluster.regions[EU]).fetch(source, request)
    assert handler.seen == []


async def test_an_oversized_answer_is_not_taken(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    handler.answer = bytes(MAX_RESPONSE_BYTES + 1)
    with pytest.raises(PeerUnreachable, match="RESOURCE_EXHAUSTED"):
        await asks(cluster.regions[EU]).fetch(source, REQUEST)


async def test_a_silent_source_is_left_at_the_deadline(
    cluster: EnrolledCluster, source: Peer, handler: Handler
) -> None:
    handler.hold.clear()
    transport = GrpcKeyTransport(cluster.regions[EU], fetch_s=0.5)
    with pytest.raises(PeerUnreachable, match="DEADLINE_EXCEEDED"):
        await transport.fetch(source, REQUEST)
    handler.hold.set()
    await transport.close()


async def test_more_requests_than_the_source_takes_at_once_are_told_to_come_later(
    cluster: EnrolledCluster, source: Peer, handler: Handler, asks: Asks
) -> None:
    handler.hold.clear()
    transport = asks(cluster.regions[EU])
    count = server_module.CONCURRENT_FETCHES + 5
    async with asyncio.TaskGroup() as group:
        fetches = [group.create_task(refusal_of(transport, source)) for _ in range(count)]
        while sum(fetch.done() for fetch in fetches) < 5:  # noqa: ASYNC110 - other tasks move it
            await asyncio.sleep(0.01)
        handler.hold.set()
    refused = [fetch.result() for fetch in fetches]
    assert refused.count(RefusalCode.BUSY) == 5
    assert refused.count(None) == count - 5
    assert await refusal_of(transport, source) is None


async def refusal_of(transport: GrpcKeyTransport, source: Peer) -> RefusalCode | None:
    try:
        await transport.fetch(source, REQUEST)
    except FetchRefused as refused:
        return refused.code
    return None


async def test_nobody_there_is_unreachable_and_a_peer_that_returns_is_found(
    cluster: EnrolledCluster, handler: Handler, asks: Asks
) -> None:
    server = KeyTransportServer(cluster.regions[US], handler, "127.0.0.1:0")
    port = await server.start()
    peer = Peer(region=US, address=f"127.0.0.1:{port}")
    transport = asks(cluster.regions[EU])
    await transport.fetch(peer, REQUEST)
    await server.stop()
    with pytest.raises(PeerUnreachable, match="UNAVAILABLE"):
        await transport.fetch(peer, REQUEST)
    again = KeyTransportServer(cluster.regions[US], handler, f"127.0.0.1:{port}")
    await again.start()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await transport.fetch(peer, REQUEST) == b"sealed"
            except PeerUnreachable:
                await asyncio.sleep(0.1)
            else:
                break
    await transport.forget(peer)
    await again.stop()


async def test_an_address_that_is_taken_is_said_so(
    cluster: EnrolledCluster, source: Peer, handler: Handler
) -> None:
    second = KeyTransportServer(cluster.regions[US], handler, source.address)
    with pytest.raises(ConfigurationError, match="can't be listened on"):
        await second.start()
    await second.stop()


async def test_the_handshake_selects_x25519mlkem768(
    cluster: EnrolledCluster, source: Peer, asks: Asks
) -> None:
    async with TcpProxy(int(source.address.rpartition(":")[2])) as proxy:
        through = Peer(region=US, address=f"127.0.0.1:{proxy.port}")
        assert await asks(cluster.regions[EU]).fetch(through, REQUEST) == b"sealed"
        assert selected_group(bytes(proxy.heard)) == X25519MLKEM768
        assert b"sealed" not in proxy.heard


def test_a_certificate_that_names_no_region_or_several_is_nobodys() -> None:
    from regionkms.model.record import ClusterName  # noqa: PLC0415 - near its only use

    cluster = ClusterName("lab-1")
    uri = b"regionkms://lab-1/region/eu-west-1"
    assert peer_region(cluster, {"peer_uri": [uri]}) == EU
    for uris in (
        [],
        [uri, uri],
        [b"regionkms://lab-2/region/eu-west-1"],
        [b"regionkms://lab-1/region/../x"],
        [b"regionkms://lab-1/region/"],
        [b"\xff"],
    ):
        assert peer_region(cluster, {"peer_uri": uris}) is None
    assert peer_region(cluster, {}) is None


def test_credentials_show_no_private_key(cluster: EnrolledCluster) -> None:
    assert "PRIVATE" not in repr(client_credentials(cluster.regions[EU]))


async def test_a_peer_that_pings_a_lot_keeps_its_connection(
    cluster: EnrolledCluster, source: Peer
) -> None:
    """No GOAWAY too_many_pings, whatever keepalive another release has."""
    options = (
        ("grpc.keepalive_time_ms", 50),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_time_between_pings_ms", 50),
        ("grpc.ssl_target_name_override", region_host(cluster.regions[EU].cluster, US)),
    )
    credentials = client_credentials(cluster.regions[EU])
    async with grpc.aio.secure_channel(source.address, credentials, options=options) as channel:
        await channel.channel_ready()
        left = asyncio.ensure_future(channel.wait_for_state_change(grpc.ChannelConnectivity.READY))
        await asyncio.sleep(4.3)  # gRPC sends one ping a second at most; the third too many counts
        assert not left.done(), channel.get_state()
        left.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await left
