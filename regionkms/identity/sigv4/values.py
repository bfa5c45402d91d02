"""What signature verification takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from regionkms.model.ids import AccountId, RegionName, partition_of
from regionkms.ports.directory import KnownKey

KMS: Final = "kms"
STS: Final = "sts"
IAM: Final = "iam"

_IAM_REGIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
)
"""The Region that clients of the global service IAM sign for, by partition (botocore's model)."""

SessionLookup = Callable[[str, bytes], KnownKey | None]
"""(access key id, session token) -> temporary credentials, expired ones included, or None."""


class HttpRequest(Protocol):
    """A request as the HTTP layer read it.

    Header names are lower-case; repeated headers are joined by `,` in the order they came; values
    hold no CR, LF or NUL and no space at their ends. The HTTP layer sees to that.
    """

    @property
    def method(self) -> str:
        """Such as `POST`."""

    @property
    def target(self) -> bytes:
        """Path and query, undecoded."""

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Every header."""

    @property
    def body(self) -> bytes:
        """The whole body, without transfer coding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningScope:
    """What a credential scope may name here.

    Attributes:
        main: The SigV4 service name that refusals tell.
        services: SigV4 service name to the Regions that requests to it may be signed for; has
            `main`.
    """

    main: str
    services: Mapping[str, frozenset[str]]


def signing_scope(region: RegionName) -> SigningScope:
    """The scope of a Region's endpoint: its own name for everything, IAM's home too for IAM.

    A request signed for another Region is thus never good here (design §5 step 2).
    """
    own = frozenset({region})
    home = frozenset({_IAM_REGIONS.get(partition_of(region), region)})
    services = MappingProxyType({KMS: own, STS: own, IAM: own | home})
    return SigningScope(main=KMS, services=services)


class SignatureForm(StrEnum):
    """Where a request carries its signature; the values are CloudTrail's `authType` family."""

    HEADER = "AuthHeader"
    QUERY = "QueryString"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Who signed a request.

    Attributes:
        service: SigV4 service name of the credential scope.
        region: Region of the credential scope.
        session_token: Of temporary credentials; None for long-term ones.
    """

    access_key_id: str
    account_id: AccountId
    service: str
    region: RegionName
    form: SignatureForm
    session_token: bytes | None = field(default=None, repr=False)
