"""Whose address a request comes from; forwarded addresses are believed of trusted proxies only."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from regionkms.wire.http import Exchange

_FORWARDED: Final = b"x-forwarded-for"
_MAX_HOPS: Final = 16


class ClientAddress:
    """Reads the client's address of a request.

    Args:
        trusted: Networks of proxies that add the address they see to X-Forwarded-For.

    Attributes:
        direct: There are none: the address is always that of the connection.
    """

    def __init__(self, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = tuple(trusted)
        self.direct: Final = not trusted

    def of(self, exchange: Exchange) -> str:
        """The nearest address that is not a trusted proxy's."""
        if self.direct:
            return exchange.peer
        address = exchange.peer
        hops = exchange.headers.get(_FORWARDED, b"").decode("latin-1").split(",")
        for hop in reversed(hops[-_MAX_HOPS:]):
            if not self._is_trusted(address):
                return address
            candidate = hop.strip()
            if not _is_address(candidate):
                return address
            address = candidate
        return address

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
