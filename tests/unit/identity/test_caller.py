import pytest

from regionkms.identity.caller import root_caller
from regionkms.identity.sigv4 import SignatureForm, Verified
from regionkms.model.ids import AccountId, RegionName
from regionkms.policy.principal import PrincipalKind

VERIFIED = Verified(
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    account_id=AccountId("111122223333"),
    service="kms",
    region=RegionName("us-east-1"),
    form=SignatureForm.HEADER,
)


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_an_access_key_signs_as_the_root_user_of_its_account(region: str, partition: str) -> None:
    caller = root_caller(VERIFIED, RegionName(region))

    assert caller.kind is PrincipalKind.ROOT
    assert caller.arn == f"arn:{partition}:iam::111122223333:root"
    assert caller.account_id == caller.principal_id == "111122223333"
    assert caller.partition == partition
    assert caller.access_key_id == "AKIAIOSFODNN7EXAMPLE"
    assert caller.principal.account_arn == caller.arn
