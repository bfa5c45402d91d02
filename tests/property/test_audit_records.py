"""Audit records: no secret ever, and the fast encoder says what the plain one says."""

import json
from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from regionkms.audit.canonical import Copy, encode, encode_internal
from regionkms.audit.chain import START, chain_records, event_id_of, parse_line
from regionkms.audit.record import CallFacts, InternalEvent, RecordEncoder
from regionkms.audit.template import TemplateEncoder
from regionkms.model.errors import AccessDeniedException, InvalidCiphertextException, KmsError
from regionkms.model.shape import Shape
from regionkms.model.shapes.operations import OPERATIONS as SHAPES
from regionkms.operations import OPERATIONS
from tests.support.audit import ACCOUNT, KEY_ARN, OTHER_ACCOUNT, SEED, facts

_MARKER = "SECRETSECRET"
_MARKER_BYTES = _MARKER.encode()
_BASE64 = "U0VDUkVU"  # how base64 of the marker begins
_SECRET_MEMBERS = frozenset(
    {
        "Plaintext",
        "CiphertextBlob",
        "PrivateKeyPlaintext",
        "PrivateKeyCiphertextBlob",
        "Message",
        "Signature",
        "Mac",
        "GrantToken",
        "GrantTokens",
        "ImportToken",
        "EncryptedKeyMaterial",
        "KeyStorePassword",
        "PublicKey",
        "SharedSecret",
        "XksProxyAuthenticationCredential",
        "CiphertextForRecipient",
        "AttestationDocument",
    }
)
"""Spec 02 §3.4, never logged, and the rest of what carries key material."""

_NAMES = sorted(OPERATIONS)
_text = st.text(max_size=20)
_errors = st.one_of(
    st.none(),
    st.builds(AccessDeniedException, _text),
    st.builds(InvalidCiphertextException),
)


def _filled(shape: type[Shape], draw: Any) -> Shape:
    """A structure whose members hold anything; those that are secret hold the marker."""
    values = {}
    pairs = zip(shape.__struct_encode_fields__, shape.__struct_fields__, strict=True)
    for wire, name in pairs:
        values[name] = _value(wire, draw)
    return shape(**values)


def _value(wire: str, draw: Any) -> Any:
    if wire in _SECRET_MEMBERS:
        return draw(
            st.sampled_from(
                [_MARKER_BYTES, _MARKER, [_MARKER], {"a": _MARKER_BYTES}, [_MARKER_BYTES]]
            )
        )
    return draw(
        st.one_of(
            _text,
            st.none(),
            st.integers(),
            st.booleans(),
            st.floats(),
            st.just(_MARKER_BYTES),
            st.dictionaries(_text, st.one_of(_text, st.just(_MARKER_BYTES)), max_size=3),
            st.lists(st.one_of(_text, st.just(_MARKER_BYTES)), max_size=3),
        )
    )


@st.composite
def calls(draw: Any) -> CallFacts:
    name = draw(st.sampled_from(_NAMES))
    shape = SHAPES[name]
    error: KmsError | None = draw(_errors)
    response = None
    if error is None and shape.output is not None:
        response = _filled(shape.output, draw)
    return facts(
        name,
        _filled(shape.input, draw),
        response=response,
        error=error,
        user_agent=draw(_text),
        source_ip=draw(_text),
        resources=draw(st.sampled_from([(), ((ACCOUNT, KEY_ARN),), ((OTHER_ACCOUNT, KEY_ARN),)])),
        event_time=draw(st.floats(0, 4e9)),
    )


@settings(max_examples=400, deadline=None)
@given(call=calls())
def test_no_secret_member_is_ever_recorded(call: CallFacts) -> None:
    record = encode(call, Copy(event_id=RecordEncoder(seed=SEED).event_id(), recipient=ACCOUNT))
    _assert_clean(record)
    assert event_id_of(record) == json.loads(record)["eventID"]


def _assert_clean(record: bytes) -> None:
    assert _MARKER_BYTES not in record
    assert _BASE64.encode() not in record
    assert all(0x20 <= byte < 0x7F for byte in record)


def _sent(name: str, draw: Any) -> Shape:
    """A request as the wire decodes it: each member of its type."""
    values: dict[str, Any] = {}
    contexts = st.dictionaries(_text, _text, max_size=3)
    for member in SHAPES[name].input.__struct_fields__:
        if "context" in member:
            values[member] = draw(st.one_of(st.none(), contexts))
        elif member in {"plaintext", "ciphertext_blob"}:
            values[member] = _MARKER_BYTES
        elif member in {"number_of_bytes", "limit"}:
            values[member] = draw(st.one_of(st.none(), st.integers(0, 1024)))
        elif member not in {"recipient", "grant_tokens", "dry_run", "dry_run_modifiers"}:
            values[member] = draw(st.one_of(st.none(), _text))
    return SHAPES[name].input(**values)


_TEMPLATED = (
    "Encrypt",
    "Decrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateRandom",
    "DescribeKey",
)


@st.composite
def data_calls(draw: Any) -> CallFacts:
    name = draw(st.sampled_from(_TEMPLATED))
    return facts(
        name,
        _sent(name, draw),
        error=draw(_errors),
        user_agent=draw(_text),
        source_ip=draw(_text),
        request_id=str(draw(st.uuids())),
        region_name=draw(st.sampled_from(["us-east-1", "eu-west-1"])),
        resources=draw(st.sampled_from([(), ((ACCOUNT, KEY_ARN),), ((OTHER_ACCOUNT, KEY_ARN),)])),
        event_time=draw(st.sampled_from([0.0, 1.7e9, 1.7e9 + 0.9, 1.7e9 + 1])),
    )


@settings(max_examples=100, deadline=None)
@given(sequence=st.lists(data_calls(), min_size=1, max_size=8), shared=st.sampled_from(["", "s"]))
def test_pieces_and_plain_code_write_the_same_record(
    sequence: list[CallFacts], shared: str
) -> None:
    encoders = defaultdict[str, TemplateEncoder](TemplateEncoder)
    for call in sequence:
        encoder = encoders[call.region_name]
        copy = Copy(event_id="e", recipient=ACCOUNT, shared_event_id=shared)
        record = encoder.encode(call, copy.event_id, copy.recipient, copy.shared_event_id)
        assert record == encode(call, copy)
        _assert_clean(record)


@given(texts=st.lists(_text, max_size=5))
def test_whatever_a_record_says_it_is_one_line_of_the_chain(texts: list[str]) -> None:
    copy = Copy(event_id="77274901-88bc-4e3f-9bb6-acf1c16f6a7c", recipient=ACCOUNT)
    records = [
        encode_internal(
            InternalEvent(
                event_name=text,
                account_id=ACCOUNT,
                event_time=0.0,
                region="us-east-1",
                resources=(),
                additional={text: text},
            ),
            copy,
        )
        for text in texts
    ]
    lines, link = chain_records(START, records)
    assert link.n == len(texts)
    for n, (raw, record) in enumerate(zip(lines, records, strict=True)):
        assert raw.count(b"\n") == 1
        line = parse_line(raw)
        assert line is not None
        assert (line.n, line.body) == (n, record)
