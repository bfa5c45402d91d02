"""Identifiers: accounts, Regions, key ids, ARNs, aliases, generations.

Source: spec 01 §5 (formats), spec 05 §3.2 (multi-Region key ids), protocol §2 (generation ids).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from regionkms.model.errors import InvalidArnException

AccountId = NewType("AccountId", str)
"""Twelve decimal digits."""
RegionName = NewType("RegionName", str)
"""Such as `eu-west-1`."""
KeyId = NewType("KeyId", str)
"""A UUID, or `mrk-` and 32 hexadecimal digits."""
KeyArn = NewType("KeyArn", str)
AliasName = NewType("AliasName", str)
"""With its prefix: `alias/ExampleAlias`."""
GenerationId = NewType("GenerationId", bytes)
"""16 random bytes that name one version of a key's material (protocol R7)."""
StoreId = NewType("StoreId", str)
"""32 hexadecimal digits, random, made with the store (protocol R12)."""
DomainKeyId = NewType("DomainKeyId", str)
"""32 hexadecimal digits; names a key that wraps material in a Region's store."""

GENERATION_ID_BYTES: Final = 16
MULTI_REGION_PREFIX: Final = "mrk-"
ALIAS_PREFIX: Final = "alias/"
AWS_ALIAS_PREFIX: Final = "alias/aws/"

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MULTI_REGION: Final = re.compile(r"mrk-[0-9a-f]{32}")
_ALIAS: Final = re.compile(r"alias/[a-zA-Z0-9/_-]{1,250}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_ARN: Final = re.compile(
    r"arn:(?P<partition>[a-z-]{1,20}):kms:(?P<region>[a-z0-9-]{1,40})"
    r":(?P<account>[0-9]{12}):(?P<kind>key|alias)/(?P<name>.{1,2048})",
    re.DOTALL,
)


class ArnKind(StrEnum):
    """The two resource types of the service (spec 03 RES-1)."""

    KEY = "key"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """A key ARN or an alias ARN, taken apart."""

    partition: str
    region: RegionName
    account_id: AccountId
    kind: ArnKind
    name: str
    """The key id, or the alias name without `alias/`."""

    def __str__(self) -> str:
        owner = f"{self.region}:{self.account_id}"
        return f"arn:{self.partition}:kms:{owner}:{self.kind.value}/{self.name}"


def parse_arn(text: str) -> Arn:
    """Take an ARN of this service apart.

    Raises:
        InvalidArnException: The text starts with `arn:` but is no key or alias ARN.
    """
    match = _ARN.fullmatch(text)
    if match is None:
        raise InvalidArnException(f"Invalid arn {text[:256]}")
    return Arn(
        partition=match["partition"],
        region=RegionName(match["region"]),
        account_id=AccountId(match["account"]),
        kind=ArnKind(match["kind"]),
        name=match["name"],
    )


def partition_of(region: RegionName) -> str:
    """The partition that a Region belongs to, by its name."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def key_arn(region: RegionName, account_id: AccountId, key_id: KeyId) -> KeyArn:
    """The ARN of a KMS key in a Region."""
    return KeyArn(f"arn:{partition_of(region)}:kms:{region}:{account_id}:key/{key_id}")


def alias_arn(region: RegionName, account_id: AccountId, alias_name: AliasName) -> str:
    """The ARN of an alias in a Region; `alias_name` has its `alias/` prefix."""
    return f"arn:{partition_of(region)}:kms:{region}:{account_id}:{alias_name}"


def root_arn(region: RegionName, account_id: AccountId) -> str:
    """The ARN of an account's root user, in the partition of the Region."""
    return f"arn:{partition_of(region)}:iam::{account_id}:root"


def is_key_id(text: str) -> bool:
    """Whether the text has the form of a key id, single- or multi-Region."""
    return _UUID.fullmatch(text) is not None or _MULTI_REGION.fullmatch(text) is not None


def is_multi_region_key_id(text: str) -> bool:
    """Whether the text has the form of a multi-Region key id."""
    return _MULTI_REGION.fullmatch(text) is not None


def is_alias_name(text: str) -> bool:
    """Whether the text has the form of an alias name with its prefix (spec 01 A6)."""
    return _ALIAS.fullmatch(text) is not None


def is_account_id(text: str) -> bool:
    """Whether the text has the form of an account id."""
    return _ACCOUNT.fullmatch(text) is not None


def is_region_name(text: str) -> bool:
    """Whether the text has the form of a Region's name."""
    return _REGION.fullmatch(text) is not None


def key_id_from_random(random_bytes: bytes, *, multi_region: bool) -> KeyId:
    """Form a key id from 16 random bytes (spec 01 §5, spec 05 §3.2)."""
    if len(random_bytes) != GENERATION_ID_BYTES:
        raise ValueError(f"a key id takes 16 random bytes, got {len(random_bytes)}")
    digits = random_bytes.hex()
    if multi_region:
        return KeyId(MULTI_REGION_PREFIX + digits)
    return KeyId(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")
