"""A receiver whose requests are kept in one form, however their heads were read."""

from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_pattern import Pattern
from regionkms.wire.http_receiver import RequestReceiver

Request = tuple[str, bytes, dict[bytes, bytes], bytes, int]
"""Method, target, headers, body and marks."""


def receiver_into(found: list[Request], limits: HttpLimits | None = None) -> RequestReceiver:
    """A receiver that appends every request it delivers."""

    def deliver(
        method: str,
        target: bytes,
        headers: dict[bytes, bytes] | None,
        body: bytes,
        marks: int,
        pattern: Pattern | None,
        values: tuple[bytes, ...],
    ) -> None:
        if pattern is not None:
            assert headers is None
            headers = pattern.headers_of(values)
        assert headers is not None
        found.append((method, target, headers, body, marks))

    return RequestReceiver(limits or HttpLimits(), deliver)
