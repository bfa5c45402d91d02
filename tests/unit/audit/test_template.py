import json
from collections.abc import Callable
from typing import Any

import pytest

from regionkms.audit.canonical import Copy, encode
from regionkms.audit.template import MAX_PIECES, TemplateEncoder, remember
from regionkms.identity.caller import CallerIdentity
from regionkms.model import shapes
from regionkms.model.errors import AccessDeniedException, InvalidCiphertextException
from regionkms.policy.principal import root_user
from tests.support.audit import ACCOUNT, OTHER_ACCOUNT, ROOT, encrypt_request, facts
from tests.support.clock import EPOCH

_COPY = Copy(event_id="77274901-88bc-4e3f-9bb6-acf1c16f6a7c", recipient=ACCOUNT)
_NASTY = '\x00\n\x1b[2J\x7f\x85\u2028"\\%s{}é😀'


def _template(encoder: TemplateEncoder, call: Any, copy: Copy = _COPY) -> bytes | None:
    return encoder.encode(call, copy.event_id, copy.recipient, copy.shared_event_id)


@pytest.mark.parametrize(
    "call",
    [
        facts(request=encrypt_request()),
        facts(request=encrypt_request(encryption_context=None)),
        facts(request=encrypt_request(encryption_context={})),
        facts(request=encrypt_request(encryption_context={_NASTY: _NASTY}), user_agent=_NASTY),
        facts(request=encrypt_request(key_id="\ud800")),
        facts(request=encrypt_request(key_id="\x7f")),
        facts(request=encrypt_request(), error=AccessDeniedException(_NASTY)),
        facts(request=encrypt_request(), error=InvalidCiphertextException()),
        facts(request=encrypt_request(), user_agent="u" * 5000),
        facts(request=encrypt_request(), resources=()),
        facts("Decrypt", shapes.DecryptRequest(ciphertext_blob=b"b")),
        facts("GenerateDataKey", shapes.GenerateDataKeyRequest(key_id="k", number_of_bytes=64)),
        facts("GenerateRandom", shapes.GenerateRandomRequest(number_of_bytes=1), resources=()),
        facts("DescribeKey", shapes.DescribeKeyRequest(key_id="k")),
    ],
    ids=lambda call: call.operation.name,
)
def test_pieces_say_what_the_plain_encoder_says(call: Any) -> None:
    encoder = TemplateEncoder()
    for copy in (_COPY, Copy(event_id="e", recipient=OTHER_ACCOUNT, shared_event_id="s"), _COPY):
        assert _template(encoder, call, copy) == encode(call, copy)


@pytest.mark.parametrize(
    "call",
    [
        facts("EnableKey", shapes.EnableKeyRequest(key_id="k")),
        facts("CreateKey", shapes.CreateKeyRequest(), error=AccessDeniedException("no")),
        facts("TagResource", shapes.TagResourceRequest(key_id="k", tags=[])),
        facts(request=encrypt_request(), additional={"grantId": "g"}),
        facts(request=encrypt_request(), vpc_endpoint_id="vpce-1"),
        facts(request=encrypt_request(), resources=None),
        facts(request=None),
    ],
)
def test_what_has_no_pieces_is_left_to_the_plain_encoder(call: Any) -> None:
    assert _template(TemplateEncoder(), call) is None


def _with_other_caller() -> Any:
    other = CallerIdentity(principal=root_user(OTHER_ACCOUNT), access_key_id=ROOT.access_key_id)
    return facts(request=encrypt_request(), caller=other)


@pytest.mark.parametrize(
    "changed",
    [
        _with_other_caller,
        lambda: facts(request=encrypt_request(), event_time=EPOCH + 1),
        lambda: facts(request=encrypt_request(), source_ip="198.51.100.1"),
        lambda: facts(request=encrypt_request(), user_agent="curl"),
        lambda: facts(request=encrypt_request(), resources=((OTHER_ACCOUNT, "arn"),)),
        lambda: facts(request=encrypt_request(key_id="other")),
    ],
)
def test_a_piece_of_one_call_never_shows_in_another(changed: Callable[[], Any]) -> None:
    encoder = TemplateEncoder()
    first, second = facts(request=encrypt_request()), changed()
    for call in (first, second, first):
        assert _template(encoder, call) == encode(call, _COPY)


def test_pieces_are_bounded() -> None:
    cache: dict[int, int] = {}
    for i in range(MAX_PIECES + 10):
        assert remember(cache, i, -i) == -i
    assert len(cache) == MAX_PIECES
    assert min(cache) == 10


def test_many_clients_do_not_mix_up_their_pieces() -> None:
    encoder = TemplateEncoder()
    for i in range(MAX_PIECES + 5):
        _template(encoder, facts(request=encrypt_request(), user_agent=f"agent {i}"))
    record = _template(encoder, facts(request=encrypt_request(), user_agent="agent 0"))
    assert record is not None
    assert json.loads(record)["userAgent"] == "agent 0"
