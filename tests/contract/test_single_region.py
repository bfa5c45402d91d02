"""ReplicateKey on a node without etcd: what can be said without another Region, is said."""

from typing import Any

import pytest

from tests.contract.calls import Scene
from tests.support.node import REGION, RunningNode, refused


@pytest.fixture(scope="module")
def primary(node: RunningNode) -> Scene:
    return Scene(node.client(), multi_region=True)


def test_a_key_that_is_no_multi_region_key_is_not_replicated(kms: Any, key: dict[str, Any]) -> None:
    with refused("UnsupportedOperationException", f"{key['Arn']} is not a multi-Region key."):
        kms.replicate_key(KeyId=key["KeyId"], ReplicaRegion="us-east-1")


def test_a_region_alone_has_nobody_to_replicate_to(kms: Any, primary: Scene) -> None:
    with refused(
        "UnsupportedOperationException",
        f"The Region {REGION} is not part of a cluster: it has no other Region to replicate to.",
    ):
        kms.replicate_key(KeyId=primary.key_id, ReplicaRegion="us-east-1")
    metadata = kms.describe_key(KeyId=primary.key_id)["KeyMetadata"]
    assert metadata["MultiRegionConfiguration"]["ReplicaKeys"] == []
    kms.encrypt(KeyId=primary.key_id, Plaintext=b"x")


@pytest.mark.parametrize("form", ["alias", "alias_arn"])
def test_an_alias_does_not_name_the_key_to_replicate(kms: Any, primary: Scene, form: str) -> None:
    named = getattr(primary, form)
    with refused("NotFoundException", f"Invalid keyId '{named}'"):
        kms.replicate_key(KeyId=named, ReplicaRegion="us-east-1")


def test_another_account_may_never_replicate(stranger: Any, primary: Scene) -> None:
    with refused("AccessDeniedException"):
        stranger.replicate_key(KeyId=primary.arn, ReplicaRegion="us-east-1")


def test_a_disabled_primary_is_not_replicated(kms: Any) -> None:
    scene = Scene(kms, multi_region=True)
    kms.disable_key(KeyId=scene.key_id)
    with refused("DisabledException", f"{scene.arn} is disabled."):
        kms.replicate_key(KeyId=scene.key_id, ReplicaRegion="us-east-1")


def test_a_replica_region_is_required_and_has_a_form(unchecked: Any, primary: Scene) -> None:
    for members in ({}, {"ReplicaRegion": ""}, {"ReplicaRegion": "not a Region!"}):
        with refused("ValidationException") as facts:
            unchecked.replicate_key(KeyId=primary.key_id, **members)
        assert "'replicaRegion'" in facts["Error"]["Message"]
