"""Scheduling and cancelling the deletion of a KMS key (spec 02 §10)."""

import time
from typing import Any

import pytest

from tests.contract.calls import Scene
from tests.support.node import refused

DAY_S = 86_400


@pytest.mark.feature("F02-17")
@pytest.mark.parametrize("days", [7, 8, 30])
def test_a_window_of_7_to_30_days_is_taken(kms: Any, key: dict[str, Any], days: int) -> None:
    earliest = time.time()
    answer = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    latest = time.time()
    assert answer["KeyId"] == key["Arn"]
    assert answer["KeyState"] == "PendingDeletion"
    assert answer["PendingWindowInDays"] == days
    date = answer["DeletionDate"].timestamp()
    assert earliest + days * DAY_S - 1 <= date <= latest + (days + 1) * DAY_S
    metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert metadata["DeletionDate"] == answer["DeletionDate"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("PendingDeletion", False)
    assert "PendingDeletionWindowInDays" not in metadata


@pytest.mark.feature("F02-17")
def test_the_default_window_is_30_days(kms: Any, key: dict[str, Any]) -> None:
    answer = kms.schedule_key_deletion(KeyId=key["Arn"])
    assert answer["PendingWindowInDays"] == 30
    assert answer["DeletionDate"].timestamp() >= time.time() + 30 * DAY_S - 60


@pytest.mark.feature("F02-17")
@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_another_window_is_refused_and_changes_nothing(
    kms: Any, key: dict[str, Any], days: int
) -> None:
    with refused(
        "ValidationException", f"PendingWindowInDays must be between 7 and 30, got {days}."
    ):
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key


@pytest.mark.parametrize(("days", "bound"), [(0, "greater than or equal to 1"), (366, "365")])
def test_a_window_outside_of_the_models_range_names_the_member(
    unchecked: Any, key: dict[str, Any], days: int, bound: str
) -> None:
    with refused("ValidationException") as facts:
        unchecked.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    message = facts["Error"]["Message"]
    assert f"Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint" in message
    assert bound in message


@pytest.mark.feature("F02-17")
def test_a_cancelled_key_is_disabled_and_whole(kms: Any) -> None:
    scene = Scene(kms)
    before = scene.snapshot()
    kms.schedule_key_deletion(KeyId=scene.key_id, PendingWindowInDays=7)
    answer = kms.cancel_key_deletion(KeyId=scene.key_id)
    assert answer["KeyId"] == scene.arn
    after = scene.snapshot()
    assert after["metadata"] == before["metadata"] | {"KeyState": "Disabled", "Enabled": False}
    assert {**after, "metadata": None} == {**before, "metadata": None}
    with refused("DisabledException", f"{scene.arn} is disabled."):
        kms.encrypt(KeyId=scene.key_id, Plaintext=b"x")
    kms.enable_key(KeyId=scene.key_id)
    kms.encrypt(KeyId=scene.key_id, Plaintext=b"x")


def test_a_window_changes_only_by_cancelling_first(kms: Any, key: dict[str, Any]) -> None:
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    before = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=30)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == before
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=30)


def test_a_key_pending_deletion_is_listed_still(kms: Any, key: dict[str, Any]) -> None:
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    listed = [
        entry["KeyId"]
        for page in kms.get_paginator("list_keys").paginate()
        for entry in page["Keys"]
    ]
    assert key["KeyId"] in listed


@pytest.mark.parametrize("operation", ["schedule_key_deletion", "cancel_key_deletion"])
def test_a_multi_region_key_is_not_deleted_by_this_release(kms: Any, operation: str) -> None:
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]
    with refused(
        "UnsupportedOperationException"
        if operation.startswith("s")
        else ("KMSInvalidStateException")
    ):
        getattr(kms, operation)(KeyId=key["KeyId"])
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
