"""Whom a Principal element covers (spec 03 AZ-6, AZ-7, §3.3 notes)."""

import pytest

from regionkms.model.ids import AccountId
from regionkms.policy.principal import NO_ACCOUNT, Coverage, Principal, PrincipalKind, PrincipalSet
from tests.support.policies import (
    ACCOUNT_ARN,
    ALICE,
    BOB,
    DAN,
    FOREIGN,
    FOREIGN_ROOT,
    OWNER,
    ROOT,
    SERVICE,
    session,
)

_SESSION = session("team/Ops", "one")
_FEDERATED = Principal(
    kind=PrincipalKind.FEDERATED_USER,
    arn=f"arn:aws:sts::{OWNER}:federated-user/Fay",
    account_id=OWNER,
)


def _arns(*names: str | None) -> PrincipalSet:
    return PrincipalSet(arns=frozenset(name for name in names if name))


@pytest.mark.parametrize("name", [OWNER, ACCOUNT_ARN])
def test_an_account_covers_its_identities_through_the_account_only(name: str) -> None:
    account = PrincipalSet(accounts=frozenset({name}))
    for caller in (ROOT, ALICE, _SESSION, _FEDERATED):
        assert account.allow_coverage(caller) is Coverage.ACCOUNT
        assert account.denies(caller)
    for caller in (FOREIGN_ROOT, DAN, SERVICE):
        assert account.allow_coverage(caller) is Coverage.NONE
        assert not account.denies(caller)


def test_an_account_of_another_partition_is_another_account() -> None:
    account = PrincipalSet(accounts=frozenset({f"arn:aws-cn:iam::{OWNER}:root"}))
    assert account.allow_coverage(ALICE) is Coverage.NONE


@pytest.mark.parametrize("caller", [ALICE, _SESSION, _FEDERATED, ROOT, DAN])
def test_everyone_is_covered_directly_but_services(caller: Principal) -> None:
    assert PrincipalSet(everyone=True).allow_coverage(caller) is Coverage.DIRECT
    assert PrincipalSet(everyone=True).denies(caller)


def test_a_service_must_be_named_to_be_allowed_and_need_not_be_to_be_denied() -> None:
    assert PrincipalSet(everyone=True).allow_coverage(SERVICE) is Coverage.NONE
    assert PrincipalSet(everyone=True).denies(SERVICE)
    named = PrincipalSet(services=frozenset({SERVICE.arn}))
    assert named.allow_coverage(SERVICE) is Coverage.DIRECT
    assert not named.denies(ALICE)


def test_a_role_covers_its_sessions_and_a_session_only_itself() -> None:
    other = session("team/Ops", "two")
    role = _arns(_SESSION.role_arn)
    assert role.allow_coverage(_SESSION) is Coverage.DIRECT
    assert role.allow_coverage(other) is Coverage.DIRECT
    one = _arns(_SESSION.arn)
    assert one.allow_coverage(_SESSION) is Coverage.DIRECT
    assert one.allow_coverage(other) is Coverage.NONE


def test_a_user_is_covered_by_the_exact_arn() -> None:
    assert _arns(ALICE.arn).allow_coverage(ALICE) is Coverage.DIRECT
    assert _arns(ALICE.arn).allow_coverage(BOB) is Coverage.NONE
    assert _arns(ALICE.arn.lower()).allow_coverage(ALICE) is Coverage.NONE
    assert _arns(_FEDERATED.arn).allow_coverage(_FEDERATED) is Coverage.DIRECT


def test_a_role_of_the_same_name_in_another_path_or_account_is_another_role() -> None:
    assert _arns(_SESSION.role_arn).allow_coverage(session("Ops", "one")) is Coverage.NONE
    foreign = session("team/Ops", "one", FOREIGN)
    assert _arns(_SESSION.role_arn).allow_coverage(foreign) is Coverage.NONE


def test_members_of_a_principal_must_go_together() -> None:
    with pytest.raises(ValueError, match="a role session, and nothing else, has a role ARN"):
        Principal(kind=PrincipalKind.ROLE_SESSION, arn="a", account_id=OWNER)
    with pytest.raises(ValueError, match="a role session, and nothing else"):
        Principal(kind=PrincipalKind.USER, arn="a", account_id=OWNER, role_arn="r")
    with pytest.raises(ValueError, match="a service, and nothing else, has no account"):
        Principal(kind=PrincipalKind.SERVICE, arn="a", account_id=AccountId(OWNER))
    with pytest.raises(ValueError, match="a service, and nothing else, has no account"):
        Principal(kind=PrincipalKind.USER, arn="a", account_id=NO_ACCOUNT)
