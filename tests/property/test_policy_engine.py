"""The compiled and prepared engine against the plain evaluator, on random documents and calls."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from regionkms.model.errors import MalformedPolicyDocumentException, ValidationException
from regionkms.policy.compile import compile_policy
from regionkms.policy.decision import decide
from regionkms.policy.document import parse_document, parse_new_document
from regionkms.policy.prepared import prepare, subject_of
from regionkms.policy.request import (
    AccessRequest,
    ConditionContext,
    IdentityVerdict,
    KeyResource,
)
from regionkms.policy.wildcard import compile_wildcard
from tests.support.plain_policy import plain_allows, plain_like
from tests.support.policies import (
    ALICE,
    BOB,
    DAN,
    FOREIGN,
    FOREIGN_ROOT,
    KEY_ARN,
    OWNER,
    ROOT,
    SERVICE,
    session,
)

_CALLERS = [ROOT, ALICE, BOB, session("team/Ops", "one"), DAN, FOREIGN_ROOT, SERVICE]
_NAMES = [
    "*",
    OWNER,
    FOREIGN,
    *(c.arn for c in _CALLERS if c is not SERVICE),
    f"arn:aws:iam::{OWNER}:role/team/Ops",
]
_ACTIONS = [
    "kms:Decrypt", "kms:Encrypt", "kms:ReEncryptFrom", "kms:DescribeKey", "kms:CreateGrant",
    "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RetireGrant",
]  # fmt: skip
_PATTERNS = [
    *_ACTIONS, "*", "kms:*", "KMS:de*", "kms:?ncrypt", "kms:*Key*", "kms:Re*", "s3:*", "*:Decrypt",
]  # fmt: skip
_RESOURCES = [
    "*",
    KEY_ARN,
    f"arn:aws:kms:*:{OWNER}:key/*",
    f"arn:aws:kms:us-west-2:{FOREIGN}:key/*",
    "arn:aws:kms:us-????-2:*",
    "arn:aws:kms:*:${aws:PrincipalAccount}:key/*",
]
_TEXTS = [
    OWNER, FOREIGN, "true", "false", "App", "app", "IT", "it", "alias/a", "alias/*", "", "x?", "*",
    "SYMMETRIC_DEFAULT", "eu-*", "eu-west-1", "PRIMARY", "s3.us-west-2.amazonaws.com", "a${b}",
    ALICE.arn, "\xc9", "\xe9",
]  # fmt: skip
_OPERATORS = [
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
    "StringLike", "StringNotLike", "Bool", "NumericEquals", "NotIpAddress",
]  # fmt: skip
_KEYS = [
    "kms:CallerAccount", "kms:ViaService", "kms:KeySpec", "kms:KeyUsage", "kms:KeyOrigin",
    "kms:MultiRegion", "kms:MultiRegionKeyType", "kms:RequestAlias", "kms:EncryptionAlgorithm",
    "kms:ReplicaRegion", "kms:BypassPolicyLockoutSafetyCheck", "kms:ReEncryptOnSameKey",
    "aws:PrincipalArn", "AWS:principalaccount", "aws:SecureTransport", "kms:EncryptionContextKeys",
    "kms:EncryptionContext:App", "KMS:encryptioncontext:APP", "kms:EncryptionContext:\xe9",
    "kms:EncryptionContext:", "aws:SourceIp", "kms:NoSuchKey", "kms:ResourceAliases",
]  # fmt: skip


def _one_or_more(values: list[str], *usual: str) -> st.SearchStrategy[Any]:
    """One of the values or an array of some; the usual ones make up half, to let calls through."""
    one = st.sampled_from([*values, *(usual * (len(values) // max(len(usual), 1)))])
    return st.one_of(one, st.lists(one, min_size=1, max_size=3))


@st.composite
def _operators(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 5)) == 0:
        return "Null"
    prefix = draw(st.sampled_from(["", "", "", "ForAnyValue:", "ForAllValues:"]))
    suffix = draw(st.sampled_from(["", "", "IfExists"]))
    return f"{prefix}{draw(st.sampled_from(_OPERATORS))}{suffix}"


@st.composite
def _conditions(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(_operators())
    keys = draw(st.lists(st.sampled_from(_KEYS), min_size=1, max_size=2, unique_by=str.lower))
    boolean = operator == "Null" or "Bool" in operator
    values: st.SearchStrategy[Any] = (
        st.sampled_from([True, False, "true", "False", ["true", False]])
        if boolean
        else _one_or_more(_TEXTS)
    )
    return {operator: {key: draw(values) for key in keys}}


@st.composite
def _statements(draw: st.DrawFn) -> dict[str, Any]:
    principal = draw(
        st.one_of(
            st.just("*"),
            st.builds(lambda names: {"AWS": names}, _one_or_more(_NAMES, ROOT.arn, "*")),
            st.just({"Service": SERVICE.arn}),
            st.just({"Service": [SERVICE.arn], "AWS": ALICE.arn}),
        )
    )
    elements = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Principal"] * 9 + ["NotPrincipal"])): principal,
        draw(st.sampled_from(["Action"] * 7 + ["NotAction"])): draw(
            _one_or_more(_PATTERNS, "kms:*", "*")
        ),
        draw(st.sampled_from(["Resource"] * 9 + ["NotResource"])): draw(
            _one_or_more(_RESOURCES, "*")
        ),
    }
    if draw(st.booleans()):
        elements["Condition"] = draw(_conditions())
    if draw(st.integers(0, 15)) == 0:
        elements = {k: v for k, v in elements.items() if "Resource" not in k}
    return elements


_DOCUMENTS = st.builds(
    lambda version, statements: json.dumps({"Version": version, "Statement": statements}),
    st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]),
    st.one_of(_statements(), st.lists(_statements(), min_size=1, max_size=4)),
)
_CONTEXTS = st.builds(
    ConditionContext,
    encryption_context=st.dictionaries(
        st.sampled_from(["App", "app", "Dept", "\xc9", "\xe9", "\u212a"]),
        st.sampled_from(["IT", "it", "", "x1", "\u212a"]),
        max_size=3,
    ),
    encryption_algorithm=st.sampled_from([None, "SYMMETRIC_DEFAULT"]),
    request_alias=st.sampled_from([None, "alias/a", "alias/b"]),
    via_service=st.sampled_from([None, "s3.us-west-2.amazonaws.com"]),
    replica_region=st.sampled_from([None, "eu-west-1"]),
    bypass_policy_lockout_safety_check=st.sampled_from([None, True, False]),
    reencrypt_on_same_key=st.sampled_from([None, True, False]),
    secure_transport=st.booleans(),
)
_KEY_RESOURCES = st.builds(
    lambda kind: KeyResource(
        arn=KEY_ARN,
        account_id=OWNER,
        key_spec="SYMMETRIC_DEFAULT",
        key_usage="ENCRYPT_DECRYPT",
        origin="AWS_KMS",
        multi_region=kind is not None,
        multi_region_key_type=kind,
    ),
    st.sampled_from([None, "PRIMARY", "REPLICA"]),
)
_REQUESTS = st.builds(
    AccessRequest,
    principal=st.sampled_from(_CALLERS),
    action=st.sampled_from(_ACTIONS),
    resource=_KEY_RESOURCES,
    identity=st.sampled_from([*IdentityVerdict, *([IdentityVerdict.ALLOW] * 9)]),
    context=_CONTEXTS,
    account_enabled=st.sampled_from([True] * 7 + [False]),
)


@settings(max_examples=1000, deadline=None)
@given(text=_DOCUMENTS, request=_REQUESTS)
def test_the_engine_decides_as_the_plain_evaluator(text: str, request: AccessRequest) -> None:
    decision = decide(request, compile_policy(text))
    assert decision.allowed == plain_allows(text, request)
    assert not (decision.allowed and decision.unevaluated)


@settings(max_examples=200, deadline=None)
@given(text=_DOCUMENTS, request=_REQUESTS, contexts=st.lists(_CONTEXTS, min_size=1, max_size=4))
def test_a_prepared_decision_serves_every_call_of_its_subject(
    text: str, request: AccessRequest, contexts: list[ConditionContext]
) -> None:
    prepared = prepare(compile_policy(text), subject_of(request, OWNER))
    for context in contexts:
        call = AccessRequest(
            principal=request.principal,
            action=request.action,
            resource=request.resource,
            identity=request.identity,
            context=context,
            account_enabled=request.account_enabled,
        )
        assert prepared.decide(call).allowed == plain_allows(text, call)


@settings(max_examples=1000, deadline=None)
@given(pattern=st.text("ab*?", max_size=12), text=st.text("ab", max_size=14))
def test_a_wildcard_matches_as_the_table_of_prefixes(pattern: str, text: str) -> None:
    assert compile_wildcard(pattern)(text) == plain_like(pattern, text)


def _refusal(parse: Callable[[str], object], text: str) -> str | None:
    """The message of a refusal, None if the text was read; any other exception fails the test."""
    try:
        parse(text)
    except (MalformedPolicyDocumentException, ValidationException) as error:
        return error.message
    return None


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.just("kms:*")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Principal", "Action", "Condition", "AWS", "x"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(text=st.one_of(_JSON.map(json.dumps), st.text(max_size=40)))
def test_any_text_is_read_or_refused_with_a_message(text: str) -> None:
    assert _refusal(parse_new_document, text) != ""


@settings(max_examples=300, deadline=None)
@given(
    text=_DOCUMENTS,
    element=_JSON,
    path=st.sampled_from(
        ["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "Condition", "Statement"]
    ),
)
def test_an_element_of_any_json_is_read_or_refused(text: str, element: Any, path: str) -> None:
    policy = json.loads(text)
    target = (
        policy
        if path == "Statement"
        else {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    )
    target[path] = element
    if path != "Statement":
        policy["Statement"] = target
    assert _refusal(parse_document, json.dumps(policy)) != ""
