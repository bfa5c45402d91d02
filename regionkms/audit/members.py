"""Which members of a request or response an audit record shows, and in what form. Pure.

Three allow-lists stand between a secret and the log: the operation's row names members, the table
below names members of structures inside them, and bytes or members that the API model calls
sensitive are never shown, listed or not.

Source: spec 02 §3.2 (requestParameters, date strings), §3.4, §3.5, §3.7.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from regionkms.model import shapes
from regionkms.model.shape import Shape
from regionkms.ports.operation import Audited

Json = str | int | bool | list["Json"] | dict[str, "Json"]
"""A JSON value without null: a member without a value is not shown at all."""

_STRUCTURES: Final[Mapping[type[Shape], tuple[str, ...]]] = {
    shapes.KeyMetadata: (
        "AWSAccountId",
        "KeyId",
        "Arn",
        "CreationDate",
        "Enabled",
        "Description",
        "KeyUsage",
        "KeyState",
        "DeletionDate",
        "ValidTo",
        "Origin",
        "KeyManager",
        "ExpirationModel",
        "CustomerMasterKeySpec",
        "KeySpec",
        "EncryptionAlgorithms",
        "SigningAlgorithms",
        "KeyAgreementAlgorithms",
        "EncapsulationAlgorithms",
        "MacAlgorithms",
        "MultiRegion",
        "CustomKeyStoreId",
        "CloudHsmClusterId",
        "XksKeyConfiguration",
        "MultiRegionConfiguration",
        "PendingDeletionWindowInDays",
    ),
    shapes.XksKeyConfigurationType: ("Id",),
    shapes.MultiRegionConfiguration: ("MultiRegionKeyType", "PrimaryKey", "ReplicaKeys"),
    shapes.MultiRegionKey: ("Arn", "Region"),
    shapes.Tag: ("TagKey", "TagValue"),
    shapes.GrantConstraints: ("EncryptionContextSubset", "EncryptionContextEquals", "SourceArn"),
}
"""Members shown of a structure, in this order; a structure that is not here is never shown."""

_SAME: Final[Mapping[str, str]] = {
    "CustomerMasterKeySpec": "KeySpec",
    "KeySpec": "CustomerMasterKeySpec",
}
"""Two names of one value: what was sent as the one is shown as both (spec 02 §3.4, CreateKey)."""

_MONTHS: Final = "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
_NOON: Final = 12


def lower_camel(wire_name: str) -> str:
    """The name of a member in a record.

    >>> lower_camel("KeyId"), lower_camel("AWSAccountId")
    ('keyId', 'awsAccountId')
    """
    if wire_name.startswith("AWS"):
        return "aws" + wire_name[3:]
    return wire_name[:1].lower() + wire_name[1:]


def human_date(seconds: float) -> str:
    """A date as records show it, in UTC: `Aug 10, 2022, 10:38:27 PM`.

    The month is English whatever the locale. A date that no calendar has is shown as its number.
    """
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return repr(seconds)
    half = "AM" if moment.hour < _NOON else "PM"
    return (
        f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year}, "
        f"{moment.hour % _NOON or _NOON}:{moment:%M:%S} {half}"
    )


def attributes(structure: type[Shape]) -> dict[str, str]:
    """Attributes that may be shown, by wire name; those that the model calls sensitive are out."""
    pairs = zip(structure.__struct_encode_fields__, structure.__struct_fields__, strict=True)
    return {wire: name for wire, name in pairs if name not in structure.hidden}


def visible(value: object) -> Json | None:
    """The JSON form of a member's value; None where there is nothing that may be shown."""
    match value:
        case str() | int():
            return value
        case float():  # the only numbers with a fraction in this API are points in time
            return human_date(value)
        case Mapping():
            return dict(_visible_items(value.items()))
        case list() | tuple():
            return [shown for shown in map(visible, value) if shown is not None]
        case Shape():
            return _members(value, _STRUCTURES.get(type(value), ())) or None
        case _:
            return None


def _visible_items(items: Any) -> Iterator[tuple[str, Json]]:
    for name, value in items:
        shown = visible(value)
        if shown is not None:
            yield str(name), shown


def _members(value: Shape, names: tuple[str, ...]) -> dict[str, Json]:
    known = attributes(type(value))
    listed = ((lower_camel(name), getattr(value, known[name])) for name in names if name in known)
    return dict(_visible_items(listed))


def request_parameters(audited: Audited, request: Shape | None) -> dict[str, Json] | None:
    """The listed members of a request, with their defaults; None when nothing is left."""
    if request is None:
        return None
    known = attributes(type(request))
    parameters: dict[str, Json] = {}
    for name in audited.request:
        shown = _sent(request, known, name)
        if shown is None:
            shown = visible(audited.defaults.get(name))
        if shown is not None:
            parameters[lower_camel(name)] = shown
    return parameters or None


def _sent(request: Shape, known: Mapping[str, str], name: str) -> Json | None:
    for candidate in (name, _SAME.get(name, name)):  # of CreateKey; others have only one of them
        attribute = known.get(candidate)
        value = None if attribute is None else getattr(request, attribute)
        if value is not None:
            return visible(value)
    return None


def response_elements(
    audited: Audited, response: Shape | None, key_arn: str
) -> dict[str, Json] | None:
    """The listed members of a successful response and the ARN fill-in (spec 02 §3.5)."""
    elements = {} if response is None else _members(response, audited.response)
    if audited.key_arn and key_arn:
        elements.setdefault("keyId", key_arn)
    return elements or None


def same_member(names: tuple[str, ...]) -> bool:
    """Whether one of the names may show the value of another member."""
    return any(name in names and other in names for name, other in _SAME.items())


def unknown_members(audited: Audited, request: type[Shape], response: type[Shape] | None) -> str:
    """Listed names that the operation's types do not have, for a message; empty when all fit."""
    unknown = [name for name in audited.request if name not in attributes(request)]
    unknown += [name for name in audited.defaults if name not in audited.request]
    known = {} if response is None else attributes(response)
    unknown += [name for name in audited.response if name not in known]
    return ", ".join(unknown)
