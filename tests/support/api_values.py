"""Hypothesis strategies for requests and responses, from botocore's model of KMS.

They are the oracle of regionkms' generated types, so they do not look at those types.
"""

from typing import Any, Final

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from hypothesis import strategies as st

SERVICE: Final = botocore.session.get_session().get_service_model("kms")
OPERATION_NAMES: Final = tuple(sorted(SERVICE.operation_names))

_HEX: Final = "0123456789abcdef"
_NAME: Final = "abcXYZ019:/_-"
_REGIONS: Final = ("us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1")

# One strategy per pattern of the model: each makes values of every length that its shape allows
# cheaply, which generating from the pattern and filtering by length does not.
_PATTERNED: Final[dict[str, st.SearchStrategy[str]]] = {
    "AccountIdType": st.text("0123456789", min_size=12, max_size=12),
    "AliasNameType": st.text(_NAME, min_size=1, max_size=256),
    "BackingKeyIdType": st.text(_HEX, min_size=64, max_size=64),
    "BackingKeyIdResponseType": st.text(_HEX, min_size=1, max_size=64),
    "CloudHsmClusterIdType": st.text("234567abXY", min_size=11, max_size=16).map(
        "cluster-".__add__
    ),
    "GrantConstraintSourceArnType": st.text(_NAME, min_size=1, max_size=400).map(
        "arn:aws:s3::111122223333:".__add__
    ),
    "GrantNameType": st.text(_NAME, min_size=1, max_size=256),
    "KeyMaterialDescriptionType": st.text(_NAME + " .", min_size=1, max_size=256),
    "MarkerType": st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1),
    "PolicyNameType": st.text("abcXYZ019_", min_size=1, max_size=128),
    "PolicyType": st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1),
    "PrincipalIdType": st.text(_NAME + "+=,.@", min_size=1, max_size=256),
    "RegionType": st.sampled_from(_REGIONS),
    "ServicePrincipalType": st.sampled_from(("s3.amazonaws.com", "kms.eu-west-1.amazonaws.com")),
    "XksKeyIdType": st.text("abcXYZ019-_.", min_size=1, max_size=128),
    "XksProxyAuthenticationAccessKeyIdType": st.text("ABZ237", min_size=20, max_size=30),
    "XksProxyAuthenticationRawSecretAccessKeyType": st.text("abZ09/+=", min_size=43, max_size=64),
    "XksProxyUriEndpointType": st.text("abcXYZ019.-", min_size=2, max_size=100).map(
        "https://".__add__
    ),
    "XksProxyUriPathType": st.sampled_from(("/kms/xks/v1", "/tenant/kms/xks/v1")),
    "XksProxyVpcEndpointServiceNameType": st.just("com.amazonaws.vpce.us-east-1.vpce-svc-0a1b2c3d"),
}

_MOST: Final = 40
"""Longest plain text, blob or list that is generated, where the model has no smaller bound."""


def operation(name: str) -> OperationModel:
    """Return botocore's model of an operation."""
    return SERVICE.operation_model(name)


def requests(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Make parameters of requests, with or without each optional member."""
    shape = operation(name).input_shape
    assert shape is not None
    return values(shape)


def responses(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Make members of responses of an operation that answers with a body."""
    shape = operation(name).output_shape
    assert shape is not None
    return values(shape)


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Make values of a shape, its constraints met."""
    match shape:
        case StructureShape():
            members = {name: values(member) for name, member in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case ListShape():
            longest = min(int(shape.metadata.get("max", 3)), 3)
            return st.lists(values(shape.member), min_size=_least(shape), max_size=longest)
        case MapShape():
            return st.dictionaries(values(shape.key), values(shape.value), max_size=3)
        case _:
            return _simple(shape)


def _simple(shape: Shape) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one per type
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    if "pattern" in shape.metadata:
        return _PATTERNED[shape.name]
    match shape.type_name:
        case "string":
            return st.text(_CHARACTERS, min_size=_least(shape), max_size=_most(shape))
        case "blob":
            return st.binary(min_size=_least(shape), max_size=_most(shape))
        case "integer":
            return st.integers(shape.metadata.get("min", 0), shape.metadata.get("max", 10**6))
        case "timestamp":
            return st.integers(0, 4_000_000_000)
        case "boolean":
            return st.booleans()
        case other:
            raise AssertionError(f"no strategy for {other}")


_CHARACTERS: Final = st.characters(codec="utf-8")


def _least(shape: Shape) -> int:
    return int(shape.metadata.get("min", 0))


def _most(shape: Shape) -> int:
    return min(int(shape.metadata.get("max", _MOST)), max(_MOST, _least(shape)))
