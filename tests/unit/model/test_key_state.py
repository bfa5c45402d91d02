"""Every cell of the key-state table, against the table as the specification prints it."""

import re
from itertools import product
from typing import Any, Final

import pytest

from regionkms.model.errors import (
    DisabledException,
    KMSInvalidStateException,
    UnsupportedOperationException,
)
from regionkms.model.ids import KeyArn
from regionkms.model.key import DeletionKind
from regionkms.model.key_spec import Origin
from regionkms.model.key_state import (
    STATE_TABLE,
    Cell,
    KeyState,
    StateFacts,
    cell,
    refusal,
    state_of,
)
from tests.contract.state_table import STATE_TABLE as PRINTED

ARN: Final = KeyArn("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
COLUMNS: Final = (
    (KeyState.ENABLED,),
    (KeyState.DISABLED,),
    (KeyState.PENDING_DELETION, KeyState.PENDING_REPLICA_DELETION),
    (KeyState.PENDING_IMPORT,),
    (KeyState.UNAVAILABLE,),
    (KeyState.CREATING,),
    (KeyState.UPDATING,),
)
# One footnote each, for a key whose type fits the operation.
STATE_FOOTNOTES: Final = {
    1: (DisabledException, "is disabled."),
    3: (KMSInvalidStateException, "is pending {replica}deletion."),
    4: (KMSInvalidStateException, "is not pending deletion."),
    5: (KMSInvalidStateException, "is pending import."),
    8: (KMSInvalidStateException, "is pending {replica}deletion."),
    11: (KMSInvalidStateException, "is unavailable."),
    14: (KMSInvalidStateException, "is creating."),
    15: (KMSInvalidStateException, "is updating."),
}
TYPE_FOOTNOTES: Final = {6, 7, 9}
IMPORT_OPERATIONS: Final = {
    "GetParametersForImport",
    "ImportKeyMaterial",
    "DeleteImportedKeyMaterial",
}


def footnotes(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\[(\d+)\]", text)]


def test_the_table_has_a_row_for_each_printed_operation_and_no_other() -> None:
    assert set(STATE_TABLE) == set(PRINTED)


@pytest.mark.parametrize(
    ("operation", "column"), list(product(sorted(PRINTED), range(len(COLUMNS))))
)
def test_a_fitting_key_meets_what_the_cell_prints(operation: str, column: int) -> None:
    printed = PRINTED[operation][column]
    origin = Origin.EXTERNAL if operation in IMPORT_OPERATIONS else Origin.AWS_KMS
    for state in COLUMNS[column]:
        error = refusal(operation, state, origin, ARN)
        notes = [note for note in footnotes(printed) if note in STATE_FOOTNOTES]
        if operation == "UpdateAlias" and column == 2:
            notes = [3]  # footnote 10: the row of the state table is about the new target
        if printed.startswith(("OK", "?")) and not notes:
            assert error is None
        elif printed == "N/A":
            assert cell(operation, state) in {Cell.NOT_APPLICABLE, Cell.IMPORT, Cell.IMPORTED_ONLY}
        elif state is KeyState.UNAVAILABLE and origin is Origin.EXTERNAL:
            # No imported key lives in a custom key store (9.4 has no cell here); a multi-Region
            # key in a store that was replaced is unavailable, whatever its origin.
            assert isinstance(error, KMSInvalidStateException)
        elif not notes:
            assert isinstance(error, UnsupportedOperationException)  # 6, 7 or 9 alone
            assert set(footnotes(printed)) <= TYPE_FOOTNOTES
        else:
            expected, words = STATE_FOOTNOTES[notes[-1] if notes[-1] != 2 else 3]
            replica = "replica " if state is KeyState.PENDING_REPLICA_DELETION else ""
            assert isinstance(error, expected)
            assert error.message == f"{ARN} {words.format(replica=replica)}"


@pytest.mark.parametrize("operation", ["EnableKeyRotation", "DisableKeyRotation"])
@pytest.mark.parametrize("origin", [Origin.EXTERNAL, Origin.AWS_CLOUDHSM])
@pytest.mark.parametrize(
    "state", [KeyState.ENABLED, KeyState.DISABLED, KeyState.PENDING_DELETION, KeyState.UPDATING]
)
def test_the_key_type_is_refused_before_the_state(
    operation: str, origin: Origin, state: KeyState
) -> None:
    error = refusal(operation, state, origin, ARN)
    assert isinstance(error, UnsupportedOperationException)
    assert error.message == f"{ARN} origin is {origin} which is not valid for this operation."


@pytest.mark.parametrize("operation", sorted(IMPORT_OPERATIONS))
@pytest.mark.parametrize("state", [KeyState.ENABLED, KeyState.DISABLED, KeyState.PENDING_DELETION])
def test_import_operations_refuse_keys_of_other_origin(operation: str, state: KeyState) -> None:
    error = refusal(operation, state, Origin.AWS_KMS, ARN)
    assert isinstance(error, UnsupportedOperationException)


def test_states_follow_from_facts_by_precedence() -> None:
    everything: dict[str, Any] = {
        "creating": True,
        "updating": True,
        "unavailable": True,
        "material_missing": True,
        "enabled": False,
    }
    assert state_of(StateFacts(deletion=DeletionKind.PENDING, **everything)) is (
        KeyState.PENDING_DELETION
    )
    assert state_of(StateFacts(deletion=DeletionKind.PENDING_REPLICA, **everything)) is (
        KeyState.PENDING_REPLICA_DELETION
    )
    ranked = (
        ("creating", KeyState.CREATING),
        ("updating", KeyState.UPDATING),
        ("unavailable", KeyState.UNAVAILABLE),
        ("material_missing", KeyState.PENDING_IMPORT),
    )
    for fact, state in ranked:
        assert state_of(StateFacts(**everything)) is state
        del everything[fact]
    assert state_of(StateFacts(enabled=False)) is KeyState.DISABLED
    assert state_of(StateFacts()) is KeyState.ENABLED
