"""The key-state table (spec 02 §9.2), cell by cell, for every offered operation and state that can
arise in one Region: Enabled, Disabled and PendingDeletion."""

from typing import Any, Final

import pytest

from tests.contract.calls import CONTEXT, ROWS, Row, Scene, put_into
from tests.contract.state_table import STATE_TABLE
from tests.support.node import refused

COLUMNS: Final = {"Enabled": 0, "Disabled": 1, "PendingDeletion": 2}
REFUSALS: Final = {
    "X [1]": ("DisabledException", "is disabled."),
    "X [3]": ("KMSInvalidStateException", "is pending deletion."),
    "X [2] or [3]": ("KMSInvalidStateException", "is pending deletion."),
    "X [4]": ("KMSInvalidStateException", "is not pending deletion."),
    "? [10]": ("KMSInvalidStateException", "is pending deletion."),
}
"""What a cell answers; of `[2] or [3]` the class is [3] for every operation (spec 02 S7)."""
CELLS: Final = [
    pytest.param(row, state, STATE_TABLE[row.operation][column], id=f"{row.name}-{state}")
    for row in ROWS
    for state, column in COLUMNS.items()
]


@pytest.mark.feature("F02-22")
@pytest.mark.parametrize(("row", "state", "cell"), CELLS)
def test_an_operation_meets_the_cell_of_the_table(
    kms: Any, row: Row, state: str, cell: str
) -> None:
    scene = Scene(kms)
    request = row.request(scene)
    put_into(state, scene)
    before = scene.snapshot()
    assert before["metadata"]["KeyState"] == state
    assert before["metadata"]["Enabled"] is (state == "Enabled")
    if cell == "OK":
        row.send(kms, request)
        return
    code, words = REFUSALS[cell]
    with refused(code, f"{scene.arn} {words}"):
        row.send(kms, request)
    assert scene.snapshot() == before


@pytest.mark.feature("F02-22")
def test_a_state_refusal_names_the_key_arn_when_an_alias_was_sent(kms: Any) -> None:
    scene = Scene(kms)
    put_into("Disabled", scene)
    for named in (scene.alias, scene.alias_arn):
        with refused("DisabledException", f"{scene.arn} is disabled."):
            kms.encrypt(KeyId=named, Plaintext=b"x")


def test_delete_alias_works_in_every_state(kms: Any) -> None:
    for state in COLUMNS:
        scene = Scene(kms)
        put_into(state, scene)
        kms.delete_alias(AliasName=scene.alias)
        assert scene.snapshot()["aliases"] == []


def test_an_alias_moves_away_from_a_key_that_is_pending_deletion(kms: Any) -> None:
    scene = Scene(kms)
    put_into("PendingDeletion", scene)
    kms.update_alias(AliasName=scene.alias, TargetKeyId=scene.other["KeyId"])
    assert kms.describe_key(KeyId=scene.alias)["KeyMetadata"]["KeyId"] == scene.other["KeyId"]


@pytest.mark.feature("F01-07", "F01-48")
def test_a_data_key_in_use_outlives_the_disabling_of_its_kms_key(kms: Any) -> None:
    scene = Scene(kms)
    made = kms.generate_data_key(KeyId=scene.key_id, KeySpec="AES_256")
    kms.disable_key(KeyId=scene.key_id)
    with refused("DisabledException", f"{scene.arn} is disabled."):
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"])
    kms.enable_key(KeyId=scene.key_id)
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]


@pytest.mark.feature("F01-48")
def test_enable_and_disable_have_empty_answers_and_repeat_without_error(kms: Any) -> None:
    scene = Scene(kms)
    for _ in range(2):
        assert set(kms.disable_key(KeyId=scene.key_id)) == {"ResponseMetadata"}
    metadata = kms.describe_key(KeyId=scene.key_id)["KeyMetadata"]
    assert (metadata["Enabled"], metadata["KeyState"]) == (False, "Disabled")
    for _ in range(2):
        assert set(kms.enable_key(KeyId=scene.key_id)) == {"ResponseMetadata"}
    metadata = kms.describe_key(KeyId=scene.key_id)["KeyMetadata"]
    assert (metadata["Enabled"], metadata["KeyState"]) == (True, "Enabled")
    opened = kms.decrypt(CiphertextBlob=scene.blob, EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == b"attack at dawn"
