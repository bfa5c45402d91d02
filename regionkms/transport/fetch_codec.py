"""Bytes of a fetch and back: the protobuf of proto/regionkms/v1/key_transport.proto."""

from typing import Final

from google.protobuf.message import DecodeError

from regionkms.model.ids import (
    GENERATION_ID_BYTES,
    AccountId,
    GenerationId,
    KeyId,
    RegionName,
    is_account_id,
    is_multi_region_key_id,
)
from regionkms.model.proto import key_transport_pb2 as pb
from regionkms.model.record_codec import epoch_message, epoch_of
from regionkms.ports.key_transport import FetchRefused, FetchRequest, RefusalCode, SealedMaterial

METHOD: Final = "/regionkms.v1.KeyTransport/Fetch"
REFUSAL_TRAILER: Final = "regionkms-refusal"
"""Trailer that carries the RefusalCode; the status' details carry its message."""
MAX_REQUEST_BYTES: Final = 4096
MAX_RESPONSE_BYTES: Final = 65_536
"""A sealed RSA-4096 private key, the largest material, takes less than 8 KiB."""


def encode_request(source: RegionName, request: FetchRequest) -> bytes:
    """The message for a source."""
    message = pb.FetchRequest(
        source_region=source,
        account_id=request.account_id,
        key_id=request.key_id,
        life=request.life,
        epoch=epoch_message(request.epoch),
        transport_key_id=request.transport_key_id,
    )
    if request.generation_id is None:
        message.binding_key = True
    else:
        message.generation_id = request.generation_id
    return message.SerializeToString(deterministic=True)


def parse_request(encoded: bytes, own: RegionName) -> FetchRequest:
    """Read a message that was sent to this Region.

    Raises:
        FetchRefused: It is malformed, or means another Region.
    """
    try:
        message = pb.FetchRequest.FromString(encoded)
    except DecodeError as error:
        raise FetchRefused(RefusalCode.MALFORMED, "not a FetchRequest") from error
    if message.source_region != own:
        raise FetchRefused(RefusalCode.WRONG_SOURCE, f"this is {own}")
    if not (is_account_id(message.account_id) and is_multi_region_key_id(message.key_id)):
        raise FetchRefused(RefusalCode.MALFORMED, "no multi-Region key is named")
    return FetchRequest(
        account_id=AccountId(message.account_id),
        key_id=KeyId(message.key_id),
        generation_id=_generation_id(message),
        life=message.life,
        epoch=epoch_of(message.epoch),
        transport_key_id=message.transport_key_id,
    )


def encode_response(sealed: SealedMaterial) -> bytes:
    """The message for the target."""
    return pb.FetchResponse(sealed=sealed).SerializeToString(deterministic=True)


def parse_response(encoded: bytes) -> SealedMaterial:
    """Read a source's answer.

    Raises:
        FetchRefused: It is malformed.
    """
    try:
        return SealedMaterial(pb.FetchResponse.FromString(encoded).sealed)
    except DecodeError as error:
        raise FetchRefused(RefusalCode.MALFORMED, "the answer is no FetchResponse") from error


def _generation_id(message: pb.FetchRequest) -> GenerationId | None:
    subject = message.WhichOneof("subject")
    if subject == "binding_key" and message.binding_key:
        return None
    if subject != "generation_id" or len(message.generation_id) != GENERATION_ID_BYTES:
        raise FetchRefused(RefusalCode.MALFORMED, "neither a generation nor the binding key")
    return GenerationId(message.generation_id)
