"""What botocore writes is what we read, and what we write is what botocore reads."""

import json
from datetime import datetime
from typing import Any

import botocore.parsers
import botocore.serialize
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regionkms.model.errors import SerializationException
from regionkms.model.shape import Shape, _quotes
from regionkms.model.shapes import OPERATIONS
from regionkms.wire import json11
from tests.support import api_values

_SERIALIZER = botocore.serialize.create_serializer("json", include_validation=True)
_PARSER = botocore.parsers.create_parser("json")
_WITH_BODY = [name for name, row in OPERATIONS.items() if row.output is not None]

_few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _body(name: str, parameters: dict[str, Any]) -> bytes:
    sent = _SERIALIZER.serialize_to_request(parameters, api_values.operation(name))
    assert sent["headers"]["X-Amz-Target"] == json11.TARGET_PREFIX + name
    assert sent["headers"]["Content-Type"] == json11.CONTENT_TYPE
    body = sent["body"]
    assert isinstance(body, bytes)
    return body


def _plain(value: object) -> Any:
    """Turn a request back into botocore's parameters."""
    match value:
        case Shape():
            names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
            return {
                wire: _plain(member)
                for name, wire in names
                if (member := getattr(value, name)) is not None
            }
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _seconds(value: object) -> Any:
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {name: _seconds(member) for name, member in value.items()}
        case list():
            return [_seconds(item) for item in value]
        case _:
            return value


@pytest.mark.parametrize("name", api_values.OPERATION_NAMES)
@_few
@given(data=st.data())
def test_a_request_of_botocore_is_read_whole(name: str, data: st.DataObject) -> None:
    parameters = data.draw(api_values.requests(name))
    request = json11.decode(name, _body(name, parameters))
    assert type(request) is OPERATIONS[name].input
    assert _plain(request) == parameters


@pytest.mark.parametrize("name", api_values.OPERATION_NAMES)
@_few
@given(data=st.data())
def test_counted_quotes_are_those_of_the_body(name: str, data: st.DataObject) -> None:
    parameters = data.draw(api_values.requests(name))
    body = _body(name, parameters)
    request = json11.decode(name, body)
    assert request.json_quotes() == _quotes(request)
    if b"\\" not in body:
        assert request.json_quotes() == body.count(b'"')


@pytest.mark.parametrize("name", _WITH_BODY)
@_few
@given(data=st.data())
def test_a_response_is_what_botocore_reads(name: str, data: st.DataObject) -> None:
    members = data.draw(api_values.responses(name))
    output = OPERATIONS[name].output
    assert output is not None
    response = msgspec.convert(members, output, builtin_types=(bytes,))
    answer = {"status_code": 200, "headers": {}, "body": json11.encode(response)}
    shape = api_values.operation(name).output_shape
    assert shape is not None
    parsed = _PARSER.parse(answer, shape)
    del parsed["ResponseMetadata"]
    assert _seconds(parsed) == members


@_few
@given(data=st.data())
def test_a_member_twice_is_found_wherever_it_is(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(api_values.OPERATION_NAMES))
    parameters = data.draw(api_values.requests(name).filter(bool))
    members = list(json.loads(_body(name, parameters)).items())
    twice = data.draw(st.sampled_from(members))
    members.insert(data.draw(st.integers(0, len(members))), twice)
    pairs = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in members)
    with pytest.raises(SerializationException) as raised:
        json11.decode(name, f"{{{', '.join(pairs)}}}".encode())
    expected = f"An object in the request body has the same member '{twice[0]}' twice"
    assert raised.value.message == expected
