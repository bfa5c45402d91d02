"""Key policy documents: what is stored and what is refused (spec 03 §4.2, spec 04 §2.4)."""

import json
from typing import Any

import pytest

from regionkms.model.errors import MalformedPolicyDocumentException
from regionkms.policy.default import default_policy
from regionkms.policy.document import parse_document, parse_new_document
from regionkms.policy.statement import Condition, Effect, Patterns
from tests.support.policies import ACCOUNT_ARN, ALICE, OWNER, document, statement


def test_the_default_policy_is_a_document() -> None:
    policy = parse_new_document(default_policy(OWNER))
    assert policy.policy_id == "key-default-1"
    (only,) = policy.statements
    assert only.sid == "Enable IAM User Permissions"
    assert only.effect is Effect.ALLOW
    assert only.principals.accounts == {ACCOUNT_ARN}
    assert only.actions == Patterns(values=("kms:*",))
    assert only.resources == Patterns(values=("*",))


def test_a_single_statement_needs_no_array() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statement()})
    assert len(parse_new_document(text).statements) == 1


def test_the_older_version_has_no_policy_variables() -> None:
    assert parse_document(document(statement())).has_variables
    assert not parse_document(document(statement(), version="2008-10-17")).has_variables


def test_statements_without_action_or_resource_are_stored() -> None:
    policy = parse_new_document(document(statement(Resource=None), statement(Action=None)))
    assert policy.statements[0].resources is None
    assert policy.statements[1].actions is None


def test_all_elements_of_a_statement_are_read() -> None:
    policy = parse_new_document(
        document(
            statement(Effect="Deny"),
            statement(
                Sid="Allow access for Key Administrators",
                Principal={"AWS": [OWNER, ALICE.arn], "Service": "cloudtrail.amazonaws.com"},
                NotAction=["kms:Encrypt", "kms:Re*"],
                NotResource=["arn:aws:kms:*:*:key/a"],
                Condition={
                    "Bool": {"kms:GrantIsForAWSResource": True, "aws:SecureTransport": "true"},
                    "NumericLessThanEquals": {"kms:ValidTo": [1546257599.0, 7]},
                    "StringLike": {"kms:KeySpec": ["RSA_*", ""]},
                },
                Action=None,
                Resource=None,
            ),
        )
    )
    second = policy.statements[1]
    assert (second.index, second.sid) == (1, "Allow access for Key Administrators")
    assert second.principals.accounts == {OWNER}
    assert second.principals.arns == {ALICE.arn}
    assert second.principals.services == {"cloudtrail.amazonaws.com"}
    assert second.actions == Patterns(values=("kms:Encrypt", "kms:Re*"), excluded=True)
    assert second.resources == Patterns(values=("arn:aws:kms:*:*:key/a",), excluded=True)
    assert second.conditions == (
        Condition(operator="Bool", key="kms:GrantIsForAWSResource", values=("true",)),
        Condition(operator="Bool", key="aws:SecureTransport", values=("true",)),
        Condition(
            operator="NumericLessThanEquals", key="kms:ValidTo", values=("1546257599.0", "7")
        ),
        Condition(operator="StringLike", key="kms:KeySpec", values=("RSA_*", "")),
    )


_BAD_DOCUMENTS: list[tuple[Any, str]] = [
    ([], "A policy must be a JSON object"),
    ("text", "A policy must be a JSON object"),
    ({"Version": "2012-10-17"}, "Statement: a policy must have at least one statement"),
    ({"Version": "2012-10-17", "Statement": []}, "Statement: a policy must have at least one"),
    ({"Version": "2012-10-17", "Statement": None}, "Statement: a policy must have at least one"),
    ({"Version": "2012-10-17", "Statement": "x"}, r"Statement\[0\]: a statement must be an object"),
    (
        {"Version": "2012-10-17", "Statement": [[]]},
        r"Statement\[0\]: a statement must be an object",
    ),
    ({"Statement": statement()}, 'Version: a policy must have the Version "2012-10-17"'),
    ({"Version": "2012-10-18", "Statement": statement()}, "Version: a policy must have"),
    ({"Version": 2012, "Statement": statement()}, "Version: a policy must have"),
    ({"Version": ["2012-10-17"], "Statement": statement()}, "Version: a policy must have"),
    ({"Version": "2012-10-17", "Id": 5, "Statement": statement()}, "Id: must be a string"),
    (
        {"Version": "2012-10-17", "Statements": statement()},
        'A policy has no element "Statements"',
    ),
]


@pytest.mark.parametrize(("value", "message"), _BAD_DOCUMENTS)
def test_a_malformed_document_is_refused(value: Any, message: str) -> None:
    with pytest.raises(MalformedPolicyDocumentException, match=message):
        parse_document(json.dumps(value))


_BAD_STATEMENTS: list[tuple[dict[str, Any], str]] = [
    ({"Effect": None}, r"Statement\[0\].Effect: a statement must have the Effect Allow or Deny"),
    ({"Effect": "allow"}, r"Statement\[0\].Effect"),
    ({"Effect": ["Allow"]}, r"Statement\[0\].Effect"),
    ({"Effect": 1}, r"Statement\[0\].Effect"),
    ({"Principal": None}, "a statement of a key policy must have a Principal"),
    ({"NotPrincipal": "*", "Principal": "*"}, "can't have both Principal and NotPrincipal"),
    ({"NotAction": "*", "Action": "*"}, "can't have both Action and NotAction"),
    ({"NotResource": "*", "Resource": "*"}, "can't have both Resource and NotResource"),
    ({"Sid": 1}, r"Statement\[0\].Sid: a Sid must be a string"),
    ({"Sid": ["x"]}, r"Statement\[0\].Sid: a Sid must be a string"),
    ({"Actions": "kms:*"}, 'a statement has no element "Actions"'),
    ({"Action": []}, r"Statement\[0\].Action: must be a string or an array of at least one"),
    ({"Action": 5}, r"Statement\[0\].Action: must be a string or an array"),
    ({"Action": [["kms:*"]]}, r"Statement\[0\].Action: must be a string or an array"),
    ({"Action": ""}, r'Action: "" is neither "\*" nor "kms:" with the name of an operation'),
    ({"Action": "Decrypt"}, 'Action: "Decrypt" is neither'),
    ({"Action": ["kms:Decrypt", "kms.Encrypt"]}, 'Action: "kms.Encrypt" is neither'),
    ({"Action": "kms:${x}"}, "Action: .* is neither"),
    ({"NotAction": "kms:"}, 'NotAction: "kms:" is neither'),
    ({"Resource": {}}, r"Statement\[0\].Resource: must be a string or an array"),
    ({"Resource": "1234abcd"}, r'Resource: "1234abcd" is neither "\*" nor an ARN'),
    ({"Resource": "alias/mine"}, "Resource: .* is neither"),
    ({"Condition": []}, r"Statement\[0\].Condition: must be an object of condition operators"),
    ({"Condition": "x"}, "Condition: must be an object"),
    ({"Condition": {"StringEquals": {}}}, "Condition.StringEquals: must be an object of at least"),
    ({"Condition": {"StringEquals": "x"}}, "Condition.StringEquals: must be an object"),
    ({"Condition": {"StringEquals": {"a": []}}}, "a condition must have at least one value"),
    ({"Condition": {"StringEquals": {"a": {}}}}, "must be a string, a boolean or a number"),
    ({"Condition": {"StringEquals": {"a": [["x"]]}}}, "must be a string, a boolean or a number"),
]


@pytest.mark.parametrize(("elements", "message"), _BAD_STATEMENTS)
def test_a_malformed_statement_is_refused(elements: dict[str, Any], message: str) -> None:
    base = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    for name in elements:
        base.pop(name.removeprefix("Not"), None)
    value = {k: v for k, v in (base | elements).items() if v is not None}
    with pytest.raises(MalformedPolicyDocumentException, match=message):
        parse_document(document(value))


def test_a_null_condition_value_is_refused() -> None:
    text = document(statement(Condition={"StringEquals": {"a": None}}))
    with pytest.raises(MalformedPolicyDocumentException, match="must be a string, a boolean"):
        parse_document(text)


@pytest.mark.parametrize(
    "name", ["StringEqualz", "stringEquals", "NullIfExists", "ForAnyValue:Null", "Some:Bool", ""]
)
def test_an_operator_that_the_language_lacks_is_refused_when_it_is_written(name: str) -> None:
    text = document(statement(Condition={name: {"kms:KeySpec": "true"}}))
    with pytest.raises(MalformedPolicyDocumentException, match="there is no condition operator"):
        parse_new_document(text)
    assert parse_document(text).statements[0].conditions[0].operator == name


@pytest.mark.parametrize("operator", ["Bool", "Null", "BoolIfExists", "ForAnyValue:Bool"])
def test_boolean_operators_take_true_or_false(operator: str) -> None:
    good: list[Any] = [True, "false", ["TRUE", False]]
    bad: list[Any] = ["yes", 1, [True, ""]]
    for value in good:
        parse_new_document(document(statement(Condition={operator: {"kms:MultiRegion": value}})))
    for value in bad:
        text = document(statement(Condition={operator: {"kms:MultiRegion": value}}))
        with pytest.raises(MalformedPolicyDocumentException, match="takes true or false"):
            parse_new_document(text)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "kms:EncryptionContext:Department",
            (
                "OverlyPermissiveCondition:EncryptionContext: Using the ForAllValues set operator "
                "with a single-valued condition key matches requests without the specified "
                "encryption context or with an unspecified encryption context. To fix, remove "
                "ForAllValues."
            ),
        ),
        (
            "aws:requesttag/Project",
            (
                "OverlyPermissiveCondition: Using the ForAllValues set operator with a "
                "single-valued condition key matches requests without the specified tag or with an "
                "unspecified tag. To fix, remove ForAllValues."
            ),
        ),
    ],
)
def test_for_all_values_on_single_valued_keys_is_refused_when_it_is_written(
    key: str, message: str
) -> None:
    text = document(statement(Condition={"ForAllValues:StringEquals": {key: "IT"}}))
    with pytest.raises(MalformedPolicyDocumentException) as raised:
        parse_new_document(text)
    assert raised.value.message == message
    parse_document(text)
    parse_new_document(document(statement(Condition={"ForAnyValue:StringEquals": {key: "IT"}})))


@pytest.mark.parametrize("key", ["aws:ResourceTag/Project", "kms:ResourceAliases"])
def test_keys_of_identity_policies_are_refused_in_key_policies(key: str) -> None:
    text = document(statement(Condition={"StringLike": {key: "x"}}))
    with pytest.raises(MalformedPolicyDocumentException) as raised:
        parse_new_document(text)
    assert raised.value.message == (
        "These condition keys are not permitted in a key policy: aws:ResourceTag, "
        "kms:ResourceTag, kms:ResourceAliases"
    )


def test_unknown_condition_keys_are_stored() -> None:
    parse_new_document(document(statement(Condition={"StringLike": {"my:Key": "x"}})))
