"""The default key policy (spec 03 §4.4)."""

from regionkms.policy.default import default_policy
from tests.support.policies import OWNER

_EXACT = """{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : { "AWS" : "arn:aws:iam::111122223333:root" },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}"""


def test_the_text_is_exact() -> None:
    assert default_policy(OWNER) == _EXACT


def test_the_partition_is_that_of_the_region() -> None:
    assert default_policy(OWNER, "aws-cn") == _EXACT.replace("arn:aws:", "arn:aws-cn:")
