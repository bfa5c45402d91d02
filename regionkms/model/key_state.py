"""Key states: computed from facts, and the table of what each state allows.

The table is spec 02 §9.2 whole, cell by cell, with the footnotes of §9.3 and the rules of §9.4 on
conditional cells. A new operation finds its row here; nobody else branches on a key state.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from regionkms.model.errors import (
    DisabledException,
    KmsError,
    KMSInvalidStateException,
    UnsupportedOperationException,
)
from regionkms.model.ids import KeyArn
from regionkms.model.key import DeletionKind
from regionkms.model.key_spec import Origin


class KeyState(StrEnum):
    """The states of spec 02 §9.1, in the table's column order."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_REPLICA_DELETION = "PendingReplicaDeletion"
    PENDING_IMPORT = "PendingImport"
    UNAVAILABLE = "Unavailable"
    CREATING = "Creating"
    UPDATING = "Updating"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFacts:
    """Independent facts from which the state follows (spec 02 §9.4 S16)."""

    deletion: DeletionKind = DeletionKind.NONE
    creating: bool = False
    updating: bool = False
    unavailable: bool = False
    material_missing: bool = False
    enabled: bool = True


def state_of(facts: StateFacts) -> KeyState:
    """The key state by the precedence of spec 02 §9.4 S16."""
    ranked = (
        (facts.deletion is DeletionKind.PENDING, KeyState.PENDING_DELETION),
        (facts.deletion is DeletionKind.PENDING_REPLICA, KeyState.PENDING_REPLICA_DELETION),
        (facts.creating, KeyState.CREATING),
        (facts.updating, KeyState.UPDATING),
        (facts.unavailable, KeyState.UNAVAILABLE),
        (facts.material_missing, KeyState.PENDING_IMPORT),
        (not facts.enabled, KeyState.DISABLED),
    )
    return next((state for holds, state in ranked if holds), KeyState.ENABLED)


class Cell(Enum):
    """A cell of the table: OK, or the footnote of spec 02 §9.3 that refuses.

    `OR` cells: the key-type check wins over the state check when both apply (S6).
    """

    OK = "succeeds"
    DISABLED = "footnote 1"
    PENDING = "footnote 3 (2 is answered as 3: S7)"
    NOT_PENDING = "footnote 4"
    IMPORT = "footnote 5"
    EXTERNAL = "footnote 6"
    ORIGIN = "footnote 7"
    DISABLED_OR_ORIGIN = "footnote 1 or 7"
    PENDING_OR_ORIGIN = "footnote 3 or 7"
    OK_OR_ORIGIN = "succeeds, footnote 7 for imported or custom-store keys"
    PENDING_OR_IMPORTED_ONLY = "footnote 8 or 9"
    OK_OR_IMPORTED_ONLY = "succeeds, footnote 9 unless the key can have imported material"
    IMPORTED_ONLY = "footnote 9"
    UNAVAILABLE = "footnote 11"
    CREATING = "footnote 14"
    UPDATING = "footnote 15"
    NOT_APPLICABLE = "the state can't arise; see S13"


_OK, _X = Cell.OK, Cell.NOT_APPLICABLE
_Row = tuple[Cell, Cell, Cell, Cell, Cell, Cell, Cell]
"""Enabled, Disabled, pending (replica) deletion, PendingImport, Unavailable, Creating, Updating."""

_ALWAYS: Final[_Row] = (_OK,) * 7
_CRYPTOGRAPHIC: Final[_Row] = (
    _OK, Cell.DISABLED, Cell.PENDING, Cell.IMPORT, Cell.UNAVAILABLE, Cell.CREATING, _OK,
)  # fmt: skip
_UNCUSTOMIZED: Final[_Row] = (
    _OK, Cell.DISABLED, Cell.PENDING, Cell.IMPORT, _X, Cell.CREATING, _OK,
)  # fmt: skip
_UNLESS_PENDING: Final[_Row] = (_OK, _OK, Cell.PENDING, _OK, _OK, _OK, _OK)
_SWITCH: Final[_Row] = (
    _OK, _OK, Cell.PENDING, Cell.IMPORT, _OK, Cell.CREATING, Cell.UPDATING,
)  # fmt: skip
_ROTATION_SWITCH: Final[_Row] = (
    Cell.OK_OR_ORIGIN, Cell.DISABLED_OR_ORIGIN, Cell.PENDING_OR_ORIGIN, Cell.EXTERNAL, Cell.ORIGIN,
    Cell.CREATING, Cell.OK_OR_ORIGIN,
)  # fmt: skip
_IMPORT: Final[_Row] = (
    Cell.OK_OR_IMPORTED_ONLY, Cell.OK_OR_IMPORTED_ONLY, Cell.PENDING_OR_IMPORTED_ONLY, _OK,
    Cell.IMPORTED_ONLY, Cell.CREATING, Cell.OK_OR_IMPORTED_ONLY,
)  # fmt: skip

STATE_TABLE: Final[MappingProxyType[str, _Row]] = MappingProxyType(
    {
        "CancelKeyDeletion": (
            Cell.NOT_PENDING, Cell.NOT_PENDING, _OK, Cell.NOT_PENDING, Cell.NOT_PENDING,
            Cell.NOT_PENDING, Cell.NOT_PENDING,
        ),
        "CreateAlias": _UNLESS_PENDING,
        "CreateGrant": (
            _OK, Cell.DISABLED, Cell.PENDING, Cell.IMPORT, _OK, Cell.CREATING, _OK,
        ),
        "Decrypt": _CRYPTOGRAPHIC,
        "DeleteAlias": _ALWAYS,
        "DeleteImportedKeyMaterial": (
            Cell.OK_OR_IMPORTED_ONLY, Cell.OK_OR_IMPORTED_ONLY, Cell.OK_OR_IMPORTED_ONLY, _OK,
            Cell.IMPORTED_ONLY, Cell.CREATING, Cell.UPDATING,
        ),
        "DescribeKey": _ALWAYS,
        "DisableKey": _SWITCH,
        "DisableKeyRotation": _ROTATION_SWITCH,
        "EnableKey": _SWITCH,
        "EnableKeyRotation": _ROTATION_SWITCH,
        "Encrypt": _CRYPTOGRAPHIC,
        "GenerateDataKey": _CRYPTOGRAPHIC,
        "GenerateDataKeyPair": _CRYPTOGRAPHIC,
        "GenerateDataKeyPairWithoutPlaintext": _CRYPTOGRAPHIC,
        "GenerateDataKeyWithoutPlaintext": _CRYPTOGRAPHIC,
        "GenerateMac": _UNCUSTOMIZED,
        "GetKeyPolicy": _ALWAYS,
        "GetKeyRotationStatus": (
            Cell.OK_OR_ORIGIN, Cell.OK_OR_ORIGIN, Cell.OK_OR_ORIGIN, Cell.EXTERNAL, Cell.ORIGIN,
            Cell.OK_OR_ORIGIN, Cell.OK_OR_ORIGIN,
        ),
        "GetParametersForImport": (*_IMPORT[:6], Cell.UPDATING),
        "GetPublicKey": _UNCUSTOMIZED,
        "ImportKeyMaterial": _IMPORT,
        "ListAliases": _ALWAYS,
        "ListGrants": _ALWAYS,
        "ListKeyPolicies": _ALWAYS,
        "ListResourceTags": _ALWAYS,
        "PutKeyPolicy": _ALWAYS,
        "ReEncrypt": _CRYPTOGRAPHIC,
        "ReplicateKey": (
            _OK, Cell.DISABLED, Cell.PENDING, Cell.IMPORT, _X, Cell.CREATING, Cell.UPDATING,
        ),
        "RetireGrant": _ALWAYS,
        "RevokeGrant": _ALWAYS,
        "ScheduleKeyDeletion": (_OK, _OK, Cell.PENDING, _OK, _OK, _OK, Cell.UPDATING),
        "Sign": _UNCUSTOMIZED,
        "TagResource": _UNLESS_PENDING,
        "UntagResource": _UNLESS_PENDING,
        # The table's `?` for UpdateAlias speaks of the new target only (footnote 10, S14).
        "UpdateAlias": _UNLESS_PENDING,
        "UpdateKeyDescription": _UNLESS_PENDING,
        "UpdatePrimaryRegion": _UNCUSTOMIZED,
        "Verify": _UNCUSTOMIZED,
        "VerifyMac": _UNCUSTOMIZED,
    }
)  # fmt: skip
"""What each operation meets in each state; the columns are those of `_Row`."""

_COLUMN: Final = MappingProxyType(
    {
        KeyState.ENABLED: 0,
        KeyState.DISABLED: 1,
        KeyState.PENDING_DELETION: 2,
        KeyState.PENDING_REPLICA_DELETION: 2,
        KeyState.PENDING_IMPORT: 3,
        KeyState.UNAVAILABLE: 4,
        KeyState.CREATING: 5,
        KeyState.UPDATING: 6,
    }
)
_PENDING_WORDS: Final = MappingProxyType(
    {
        KeyState.PENDING_DELETION: "pending deletion",
        KeyState.PENDING_REPLICA_DELETION: "pending replica deletion",
    }
)
_CUSTOM_STORE: Final = frozenset({Origin.AWS_CLOUDHSM, Origin.EXTERNAL_KEY_STORE})
_STATE_REFUSALS: Final[MappingProxyType[Cell, tuple[type[KmsError], str]]] = MappingProxyType(
    {
        Cell.DISABLED: (DisabledException, "disabled"),
        Cell.DISABLED_OR_ORIGIN: (DisabledException, "disabled"),
        Cell.PENDING: (KMSInvalidStateException, ""),
        Cell.PENDING_OR_ORIGIN: (KMSInvalidStateException, ""),
        Cell.PENDING_OR_IMPORTED_ONLY: (KMSInvalidStateException, ""),
        Cell.NOT_PENDING: (KMSInvalidStateException, "not pending deletion"),
        Cell.IMPORT: (KMSInvalidStateException, "pending import"),
        Cell.UNAVAILABLE: (KMSInvalidStateException, "unavailable"),
        Cell.IMPORTED_ONLY: (KMSInvalidStateException, "unavailable"),
        Cell.NOT_APPLICABLE: (KMSInvalidStateException, "unavailable"),
        Cell.CREATING: (KMSInvalidStateException, "creating"),
        Cell.UPDATING: (KMSInvalidStateException, "updating"),
    }
)
"""The error and the words of each footnote; empty words: which deletion is pending."""


def cell(operation: str, state: KeyState) -> Cell:
    """The table's cell for an operation in a state."""
    return STATE_TABLE[operation][_COLUMN[state]]


def refusal(operation: str, state: KeyState, origin: Origin, arn: KeyArn) -> KmsError | None:
    """The error that an operation meets, or None where the state allows it.

    Args:
        operation: An API operation with a row in STATE_TABLE.
        state: The key's state.
        origin: The key's origin; decides the conditional cells.
        arn: Named in the message, whatever identifier the caller sent (spec 02 §9.5).
    """
    found = cell(operation, state)
    if found is Cell.OK:
        return None
    return _by_origin(found, origin, arn) or _by_state(found, state, arn)


def _by_origin(found: Cell, origin: Origin, arn: KeyArn) -> KmsError | None:
    wrong_origin = UnsupportedOperationException(
        f"{arn} origin is {origin.value} which is not valid for this operation."
    )
    match found:
        case Cell.ORIGIN | Cell.OK_OR_ORIGIN | Cell.DISABLED_OR_ORIGIN | Cell.PENDING_OR_ORIGIN if (
            origin is not Origin.AWS_KMS
        ):
            return wrong_origin
        case Cell.EXTERNAL | Cell.ORIGIN:
            return wrong_origin
        case Cell.OK_OR_IMPORTED_ONLY | Cell.PENDING_OR_IMPORTED_ONLY | Cell.IMPORTED_ONLY if (
            origin is not Origin.EXTERNAL
        ):
            return wrong_origin
        case Cell.NOT_APPLICABLE if origin in _CUSTOM_STORE:
            return wrong_origin
        case _:
            return None


def _by_state(found: Cell, state: KeyState, arn: KeyArn) -> KmsError | None:
    row = _STATE_REFUSALS.get(found)
    if row is None:
        return None
    error, words = row
    return error(f"{arn} is {words or _PENDING_WORDS[state]}.")
