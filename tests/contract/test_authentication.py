"""Who may speak at all: signatures through real HTTP (spec 03 §1), STS, and what needs none."""

import time
from typing import Any, Final

import pytest
import requests
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from tests.support.node import OWNER, REGION, STRANGER, Account, RunningNode
from tests.support.signing import RawRequest, sign

UNKNOWN: Final = Account(
    account_id="999999999999",
    access_key_id="AKIAUNKNOWNACCOUNT01",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYUNKNOWNXXX",
)


def unsigned(node: RunningNode) -> RawRequest:
    return node.signed("ListKeys").without_header(b"authorization")


def of_another_secret(node: RunningNode) -> RawRequest:
    other = Account(
        account_id=OWNER.account_id,
        access_key_id=OWNER.access_key_id,
        secret_access_key=STRANGER.secret_access_key,
    )
    return node.signed("ListKeys", account=other)


def with_changed_body(node: RunningNode) -> RawRequest:
    request = node.signed("ListKeys", b'{"Limit": 1}')
    return RawRequest(headers=request.headers, body=b'{"Limit": 2}')


def with_changed_target(node: RunningNode) -> RawRequest:
    return node.signed("ListKeys").with_header(b"x-amz-target", b"TrentService.ListAliases")


def with_changed_path(node: RunningNode) -> RawRequest:
    request = node.signed("ListKeys")
    return RawRequest(target=b"/x", headers=request.headers, body=request.body)


def with_unsigned_target(node: RunningNode) -> RawRequest:
    request = node.signed("ListKeys")
    return request.with_header(b"x-amz-extra", b"1")


def with_the_target_outside_of_the_signature(node: RunningNode) -> RawRequest:
    request = sign(OWNER.signer(), at=time.time(), url=f"{node.url}/", body=b"{}")
    return request.with_header(b"x-amz-target", b"TrentService.ListKeys")


def with_session_token(node: RunningNode) -> RawRequest:
    return node.signed("ListKeys").with_header(b"x-amz-security-token", b"x")


def with_broken_header(node: RunningNode) -> RawRequest:
    return node.signed("ListKeys").with_header(b"authorization", b"AWS4-HMAC-SHA256 nonsense")


def of_another_scheme(node: RunningNode) -> RawRequest:
    return node.signed("ListKeys").with_header(b"authorization", b"Basic dXNlcjpwYXNz")


REFUSALS: Final[dict[str, tuple[Any, str, str]]] = {
    "not signed": (unsigned, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "an unknown access key": (
        lambda node: node.signed("ListKeys", account=UNKNOWN),
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "another secret": (of_another_secret, "InvalidSignatureException", "The request signature we"),
    "a changed body": (with_changed_body, "InvalidSignatureException", ""),
    "a changed target": (with_changed_target, "InvalidSignatureException", ""),
    "a changed path": (with_changed_path, "InvalidSignatureException", ""),
    "an x-amz header that is not signed": (
        with_unsigned_target,
        "InvalidSignatureException",
        "There were headers present in the request which were not signed",
    ),
    "a target that is not signed": (
        with_the_target_outside_of_the_signature,
        "InvalidSignatureException",
        "There were headers present in the request which were not signed: x-amz-target",
    ),
    "a session token that is not signed": (with_session_token, "InvalidSignatureException", ""),
    "signed 6 minutes ago": (
        lambda node: node.signed("ListKeys", at=time.time() - 360),
        "InvalidSignatureException",
        "Signature expired: ",
    ),
    "signed 6 minutes ahead": (
        lambda node: node.signed("ListKeys", at=time.time() + 360),
        "InvalidSignatureException",
        "Signature not yet current: ",
    ),
    "signed for another Region": (
        lambda node: node.signed("ListKeys", region="us-west-2"),
        "InvalidSignatureException",
        "Credential should be scoped to a valid region.",
    ),
    "signed for another service": (
        lambda node: node.signed("ListKeys", service="s3"),
        "InvalidSignatureException",
        "Credential should be scoped to correct service",
    ),
    "signed for STS": (
        lambda node: node.signed("ListKeys", service="sts"),
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'kms'.",
    ),
    "a header of no form": (with_broken_header, "IncompleteSignatureException", ""),
    "another scheme": (
        of_another_scheme,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    ),
}


@pytest.mark.feature("F03-01", "F07-14")
@pytest.mark.parametrize(("spoil", "code", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_request_that_nobody_can_be_held_to_is_refused(
    node: RunningNode, spoil: Any, code: str, message: str
) -> None:
    answer = node.send(spoil(node))
    assert answer.status == 400
    assert (answer.code, answer.message[: len(message)]) == (code, message)
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert node.records(requestID=answer.headers["x-amzn-requestid"]) == []


@pytest.mark.feature("F03-01")
def test_authentication_comes_before_everything_else(node: RunningNode) -> None:
    for target in ("TrentService.NoSuchOperation", "TrentService.Encrypt", "junk"):
        request = node.signed("Encrypt", b"no json", target=target, account=UNKNOWN)
        assert node.send(request).code == "UnrecognizedClientException"


def test_a_skew_of_four_minutes_is_tolerated_both_ways(node: RunningNode) -> None:
    for skew_s in (-240, 240):
        assert node.send(node.signed("ListKeys", at=time.time() + skew_s)).status == 200


def test_a_repeated_request_is_answered_again(node: RunningNode) -> None:
    request = node.signed("ListKeys")
    assert [node.send(request).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.feature("F03-01")
def test_each_accounts_credentials_are_that_accounts_root(node: RunningNode) -> None:
    for account in (OWNER, STRANGER):
        key = node.client(account).create_key()["KeyMetadata"]
        assert key["AWSAccountId"] == account.account_id


def test_sts_tells_who_one_is(node: RunningNode) -> None:
    for account in (OWNER, STRANGER):
        answer = node.client(account, "sts").get_caller_identity()
        assert answer["Account"] == account.account_id
        assert answer["Arn"] == account.root_arn
        assert answer["UserId"] == account.account_id


def test_sts_refuses_in_its_own_protocol(node: RunningNode) -> None:
    other = Account(
        account_id=OWNER.account_id,
        access_key_id=OWNER.access_key_id,
        secret_access_key=STRANGER.secret_access_key,
    )
    sts = node.client(other, "sts")
    with pytest.raises(sts.exceptions.ClientError) as caught:
        sts.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    sts = node.client(OWNER, "sts")
    with pytest.raises(sts.exceptions.ClientError) as caught:
        sts.get_session_token()
    assert caught.value.response["Error"]["Code"] == "InvalidAction"


def test_a_presigned_url_needs_no_header(node: RunningNode) -> None:
    """As IAM authenticators use it: GetCallerIdentity, signed in the query."""
    sts = node.client(OWNER, "sts")
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    assert f"<Account>{OWNER.account_id}</Account>" in answer.text
    spoilt = requests.get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), timeout=10)
    assert spoilt.status_code == 403
    assert "SignatureDoesNotMatch" in spoilt.text


def test_a_presigned_kms_call_is_a_call(node: RunningNode) -> None:
    request = AWSRequest(
        method="POST", url=f"{node.url}/", headers={"X-Amz-Target": "TrentService.ListKeys"}
    )
    SigV4QueryAuth(OWNER.signer().credentials, "kms", REGION, expires=60).add_auth(request)
    headers = dict(request.headers.items())
    answer = requests.post(str(request.url), headers=headers, timeout=10)
    assert answer.status_code == 200
    assert "Keys" in answer.json()
    answer = requests.post(str(request.url), headers=headers, data=b'{"Limit":1}', timeout=10)
    assert answer.json()["__type"] == "InvalidSignatureException"


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_health_needs_no_signature(node: RunningNode, target: str) -> None:
    answer = requests.get(node.url + target, timeout=10)
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert requests.head(node.url + target, timeout=10).status_code == 200
    assert requests.put(node.url + target, timeout=10).status_code == 405


def test_metrics_count_calls_and_name_nobody(node: RunningNode) -> None:
    def count() -> float:
        time.sleep(2)  # they are written anew ten times as seldom as they take
        text = requests.get(f"{node.url}/metrics", timeout=10).text
        assert OWNER.access_key_id not in text
        assert OWNER.secret_access_key not in text
        lines = [
            line
            for line in text.splitlines()
            if not line.startswith("#") and '"ListKeyPolicies"' in line and "count" in line
        ]
        assert lines, text
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    key_id = node.client(OWNER).create_key()["KeyMetadata"]["KeyId"]
    node.client(OWNER).list_key_policies(KeyId=key_id)
    before = count()
    for _ in range(10):
        node.client(OWNER).list_key_policies(KeyId=key_id)
    assert count() == before + 10


def test_other_paths_and_methods_are_no_back_door(node: RunningNode) -> None:
    for method, target in (
        ("GET", b"/"),
        ("GET", b"/metrics/x"),
        ("GET", b"/../healthz"),
        ("GET", b"/healthz?x"),
        ("DELETE", b"/"),
    ):
        answer = node.send(RawRequest(method=method, target=target))
        assert answer.status in {400, 403}, (method, target)
    assert requests.post(f"{node.url}/healthz", data=b"{}", timeout=10).status_code in {400, 403}
