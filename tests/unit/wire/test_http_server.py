"""The server on real sockets: TLS, drain, sharing of a port, time. And on two event loops."""

import asyncio
import contextlib
import datetime as dt
import json
import socket
import ssl
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from regionkms.model.errors import ConfigurationError
from regionkms.wire.http import Exchange, HttpLimits, HttpServer, format_response
from regionkms.wire.tls import server_context
from tests.support.http_wire import echo, one_by_one, read_answers

GET = b"GET /%d HTTP/1.1\r\nHost: kms\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "server.key").chmod(0o600)
    return folder / "server.crt", folder / "server.key"


@contextlib.asynccontextmanager
async def serving(
    handle: Callable[[Exchange], None] = echo,
    *,
    context: ssl.SSLContext | None = None,
    **limits: Any,
) -> AsyncIterator[tuple[HttpServer, int]]:
    server = HttpServer(
        serve=one_by_one(handle),
        before_answers=lambda: None,
        limits=HttpLimits(**limits),
        unix_time=lambda: 0.0,
    )
    await server.start("127.0.0.1", 0, context)
    try:
        yield server, server.addresses[0][1]
    finally:
        await server.drain(0)


def on_each_loop(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Tell a story on uvloop, which workers run, and on asyncio's own loop."""
    for factory in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(story(), 20))


async def ask(port: int, data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Everything that the server sends in return, until it closes."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - counters of the server, which tell nobody
        await asyncio.sleep(0.001)


async def reads_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


def test_keep_alive_and_pipelines_over_a_socket() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number in range(3):
                writer.write(GET % number)
                assert (await reads_answer(reader)).endswith(b"GET /%d " % number)
            count = 2_000
            writer.write(b"".join(GET % number for number in range(count)))
            for number in range(count):
                assert (await reads_answer(reader)).endswith(b"GET /%d " % number)
            assert server.traffic.requests == count + 3
            assert server.traffic.date_line == b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            writer.close()

    on_each_loop(story)


@pytest.mark.parametrize("size", [1, 70_000, 500_000])
def test_a_body_comes_whole_with_and_without_tls(size: int, certificate: tuple[Path, Path]) -> None:
    context = server_context(*certificate)
    client = ssl.create_default_context(cafile=certificate[0])
    body = bytes(range(256)) * (size // 256 + 1)
    request = b"POST / HTTP/1.1\r\nHost: kms\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"

    async def story() -> None:
        async with serving(context=context) as (_, port):
            answer = await ask(port, request % size + body[:size], client)
        assert read_answers(answer)[0][2] == b"POST / " + body[:size]
        async with serving() as (_, port):
            answer = await ask(port, request % size + body[:size])
        assert read_answers(answer)[0][2] == b"POST / " + body[:size]

    on_each_loop(story)


def test_tls_speaks_1_2_and_later_with_ephemeral_keys_and_http_1_1(
    certificate: tuple[Path, Path],
) -> None:
    context = server_context(*certificate)
    seen: list[tuple[str | None, str]] = []

    def client(port: int, version: ssl.TLSVersion) -> None:
        tls = ssl.create_default_context(cafile=certificate[0])
        tls.minimum_version = tls.maximum_version = version
        tls.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            tls.wrap_socket(plain, server_hostname="localhost") as wrapped,
        ):
            cipher = wrapped.cipher()
            assert cipher is not None
            assert cipher[0].startswith(("ECDHE-", "DHE-", "TLS_"))
            assert wrapped.selected_alpn_protocol() == "http/1.1"
            wrapped.sendall(GET % 1)
            assert b"GET /1 " in wrapped.recv(4_096)
            seen.append((wrapped.version(), cipher[0]))

    async def story() -> None:
        async with serving(context=context) as (_, port):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                await asyncio.to_thread(client, port, version)

    on_each_loop(story)
    assert [version for version, _ in seen] == ["TLSv1.2", "TLSv1.3"] * 2


def test_tls_1_1_is_refused_and_counted(certificate: tuple[Path, Path]) -> None:
    context = server_context(*certificate)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    async def story() -> None:
        async with serving(context=context) as (server, port):
            # The alert, or the reset that overtakes it.
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await ask(port, GET % 1, old)
            await until(lambda: bool(server.traffic.refused["handshake"]))
            assert server.traffic.requests == 0

    on_each_loop(story)


def test_a_client_that_speaks_no_tls_is_dropped(certificate: tuple[Path, Path]) -> None:
    context = server_context(*certificate)

    async def story() -> None:
        async with serving(context=context) as (server, port):
            with contextlib.suppress(ConnectionError):
                assert b"HTTP/1.1" not in await ask(port, GET % 1)
            await until(lambda: bool(server.traffic.refused["handshake"]))
            assert server.traffic.connections == set()

    on_each_loop(story)


def test_a_handshake_that_never_ends_is_cut_off(certificate: tuple[Path, Path]) -> None:
    context = server_context(*certificate)

    async def story() -> None:
        async with serving(context=context, header_timeout_s=0.1) as (server, port):
            assert await ask(port, b"") == b""
            assert server.traffic.refused["handshake"] == 1

    on_each_loop(story)


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.key"
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    other.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"other.key: KEY_VALUES_MISMATCH$"):
        server_context(certificate[0], other)


def test_a_missing_certificate_is_named(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    missing = tmp_path / "missing.crt"
    with pytest.raises(ConfigurationError, match=r"missing.crt .*: No such file or directory$"):
        server_context(missing, certificate[1])


def test_an_encrypted_key_is_refused_and_no_password_asked_for(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    encrypted.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"^the TLS key file is encrypted; "):
        server_context(certificate[0], encrypted)


def test_a_key_that_every_user_can_read_is_refused_and_the_fix_told(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    open_key = tmp_path / "open.key"
    open_key.write_bytes(certificate[1].read_bytes())
    open_key.chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"is open to every user .* chmod 600 .*open.key$"):
        server_context(certificate[0], open_key)


# -- drain ---------------------------------------------------------------------------------------


def test_a_drain_answers_what_is_in_flight_and_closes_what_is_idle() -> None:
    async def story() -> None:
        kept: list[Exchange] = []
        slow = b"GET /slow HTTP/1.1\r\nHost: kms\r\n\r\n"

        def handle(exchange: Exchange) -> None:
            if exchange.target == b"/slow":
                kept.append(exchange)
            else:
                echo(exchange)

        async with serving(handle) as (server, port):
            idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
            idle_writer.write(GET % 1)
            await reads_answer(idle)
            half, half_writer = await asyncio.open_connection("127.0.0.1", port)
            half_writer.write((GET % 2)[:9])
            in_flight = asyncio.ensure_future(ask(port, slow))
            await until(lambda: bool(kept))
            drain = asyncio.ensure_future(server.drain(10))
            assert await idle.read() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            half_writer.write((GET % 2)[9:])
            assert b"Connection: close" in await half.read()
            kept[0].respond(format_response(200, b"", b"slow"))
            answer = read_answers(await in_flight)[0]
            assert (answer[1][b"connection"], answer[2]) == (b"close", b"slow")
            assert await drain == 0
            idle_writer.close()
            half_writer.close()

    on_each_loop(story)


def test_a_drain_reads_what_had_arrived_and_accepts_what_was_queued() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            served = socket.create_connection(("127.0.0.1", port))
            served.sendall(GET % 0)
            await until(lambda: bool(server.traffic.answers))
            served.recv(4_096)
            queued = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
            for number, client in enumerate([served, *queued]):
                client.sendall(GET % number)
            assert await server.drain(5) == 0  # the loop has not run since: all is in the kernel
            for number, client in enumerate([served, *queued]):
                answer = read_answers(client.recv(4_096))[0]
                assert answer[2] == b"GET /%d " % number
                assert answer[1][b"connection"] == b"close"
                client.close()

    on_each_loop(story)


def test_a_drain_waits_a_moment_for_the_first_request_of_a_new_connection() -> None:
    async def story() -> None:
        async with serving() as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            drain = asyncio.ensure_future(server.drain(5))
            await asyncio.sleep(0.1)
            writer.write(GET % 1)
            assert (await reader.read()).endswith(b"GET /1 ")
            assert await drain == 0
            writer.close()

    on_each_loop(story)


def test_a_drain_ends_with_its_grace_and_tells_what_it_dropped() -> None:
    async def story() -> None:
        async with serving(lambda _: None) as (server, port):
            stuck = asyncio.ensure_future(ask(port, GET % 1))
            await until(lambda: bool(server.traffic.requests))
            assert await server.drain(0.1) == 1
            with contextlib.suppress(ConnectionResetError):
                assert await stuck == b""

    on_each_loop(story)


def test_no_request_of_busy_clients_is_lost_in_a_drain() -> None:
    """Eight clients ask as fast as they can; each is told to close before it is closed."""
    finished: list[int] = []

    def client(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            answered = 0
            while True:
                connection.sendall(GET % answered)
                data = connection.recv(4_096)
                assert data, "a request on a connection that was not announced to close got lost"
                assert data.endswith(b"GET /%d " % answered)
                answered += 1
                if b"Connection: close" in data:
                    finished.append(answered)
                    return

    async def story() -> None:
        async with serving(drain_quiet_s=4.0) as (server, port):
            threads = [threading.Thread(target=client, args=(port,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            await asyncio.sleep(0.2)
            assert await server.drain(5) == 0
            for thread in threads:
                await asyncio.to_thread(thread.join)

    on_each_loop(story)
    assert len(finished) == 16


# -- bounds on real sockets ----------------------------------------------------------------------


def test_the_sweep_runs_by_itself_and_cuts_a_slow_sender_off() -> None:
    async def story() -> None:
        async with serving(header_timeout_s=0.05, sweep_interval_s=0.02) as (server, port):
            status, _, body = read_answers(await ask(port, b"GET / HTT"))[0]
            assert (status, json.loads(body)["__type"]) == (408, "RequestTimeoutException")
            assert server.traffic.refused["timeout"] == 1

    on_each_loop(story)


def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    """Closing with unread bytes would reset the connection and destroy the answer."""

    async def story() -> None:
        async with serving() as (_, port):
            head = b"POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: 5000000\r\n\r\n"
            answer = await ask(port, head + b"x" * 5_000_000)
            assert read_answers(answer)[0][0] == 413

    on_each_loop(story)


def test_connections_over_the_bound_are_told_or_closed_and_the_others_served() -> None:
    async def story() -> None:
        async with serving(max_connections=2) as (server, port):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await until(lambda: len(server.traffic.connections) == 2)
            assert read_answers(await ask(port, b""))[0][0] == 503
            held[0][1].write(GET % 1)
            assert (await reads_answer(held[0][0])).endswith(b"GET /1 ")
            for _, writer in held:
                writer.close()

    on_each_loop(story)


def test_a_client_that_never_reads_is_cut_off() -> None:
    async def story() -> None:
        def flood(exchange: Exchange) -> None:
            exchange.respond(format_response(200, b"", b"x" * 1_000_000))

        bounds: dict[str, Any] = {
            "write_timeout_s": 0.1,
            "sweep_interval_s": 0.02,
            "max_unsent_bytes": 100_000,
        }
        async with serving(flood, **bounds) as (server, port):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"".join(GET % number for number in range(64)))
            await until(lambda: bool(server.traffic.refused["unread"]))
            assert server.traffic.requests <= 64
            client.close()

    on_each_loop(story)


def test_two_servers_share_a_port() -> None:
    async def story() -> None:
        async with serving() as (first, port):
            second = HttpServer(serve=one_by_one(echo), before_answers=lambda: None)
            await second.start("127.0.0.1", port)
            request = b"GET / HTTP/1.1\r\nHost: kms\r\nConnection: close\r\n\r\n"
            for _ in range(64):
                assert (await ask(port, request)).endswith(b"GET / ")
            assert first.traffic.requests + second.traffic.requests == 64
            assert first.traffic.requests
            assert second.traffic.requests
            await second.drain(1)

    on_each_loop(story)


def test_an_address_that_cannot_be_bound_is_an_error_and_leaves_no_socket() -> None:
    async def story() -> None:
        server = HttpServer(serve=one_by_one(echo), before_answers=lambda: None)
        with pytest.raises(OSError, match=r"[Cc]annot assign requested address"):
            await server.start("192.0.2.1", 0)
        assert server.addresses == []

    on_each_loop(story)
