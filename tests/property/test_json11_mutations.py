"""Bodies that are not what a client sends: refused as AWS refuses, the same by both readings."""

import base64
import json
from typing import Any

import botocore.serialize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regionkms.model.errors import KmsError, SerializationException, ValidationException
from regionkms.model.shapes import OPERATIONS
from regionkms.wire import json11, strict_json, validation
from regionkms.wire.errors import answer_json
from tests.support import api_values

_SERIALIZER = botocore.serialize.create_serializer("json", include_validation=False)
_UNEXPLAINED = "The request body can not be read as"

_many = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=8).map(lambda blob: base64.b64encode(blob).decode()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)

_MEMBER_NAMES = sorted(
    {name for row in OPERATIONS.values() for name in row.input.__struct_encode_fields__}
)


@st.composite
def _valid_bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    name = draw(st.sampled_from(api_values.OPERATION_NAMES))
    parameters = draw(api_values.requests(name))
    sent = _SERIALIZER.serialize_to_request(parameters, api_values.operation(name))
    body = sent["body"]
    assert isinstance(body, bytes)
    return name, body


@st.composite
def _damaged_bytes(draw: st.DrawFn) -> tuple[str, bytes]:
    """Change, cut out or put in a few bytes of a valid body."""
    name, body = draw(_valid_bodies())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 4))
        piece = draw(
            st.binary(max_size=4)
            | st.sampled_from((b'"', b"\\", b"{", b"[", b"null", b"1e999", b"\\ud800", b",", b"="))
        )
        body = body[:start] + piece + body[start + length :]
    return name, body


@st.composite
def _damaged_members(draw: st.DrawFn) -> tuple[str, bytes]:
    """Replace, add or take away members of a valid body."""
    name, body = draw(_valid_bodies())
    members: dict[str, Any] = json.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        member = draw(st.sampled_from(sorted({*members, *_MEMBER_NAMES})))
        if draw(st.booleans()):
            members[member] = draw(_json_values)
        else:
            members.pop(member, None)
    return name, json.dumps(members, ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "surrogatepass"
    )


def _refusal(name: str, body: bytes) -> KmsError | None:
    """Read a body; anything but a KmsError that comes out of it fails the test."""
    try:
        json11.decode(name, body)
    except KmsError as error:
        return error
    return None


def _assert_read_or_refused(name: str, body: bytes) -> None:
    refusal = _refusal(name, body)
    if refusal is None:
        # The plain reading finds nothing wrong with it either.
        strict_json.parse(body or b"{}")
        found = validation.explain(OPERATIONS[name].input, body or b"{}")
        assert found.message.startswith(_UNEXPLAINED)
        return
    assert type(refusal) in {SerializationException, ValidationException}
    assert not refusal.message.startswith(_UNEXPLAINED)
    assert refusal.__cause__ is None
    assert refusal.__context__ is None
    assert len(refusal.message) < 20_000
    assert answer_json(refusal).status == 400


@_many
@given(_damaged_bytes())
def test_damaged_bytes_are_read_or_refused_alike(damaged: tuple[str, bytes]) -> None:
    _assert_read_or_refused(*damaged)


@_many
@given(_damaged_members())
def test_damaged_members_are_read_or_refused_alike(damaged: tuple[str, bytes]) -> None:
    _assert_read_or_refused(*damaged)


@_many
@given(st.sampled_from(api_values.OPERATION_NAMES), st.binary(max_size=64))
def test_random_bytes_are_read_or_refused_alike(name: str, body: bytes) -> None:
    _assert_read_or_refused(name, body)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_message_shows_a_plaintext(data: st.DataObject) -> None:
    blob = data.draw(st.binary(min_size=12, max_size=5_000))
    planted = base64.b64encode(blob).decode()
    other = data.draw(st.dictionaries(st.sampled_from(_MEMBER_NAMES), _json_values, max_size=3))
    body = json.dumps(other | {"Plaintext": planted + data.draw(st.sampled_from(("", "=", "!")))})
    end = data.draw(st.sampled_from((len(body), len(body) - 1)))
    refusal = _refusal("Encrypt", body[:end].encode("utf-8", "surrogatepass"))
    message = refusal.message if refusal is not None else ""
    assert planted[:12] not in message
    assert repr(blob)[2:-1] not in message
