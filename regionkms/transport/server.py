"""The answering side of KeyTransport on gRPC: who asks, and how much at once, is settled here.

What may be sealed is the handler's to decide (reconcile/). The one method is registered by hand:
generated stubs would add a file and no check.
"""

import asyncio
import logging
from typing import Final, NoReturn

import grpc

from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.errors import ConfigurationError, Fault
from regionkms.model.ids import RegionName
from regionkms.ports.key_transport import FetchHandler, FetchRefused, RefusalCode
from regionkms.transport.fetch_codec import (
    MAX_REQUEST_BYTES,
    METHOD,
    REFUSAL_TRAILER,
    encode_response,
    parse_request,
)
from regionkms.transport.mutual_tls import peer_region, server_credentials

CONCURRENT_FETCHES: Final = 64
"""Served at once; a full resync of another Region takes its turn beside its own work."""
SERVE_S: Final = 5.0
"""Longest that one request may take; the asking side gives up earlier."""
GRACE_S: Final = 1.0
"""For requests in flight when the server stops."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_metadata_size", 8192),
    ("grpc.max_concurrent_streams", 2 * CONCURRENT_FETCHES),
    # Only Regions of this cluster get as far as a ping: a GOAWAY too_many_pings would cost a fetch
    # and guard against nobody.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_connection_age_ms", 3_600_000),  # a certificate that ran out is seen within an hour
    ("grpc.so_reuseport", 0),  # a second agent of this Region must not share the port silently
)
_SERVICE, _METHOD_NAME = METHOD.removeprefix("/").split("/")

Context = grpc.aio.ServicerContext[bytes, bytes]

_log = logging.getLogger(__name__)


class KeyTransportServer:
    """Serves fetches of other Regions of the cluster."""

    def __init__(self, identity: RegionIdentity, handler: FetchHandler, address: str) -> None:
        """Prepare a server; `start` binds it.

        Args:
            identity: This Region.
            handler: Decides and seals.
            address: host:port to listen on; port 0 lets the machine choose.
        """
        self._identity = identity
        self._handler = handler
        self._address = address
        self._active = 0
        self._server: grpc.aio.Server | None = None

    async def start(self) -> int:
        """Listen; the port.

        Raises:
            ConfigurationError: The address can't be listened on.
        """
        server = grpc.aio.server(options=_OPTIONS)
        method: grpc.RpcMethodHandler[bytes, bytes]
        method = grpc.unary_unary_rpc_method_handler(self._fetch)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(_SERVICE, {_METHOD_NAME: method})]
        )
        try:
            port = server.add_secure_port(self._address, server_credentials(self._identity))
        except RuntimeError as error:
            raise ConfigurationError(f"{self._address} can't be listened on") from error
        await server.start()
        self._server = server
        return port

    async def stop(self) -> None:
        """Stop listening; requests in flight have GRACE_S."""
        if self._server is not None:
            await self._server.stop(GRACE_S)

    async def _fetch(self, encoded: bytes, context: Context) -> bytes:
        if self._active >= CONCURRENT_FETCHES:
            await _refuse(context, FetchRefused(RefusalCode.BUSY, "too many fetches at once"))
        self._active += 1
        try:
            async with asyncio.timeout(SERVE_S):
                return await self._answer(encoded, self._peer(context))
        except FetchRefused as refused:
            await _refuse(context, refused)
        except (Fault, TimeoutError) as error:
            _log.warning("a fetch could not be served: %s", error)
            await _refuse(context, FetchRefused(RefusalCode.UNVERIFIED, "not now"))
        except Exception:  # noqa: BLE001 - the root of the request's task: the peer learns nothing
            _log.exception("a fetch failed")
            await context.abort(grpc.StatusCode.INTERNAL, "internal error")
        finally:
            self._active -= 1
        raise AssertionError("abort always raises")

    async def _answer(self, encoded: bytes, target: RegionName) -> bytes:
        request = parse_request(encoded, self._identity.region)
        return encode_response(await self._handler.serve(target, request))

    def _peer(self, context: Context) -> RegionName:
        region = peer_region(self._identity.cluster, context.auth_context())
        if region is None:
            raise FetchRefused(RefusalCode.NOT_GRANTED, "the certificate names no Region")
        return region


async def _refuse(context: Context, refused: FetchRefused) -> NoReturn:
    _, _, message = str(refused).partition(": ")
    await context.abort(
        grpc.StatusCode.FAILED_PRECONDITION,
        message,
        trailing_metadata=((REFUSAL_TRAILER, refused.code.value),),
    )
    raise AssertionError("abort always raises")
