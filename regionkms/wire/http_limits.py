"""The bounds of the HTTP layer. Every quantity that a stranger controls has one here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one client, and all of them together, may take from a worker.

    Times are whole-phase deadlines, not gaps between bytes: a client that sends one byte a second
    is cut off as surely as one that sends none. They are kept by one periodic sweep, so a deadline
    fires up to `sweep_interval_s` late and never early.

    Attributes:
        max_target_bytes: Request target (path and query). A presigned request carries its whole
            input and a session token there; 414 beyond.
        max_header_count: Header lines of one request; 431 beyond. SDKs send about a dozen.
        max_header_bytes: Names, values and separators of one request's headers together; 431
            beyond. Leaves room for a session token of several kB beside the signature.
        max_body_bytes: One request's body, decoded; 413 beyond. The largest real input, a
            policy document with escapes, is far below.
        max_chunks: Chunks of one chunked body; 400 beyond. One-byte chunks cost a callback each.
        max_pipeline: Requests of one connection handed to the handler and not yet answered.
            Reading stops at it and goes on when answers have left.
        max_connections: Open connections of a worker; one more is answered 503 and closed.
        max_receiving_bytes: Bodies of all connections that are not yet complete; 503 beyond.
            Without it max_connections half-sent bodies would be a gigabyte.
        max_unsent_bytes: Answers buffered for one client that does not read; no further request
            of that connection is looked at until they drain.
        header_timeout_s: From a request's first byte (or the connection's start) to the end of its
            headers; the TLS handshake has as long.
        body_timeout_s: From the end of the headers to the end of the body. Together with
            max_body_bytes it is the minimum rate: 26 kB/s for the largest body.
        idle_timeout_s: Keep-alive without a request.
        write_timeout_s: For a client that stopped reading to start again.
        linger_timeout_s: For a refused client to read why; its bytes are discarded meanwhile,
            because closing with unread bytes resets the connection and destroys the answer.
        drain_quiet_s: How long a drain leaves an idle connection open. A busy client's next request
            is on its way, and closing under it would lose it; answered with `Connection: close`,
            the connection ends by itself.
        sweep_interval_s: Time between two sweeps.
        backlog: Connections that the kernel queues before they are accepted.
    """

    max_target_bytes: int = 16_384
    max_header_count: int = 100
    max_header_bytes: int = 32_768
    max_body_bytes: int = 524_288
    max_chunks: int = 4_096
    max_pipeline: int = 16
    max_connections: int = 1_024
    max_receiving_bytes: int = 67_108_864
    max_unsent_bytes: int = 1_048_576
    header_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    idle_timeout_s: float = 60.0
    write_timeout_s: float = 20.0
    linger_timeout_s: float = 2.0
    drain_quiet_s: float = 0.25
    sweep_interval_s: float = 1.0
    backlog: int = 1_024

    def __post_init__(self) -> None:
        """Refuse limits under which no request could be served.

        Raises:
            ValueError: A limit is not positive.
        """
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"HttpLimits.{name} must be positive")
