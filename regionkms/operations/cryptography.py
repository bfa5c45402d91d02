"""Encrypt, Decrypt, ReEncrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.

All of them touch memory only. Source: spec 01 §4, §5; protocol §4 (what a Region answers from
local facts); design §3 (blob).
"""

from collections.abc import Mapping
from typing import Final, NoReturn

from regionkms.crypto.blob import PREFIX_BYTES, RANDOM_BYTES, parse_header
from regionkms.crypto.context import encode_context
from regionkms.model import shapes
from regionkms.model.errors import (
    IncorrectKeyException,
    InvalidCiphertextException,
    InvalidKeyUsageException,
    KmsError,
    KMSInternalException,
    UnsupportedOperationException,
    ValidationException,
)
from regionkms.model.ids import AccountId
from regionkms.model.key_spec import KeyUsage
from regionkms.operations.authorize import (
    NO_CIPHERTEXT,
    authorize_key,
    ciphertext_target,
    resolve_for,
)
from regionkms.operations.call import Call
from regionkms.operations.charging import charge_pair
from regionkms.operations.loaded_key import LoadedKey
from regionkms.operations.resolve import Target
from regionkms.ports.operation import Audited, Operation, Plane, Resource

_SYMMETRIC_DEFAULT: Final = "SYMMETRIC_DEFAULT"
_DATA_KEY_BYTES: Final = {"AES_256": 32, "AES_128": 16}
_INCORRECT_KEY: Final = (
    "The key ID in the request does not identify a CMK that can perform this operation."
)


# Handlers ask the cheap question first and call these for what nearly no request has: a function
# costs more than the question.


def _require_symmetric(key: LoadedKey, operation: str) -> None:
    """Refuse a key of another usage or spec (spec 01 C1)."""
    if key.symmetric:
        return
    if key.key.key_usage is not KeyUsage.ENCRYPT_DECRYPT:
        raise InvalidKeyUsageException(
            f"{key.arn} key usage is {key.key.key_usage.value} which is not valid for {operation}."
        )
    raise InvalidKeyUsageException(
        f"{key.arn} key spec is {key.key.key_spec.value} which is not valid for {operation}."
    )


def _require_algorithm(algorithm: str | None, key: LoadedKey) -> None:
    if algorithm is not None and algorithm != _SYMMETRIC_DEFAULT:
        raise InvalidKeyUsageException(
            f"Algorithm {algorithm} is incompatible with key spec {key.key.key_spec.value}."
        )


def _refuse_recipient(recipient: object) -> None:
    if recipient is not None:
        raise UnsupportedOperationException(
            "Recipient is not supported: this Region has no attestation of enclaves."
        )


def _encrypt(
    call: Call, key: LoadedKey, plaintext: bytes, context: Mapping[str, str] | None
) -> bytes:
    cipher = key.current
    if cipher is None:
        # The state table let the call pass, so facts and material contradict one another.
        raise KMSInternalException("The KMS key has no current key material. Retry the request.")
    return cipher.encrypt(
        plaintext,
        encode_context(context) if context else b"",
        call.region.random_bytes(RANDOM_BYTES),
    )


def _decrypt(call: Call, key: LoadedKey, blob: bytes, context: Mapping[str, str] | None) -> bytes:
    # The prefix names key and generation, so that nothing need be parsed.
    cipher = key.ciphers.get(blob[:PREFIX_BYTES])
    if cipher is None:
        _refuse_generation(call, key, blob)
    return cipher.decrypt(blob, encode_context(context) if context else b"")


def _refuse_generation(call: Call, key: LoadedKey, blob: bytes) -> NoReturn:
    """Say why a blob names no generation of this key that is here.

    A generation that this key made elsewhere and that is not here is looked for in the store
    once more (protocol H6), and then is the one retryable case (protocol §4): its tag proves that
    the key made it.
    """
    _require_made_by(key, blob)
    header = parse_header(blob)
    if not key.made_elsewhere(header.generation_id, header.generation_tag):
        raise InvalidCiphertextException
    if not call.read_through:
        call.read_through = True
        raise call.region.keys.reread((key.key.account_id, key.key.key_id))
    raise KMSInternalException(
        f"{key.arn} does not have this version of its key material yet. Retry the request."
    )


def encrypt(call: Call) -> shapes.EncryptResponse:
    """Encrypt up to 4096 bytes under a KMS key."""
    request: shapes.EncryptRequest = call.request
    key = call.key
    if key.current is None:
        _require_symmetric(key, "Encrypt")
    if request.encryption_algorithm is not None:
        _require_algorithm(request.encryption_algorithm, key)
    blob = _encrypt(call, key, request.plaintext, request.encryption_context)
    return shapes.EncryptResponse(
        ciphertext_blob=blob, key_id=key.arn, encryption_algorithm=_SYMMETRIC_DEFAULT
    )


def decrypt(call: Call) -> shapes.DecryptResponse:
    """Decrypt a ciphertext under the key that made it."""
    request: shapes.DecryptRequest = call.request
    key = call.key
    if not key.symmetric and key.key.key_usage is not KeyUsage.ENCRYPT_DECRYPT:
        raise IncorrectKeyException(_INCORRECT_KEY)
    if request.encryption_algorithm is not None:
        _require_algorithm(request.encryption_algorithm, key)
    if request.recipient is not None:
        _refuse_recipient(request.recipient)
    if request.dry_run_modifiers and _ignores_ciphertext(request):
        return shapes.DecryptResponse()
    blob = _required(request.ciphertext_blob)
    plaintext = _decrypt(call, key, blob, request.encryption_context)
    return shapes.DecryptResponse(
        key_id=key.arn, plaintext=plaintext, encryption_algorithm=_SYMMETRIC_DEFAULT
    )


def _ignores_ciphertext(request: shapes.DecryptRequest | shapes.ReEncryptRequest) -> bool:
    """Whether a DryRun asks about permissions alone, with or without a ciphertext."""
    if not request.dry_run_modifiers:
        return False
    if not request.dry_run:
        raise ValidationException("DryRunModifiers can be specified only with DryRun.")
    return True


def _required(blob: bytes | None) -> bytes:
    """The ciphertext; the API model makes it optional for DryRunModifiers alone."""
    if blob is None:
        raise ValidationException(NO_CIPHERTEXT)
    return blob


def _require_made_by(key: LoadedKey, blob: bytes) -> None:
    """The key named in the request must be the one that the ciphertext names (spec 02 §3.10)."""
    header = parse_header(blob)
    if (header.account_id, header.key_id) != (key.key.account_id, key.key.key_id):
        raise IncorrectKeyException(_INCORRECT_KEY)


def generate_data_key(call: Call) -> shapes.GenerateDataKeyResponse:
    """Return a new data key in plaintext and encrypted; the service keeps neither."""
    request: shapes.GenerateDataKeyRequest = call.request
    key = call.key
    if request.recipient is not None:
        _refuse_recipient(request.recipient)
    if key.current is None:
        _require_symmetric(key, "GenerateDataKey")
    plaintext = _new_data_key(call, request.key_spec, request.number_of_bytes)
    blob = _encrypt(call, key, plaintext, request.encryption_context)
    return shapes.GenerateDataKeyResponse(ciphertext_blob=blob, plaintext=plaintext, key_id=key.arn)


def generate_data_key_without_plaintext(
    call: Call,
) -> shapes.GenerateDataKeyWithoutPlaintextResponse:
    """Return a new data key, encrypted only."""
    request: shapes.GenerateDataKeyWithoutPlaintextRequest = call.request
    key = call.key
    _require_symmetric(key, "GenerateDataKeyWithoutPlaintext")
    plaintext = _new_data_key(call, request.key_spec, request.number_of_bytes)
    blob = _encrypt(call, key, plaintext, request.encryption_context)
    return shapes.GenerateDataKeyWithoutPlaintextResponse(ciphertext_blob=blob, key_id=key.arn)


def _new_data_key(call: Call, key_spec: str | None, number_of_bytes: int | None) -> bytes:
    if (key_spec is None) == (number_of_bytes is None):
        raise ValidationException(
            "Please specify either number of bytes or key spec, and not both."
        )
    size_bytes = _DATA_KEY_BYTES[key_spec] if key_spec is not None else number_of_bytes
    return call.region.random_bytes(size_bytes or 0)


def generate_random(call: Call) -> shapes.GenerateRandomResponse:
    """Return random bytes; no KMS key is involved."""
    request: shapes.GenerateRandomRequest = call.request
    _refuse_recipient(request.recipient)
    if request.custom_key_store_id is not None:
        raise UnsupportedOperationException("This Region does not offer custom key stores.")
    if request.number_of_bytes is None:
        raise ValidationException("NumberOfBytes is required.")
    return shapes.GenerateRandomResponse(
        plaintext=call.region.random_bytes(request.number_of_bytes)
    )


def _source_and_destination(call: Call, request: shapes.ReEncryptRequest) -> tuple[Target, Target]:
    """Find both keys; a call that names none of them right is charged all the same."""
    try:
        source = ciphertext_target(call, request.source_key_id, request.ciphertext_blob)
        return source, resolve_for(call, request.destination_key_id, accepts_alias=True)
    except KmsError:
        charge_pair(call, None, None)
        raise


def _own(call: Call, target: Target) -> tuple[tuple[AccountId, str], ...]:
    """What a refusal's record may name: a key of the caller's account (spec 02 §3.10)."""
    key = target.key
    return key.touched if key is not None and key.key.account_id == call.account_id else ()


def re_encrypt(call: Call) -> shapes.ReEncryptResponse:
    """Decrypt under one key and encrypt under another, inside the service (spec 03 §3.6)."""
    request: shapes.ReEncryptRequest = call.request
    source_target, target = _source_and_destination(call, request)
    charge_pair(
        call,
        None if source_target.key is None else source_target.key.key.key_spec,
        None if target.key is None else target.key.key.key_spec,
    )
    call.resources = _own(call, source_target) + _own(call, target)
    same = source_target.key is not None and source_target.key is target.key
    source = authorize_key(
        call,
        "kms:ReEncryptFrom",
        source_target,
        encryption_context=request.source_encryption_context,
        reencrypt_on_same_key=same,
    )
    destination = authorize_key(
        call,
        "kms:ReEncryptTo",
        target,
        encryption_context=request.destination_encryption_context,
        reencrypt_on_same_key=same,
    )
    call.loaded = destination
    call.resources = source.touched + destination.touched
    source.check_state("ReEncrypt")
    destination.check_state("ReEncrypt")
    if source.key.key_usage is not KeyUsage.ENCRYPT_DECRYPT:
        raise IncorrectKeyException(_INCORRECT_KEY)
    _require_symmetric(destination, "ReEncrypt")
    _require_algorithm(request.source_encryption_algorithm, source)
    _require_algorithm(request.destination_encryption_algorithm, destination)
    if _ignores_ciphertext(request):
        return shapes.ReEncryptResponse()
    blob = _required(request.ciphertext_blob)
    plaintext = _decrypt(call, source, blob, request.source_encryption_context)
    new_blob = _encrypt(call, destination, plaintext, request.destination_encryption_context)
    return shapes.ReEncryptResponse(
        ciphertext_blob=new_blob,
        source_key_id=source.arn,
        key_id=destination.arn,
        source_encryption_algorithm=_SYMMETRIC_DEFAULT,
        destination_encryption_algorithm=_SYMMETRIC_DEFAULT,
    )


OPERATIONS: Final = (
    Operation(
        name="Encrypt",
        handler=encrypt,
        plane=Plane.DATA,
        resource=Resource.KEY_OR_ALIAS,
        permission="kms:Encrypt",
        read_only=True,
        dry_run=True,
        audited=Audited(
            request=("KeyId", "EncryptionContext", "EncryptionAlgorithm"),
            defaults={"EncryptionAlgorithm": _SYMMETRIC_DEFAULT},
        ),
    ),
    Operation(
        name="Decrypt",
        handler=decrypt,
        plane=Plane.DATA,
        resource=Resource.CIPHERTEXT,
        permission="kms:Decrypt",
        read_only=True,
        dry_run=True,
        audited=Audited(
            request=("EncryptionAlgorithm", "KeyId", "EncryptionContext"),
            defaults={"EncryptionAlgorithm": _SYMMETRIC_DEFAULT},
        ),
    ),
    Operation(
        name="ReEncrypt",
        handler=re_encrypt,
        plane=Plane.DATA,
        resource=Resource.COMPOSITE,
        permission="kms:ReEncryptFrom",
        read_only=True,
        dry_run=True,
        audited=Audited(
            request=(
                "SourceEncryptionAlgorithm",
                "SourceEncryptionContext",
                "SourceKeyId",
                "DestinationKeyId",
                "DestinationEncryptionAlgorithm",
                "DestinationEncryptionContext",
            ),
            defaults={
                "SourceEncryptionAlgorithm": _SYMMETRIC_DEFAULT,
                "DestinationEncryptionAlgorithm": _SYMMETRIC_DEFAULT,
            },
        ),
    ),
    Operation(
        name="GenerateDataKey",
        handler=generate_data_key,
        plane=Plane.DATA,
        resource=Resource.KEY_OR_ALIAS,
        permission="kms:GenerateDataKey",
        read_only=True,
        dry_run=True,
        audited=Audited(request=("KeyId", "KeySpec", "NumberOfBytes", "EncryptionContext")),
    ),
    Operation(
        name="GenerateDataKeyWithoutPlaintext",
        handler=generate_data_key_without_plaintext,
        plane=Plane.DATA,
        resource=Resource.KEY_OR_ALIAS,
        permission="kms:GenerateDataKeyWithoutPlaintext",
        read_only=True,
        dry_run=True,
        audited=Audited(request=("KeyId", "KeySpec", "NumberOfBytes", "EncryptionContext")),
    ),
    Operation(
        name="GenerateRandom",
        handler=generate_random,
        plane=Plane.DATA,
        resource=Resource.NONE,
        permission="kms:GenerateRandom",
        read_only=True,
        audited=Audited(),
    ),
)
"""Rows of this family."""
