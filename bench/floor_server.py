"""The floor: what a request costs that only checks a signature, reads JSON and seals once.

httptools on uvloop, answers held per tick: a Signature Version 4 check, one msgspec decode, one
AES-256-GCM, one answer. No policy, quota, audit, key lookup, error handling or bounds: the least
that any server of this API in Python must do. `make bench` compares regionkms with it.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import ssl as tls
import sys
from base64 import b64encode
from pathlib import Path
from typing import cast

import httptools
import msgspec
import uvloop
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Encrypt(msgspec.Struct):
    """What the floor reads of an Encrypt request."""

    KeyId: str
    Plaintext: bytes


decode = msgspec.json.Decoder(Encrypt).decode


def derive(secret: str, day: str, region: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (day, region, "kms", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class Floor:
    """State shared by the connections."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.keys: dict[bytes, tuple[bytes, list[bytes], bytes]] = {}
        self.cipher = AESGCM(os.urandom(32))
        self.answers: list[tuple[asyncio.Transport, bytes]] = []
        self.loop = asyncio.get_running_loop()

    def check(self, headers: dict[bytes, bytes], body: bytes) -> bool:
        authorization = headers[b"authorization"]
        prefix = authorization[:-64]
        known = self.keys.get(prefix)
        if known is None:
            credential = prefix.split(b"Credential=")[1].split(b",")[0].split(b"/")
            names = prefix.split(b"SignedHeaders=")[1].split(b",")[0]
            day, region = credential[1].decode(), credential[2].decode()
            scope = b"/".join(credential[1:])
            known = (derive(self.secret, day, region), names.split(b";"), scope)
            self.keys[prefix] = known
        key, names_list, scope = known
        lines = b"".join(b"%b:%b\n" % (name, headers[name]) for name in names_list)
        request = b"POST\n/\n\n%b\n%b\n%b" % (
            lines,
            b";".join(names_list),
            hashlib.sha256(body).hexdigest().encode(),
        )
        to_sign = b"AWS4-HMAC-SHA256\n%b\n%b\n%b" % (
            headers[b"x-amz-date"],
            scope,
            hashlib.sha256(request).hexdigest().encode(),
        )
        signature = hmac.digest(key, to_sign, "sha256").hex().encode()
        return hmac.compare_digest(signature, authorization[-64:])

    def answer(
        self, transport: asyncio.Transport, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        if not self.check(headers, body):
            raise ValueError("bad signature")
        request = decode(body)
        nonce = os.urandom(12)
        sealed = b64encode(nonce + self.cipher.encrypt(nonce, request.Plaintext, b""))
        text = b'{"CiphertextBlob":"%b","KeyId":"%b"}' % (sealed, request.KeyId.encode())
        if not self.answers:
            self.loop.call_soon(self.flush)
        self.answers.append(
            (
                transport,
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(text), text),
            )
        )

    def flush(self) -> None:
        answers, self.answers = self.answers, []
        for transport, answer in answers:
            transport.write(answer)


class Connection:
    """Parser callbacks of one connection."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.parser = httptools.HttpRequestParser(self)
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.transport: asyncio.Transport | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        assert self.transport is not None
        self.floor.answer(self.transport, self.headers, self.body)
        self.headers, self.body = {}, b""


class Plain(asyncio.Protocol):
    def __init__(self, floor: Floor) -> None:
        self.connection = Connection(floor)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connection.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.connection.parser.feed_data(data)


class Buffered(asyncio.BufferedProtocol):
    def __init__(self, floor: Floor) -> None:
        self.connection = Connection(floor)
        self.buffer = bytearray(65536)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connection.transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - the interface's argument
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.connection.parser.feed_data(memoryview(self.buffer)[:nbytes])


async def serve(port: int, secret: str, certificate: Path | None, key: Path | None) -> None:
    floor = Floor(secret)
    loop = asyncio.get_running_loop()
    if certificate is not None and key is not None:
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = await loop.create_server(lambda: Buffered(floor), "127.0.0.1", port, ssl=context)
    else:
        server = await loop.create_server(lambda: Plain(floor), "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.secret, options.certificate, options.key))


if __name__ == "__main__":
    main()
