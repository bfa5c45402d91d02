"""AWS JSON 1.1: request bodies in, response bodies out.

A good body is read in one pass of msgspec, constraints included. Only when that fails is the body
read again, slowly and exactly, to say as AWS does which member is wrong and why
(`wire/validation.py`).

What a lenient reader would let through is refused: a member that is there twice (also inside an
encryption context, where two parties could read different contexts from one body), invalid UTF-8,
deep nesting, loose base64.

Source: spec 07 §9 (wire facts), spec 01 §7.2 and §11.2 (messages).
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import msgspec

from regionkms.model.errors import UnknownOperationException
from regionkms.model.shape import OperationShape, Shape
from regionkms.model.shapes import OPERATIONS
from regionkms.wire import strict_json, validation

CONTENT_TYPE: Final = "application/x-amz-json-1.1"
TARGET_PREFIX: Final = "TrentService."
"""What `X-Amz-Target` has before the name of the operation."""

_NO_MEMBERS: Final = b"{}"

_BACKSLASH: Final = 0x5C
"""As a number: searching bytes for a number is 0.1 us faster than for bytes."""

_ENCODER: Final = msgspec.json.Encoder()


def _reader(operation: OperationShape) -> Callable[[bytes], Shape]:
    """Make the function that reads the requests of one operation."""
    read = msgspec.json.Decoder(operation.input).decode
    input_type = operation.input

    def decode_request(body: bytes) -> Shape:
        body = body or _NO_MEMBERS
        try:
            request = read(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            request = None
        if request is None:
            # Outside of the handler: these exceptions hold parts of the request.
            raise validation.explain(input_type, body)
        if _BACKSLASH in body or body.count(b'"') != request.json_quotes():
            # Something of the body is not in the request: a member unknown, null, or twice.
            # Counting costs 0.5 us; parsing each body exactly would cost 9 us.
            strict_json.parse(body)
        return request

    return decode_request


DECODERS: Final = MappingProxyType(
    {name: _reader(operation) for name, operation in OPERATIONS.items()}
)
"""For each operation the function that reads its request body; `decode` says what it raises.

A caller that already has the operation's row takes its decoder from here once.
"""


def decode(operation_name: str, body: bytes) -> Shape:
    """Read a request body.

    Args:
        operation_name: The operation, without `TrentService.`.
        body: The whole body; empty means `{}`.

    Returns:
        The request, of the operation's input type, every constraint of the model met.

    Raises:
        UnknownOperationException: The model has no such operation.
        SerializationException: The body is not a JSON object, or not read the same way by everyone
            (a member twice, invalid UTF-8), or a member has the wrong JSON type.
        ValidationException: A member is missing or does not satisfy its constraint.
    """
    decoder = DECODERS.get(operation_name)
    if decoder is None:
        raise UnknownOperationException
    return decoder(body)


def encode(response: Shape | None) -> bytes:
    """Write a response body: blobs in base64, None left out, instants as epoch seconds.

    Args:
        response: The response; None where success has an empty body.
    """
    return b"" if response is None else _ENCODER.encode(response)
