"""Reaching other Regions under addresses of this Region's own network.

The directory names one address for each Region. Where a Region's network knows a peer by another
one (a tunnel, split DNS, the lab's ways that can be cut), the setting `peer_addresses` says which.
Who answers there is verified by certificate all the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from regionkms.model.ids import RegionName
from regionkms.ports.key_transport import FetchRequest, KeyTransport, Peer, SealedMaterial


class ReroutedTransport:
    """Implements `regionkms.ports.key_transport.KeyTransport` over another one."""

    def __init__(self, inner: KeyTransport, addresses: Mapping[RegionName, str]) -> None:
        self._inner: Final = inner
        self._addresses: Final = addresses

    async def fetch(self, source: Peer, request: FetchRequest) -> SealedMaterial:
        """See the port."""
        address = self._addresses.get(source.region, source.address)
        return await self._inner.fetch(replace(source, address=address), request)
