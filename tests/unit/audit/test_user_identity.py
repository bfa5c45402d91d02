from regionkms.audit.user_identity import internal_identity, user_identity
from regionkms.policy.principal import NO_ACCOUNT, Principal, PrincipalKind, root_user
from tests.support.audit import ACCOUNT

_ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"


def test_a_root_user_is_root() -> None:
    assert user_identity(root_user(ACCOUNT), _ACCESS_KEY) == {
        "type": "Root",
        "principalId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "accountId": ACCOUNT,
        "accessKeyId": _ACCESS_KEY,
    }


def test_a_user_has_a_name_without_its_path() -> None:
    user = Principal(
        kind=PrincipalKind.USER,
        arn=f"arn:aws:iam::{ACCOUNT}:user/division/Alice",
        account_id=ACCOUNT,
        user_id="AIDAEXAMPLE",
    )
    assert user_identity(user, _ACCESS_KEY) == {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/division/Alice",
        "accountId": ACCOUNT,
        "accessKeyId": _ACCESS_KEY,
        "userName": "Alice",
    }


def test_a_session_tells_the_role_that_issued_it() -> None:
    session = Principal(
        kind=PrincipalKind.ROLE_SESSION,
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/laptop",
        account_id=ACCOUNT,
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/teams/Admin",
        user_id="AROAEXAMPLE:laptop",
    )
    identity = user_identity(session, "")
    assert identity["type"] == "AssumedRole"
    assert identity["principalId"] == "AROAEXAMPLE:laptop"
    assert identity["sessionContext"] == {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAEXAMPLE",
            "arn": f"arn:aws:iam::{ACCOUNT}:role/teams/Admin",
            "accountId": ACCOUNT,
            "userName": "Admin",
        }
    }


def test_a_federated_user_says_so() -> None:
    federated = Principal(
        kind=PrincipalKind.FEDERATED_USER,
        arn=f"arn:aws:sts::{ACCOUNT}:federated-user/Bob",
        account_id=ACCOUNT,
    )
    assert user_identity(federated, _ACCESS_KEY)["type"] == "FederatedUser"


def test_a_service_acting_for_itself_has_its_name_and_nothing_else() -> None:
    service = Principal(
        kind=PrincipalKind.SERVICE, arn="workmail.eu-west-1.amazonaws.com", account_id=NO_ACCOUNT
    )
    assert user_identity(service, _ACCESS_KEY) == {
        "type": "AWSService",
        "invokedBy": "workmail.eu-west-1.amazonaws.com",
    }


def test_kms_itself_has_the_account_of_the_key() -> None:
    assert internal_identity(ACCOUNT, "AWS Internal") == {
        "accountId": ACCOUNT,
        "invokedBy": "AWS Internal",
    }
