"""The operations of the API: their table, one module per family, and the stages of a call."""

from types import MappingProxyType
from typing import Final

from regionkms.operations import aliases, cryptography, keys, multi_region, policies, tags
from regionkms.ports.operation import Operation

OPERATIONS: Final[MappingProxyType[str, Operation]] = MappingProxyType(
    {
        row.name: row
        for family in (keys, aliases, tags, policies, cryptography, multi_region)
        for row in family.OPERATIONS
    }
)
"""Every operation that this release offers, by name."""
