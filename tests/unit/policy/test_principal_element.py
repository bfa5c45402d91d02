"""The Principal element (spec 03 §4.3)."""

from typing import Any

import pytest

from regionkms.model.errors import MalformedPolicyDocumentException
from regionkms.policy.principal_element import parse_principal


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:user/Alice",
        "arn:aws:iam::111122223333:user/division_abc/subdivision/Alice@example.com",
        "arn:aws:iam::111122223333:role/aws-service-role/mrk.kms.amazonaws.com/AWSServiceRole",
        "arn:aws-cn:iam::111122223333:role/X",
        "arn:aws-us-gov:sts::111122223333:assumed-role/Role/session.name@x",
        "arn:aws:sts::111122223333:federated-user/Bob",
    ],
)
def test_any_well_formed_identity_is_accepted(arn: str) -> None:
    assert parse_principal({"AWS": arn}, "P").arns == {arn}


@pytest.mark.parametrize("account", ["111122223333", "arn:aws:iam::111122223333:root"])
def test_an_account_is_named_by_its_id_or_its_arn(account: str) -> None:
    assert parse_principal({"AWS": [account]}, "P").accounts == {account}


@pytest.mark.parametrize("value", ["*", {"AWS": "*"}, {"AWS": ["*", "111122223333"]}])
def test_a_star_is_everyone(value: Any) -> None:
    assert parse_principal(value, "P").everyone


@pytest.mark.parametrize(
    "name",
    ["ec2.amazonaws.com", "logs.us-west-2.amazonaws.com", "ec2.amazonaws.com.cn", "x.amazon.com"],
)
def test_services_are_named(name: str) -> None:
    assert parse_principal({"Service": [name]}, "P").services == {name}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("arn:aws:iam::111122223333:root", r'P: must be "\*" or an object'),
        ("", "P: must be"),
        ([], "P: must be"),
        (5, "P: must be"),
        ({}, "P: must be"),
        ({"aws": "*"}, 'P: a key policy has no principals of type "aws"'),
        ({"Federated": "cognito-identity.amazonaws.com"}, 'of type "Federated"'),
        ({"CanonicalUser": "79a5"}, 'of type "CanonicalUser"'),
        ({"AWS": []}, "P: names no principal"),
        ({"AWS": 111122223333}, "P.AWS: "),
        ({"AWS": {}}, "P.AWS: must be a string or an array of strings"),
        ({"AWS": [None]}, "P.AWS: must be a string or an array of strings"),
        ({"AWS": ""}, "P.AWS: .* well-formed ARN"),
        ({"AWS": "11112222333"}, "P.AWS: .* is no account, user, role"),
        ({"AWS": "arn:aws:iam::11112222333:root"}, "P.AWS: .* is no account"),
        ({"AWS": "arn:aws:iam::111122223333:user/*"}, "P.AWS: .* is no account"),
        ({"AWS": "arn:aws:iam::111122223333:user/"}, "P.AWS: .* is no account"),
        ({"AWS": "arn:aws:iam::111122223333:user//Alice"}, "P.AWS: .* is no account"),
        ({"AWS": "arn:aws:iam::111122223333:role/${aws:username}"}, "P.AWS: .* is no account"),
        ({"AWS": "arn:aws:sts::111122223333:assumed-role/Role"}, "P.AWS: .* is no account"),
        ({"AWS": "arn:aws:s3:::bucket"}, "P.AWS: .* is no account"),
        ({"AWS": "AIDACKCEVSQ6C2EXAMPLE"}, "P.AWS: .* is no account"),
        (
            {"AWS": "arn:aws:iam::111122223333:group/G"},
            "P.AWS: .*group/G\" is a group; a group can't be a principal",
        ),
        ({"Service": "*"}, "P.Service: .* is no name of an AWS service"),
        ({"Service": "cloudtrail"}, "P.Service: .* is no name"),
        ({"Service": "cloudtrail.example.com"}, "P.Service: .* is no name"),
        ({"Service": [7]}, "P.Service: must be a string"),
    ],
)
def test_other_principals_are_refused(value: Any, message: str) -> None:
    with pytest.raises(MalformedPolicyDocumentException, match=message):
        parse_principal(value, "P")
