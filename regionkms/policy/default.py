"""The key policy of a key that was made without one.

Source: spec 03 §4.4 (exact text, spacing included), KP-3, KP-23.
"""

from regionkms.model.ids import AccountId

_TEMPLATE = """{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{ "AWS" : "arn:{partition}:iam::{account_id}:root" }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"""


def default_policy(account_id: AccountId, partition: str = "aws") -> str:
    """The default key policy of an account's keys, in the partition of the key's Region."""
    return _TEMPLATE.format(partition=partition, account_id=account_id)
