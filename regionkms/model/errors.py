"""Every error that regionkms raises on purpose.

Two families; nothing else crosses a port::

    Exception
    ├── KmsError                  a caller can act on it; the class name is the wire name
    │   ├── AccessDeniedException, ValidationException, NotFoundException, ...
    │   └── KMSInternalException, DependencyTimeoutException, ...   (5xx, retryable)
    └── Fault                     ours; the pipeline maps it to a KmsError in one place
        ├── StoreUnavailable      the regional store did not answer
        ├── RowTampered           a row's authentication code does not fit its columns
        ├── VaultSealed           domain keys are not (or no longer) at hand
        ├── MaterialUnreadable    wrapped material does not open
        ├── AuditUnavailable      the record of a call could not be written
        ├── CoordinatorUnavailable   etcd did not answer a read in time
        ├── OutcomeUnknown        a write was sent and its outcome is not known
        ├── PeerUnreachable       another Region did not answer, or refused
        └── ConfigurationError    a setting or an operator's request makes no sense

Messages carry sizes, names and ARNs; never bytes of a request, key material, or which check of a
ciphertext failed. HTTP status codes live in wire/errors.py.
"""

from typing import ClassVar


class KmsError(Exception):
    """An error that the caller of the API sees. The class name is the wire name (`__type`)."""

    fault: ClassVar[str] = "client"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The wire name."""
        return type(self).__name__


class AccessDeniedException(KmsError):
    """Authorization failed (spec 03 AZ-21)."""


class AlreadyExistsException(KmsError):
    """The resource already exists."""


class DisabledException(KmsError):
    """The KMS key is disabled (spec 02 §9.3, footnote 1)."""


class DryRunOperationException(KmsError):
    """DryRun was given and the call would have succeeded (HTTP 412 in botocore's model)."""


class IncorrectKeyException(KmsError):
    """The named KMS key did not encrypt the ciphertext."""


class IncorrectKeyMaterialException(KmsError):
    """The imported key material is not the one that this KMS key had before."""


class InvalidAliasNameException(KmsError):
    """The alias name is not valid."""


class InvalidArnException(KmsError):
    """An ARN is malformed."""


class InvalidCiphertextException(KmsError):
    """A ciphertext does not open; the message is always empty (spec 01 E2)."""


class InvalidGrantTokenException(KmsError):
    """A grant token is not valid."""


class InvalidKeyUsageException(KmsError):
    """The KMS key's usage or spec does not fit the operation (spec 01 C1)."""


class InvalidMarkerException(KmsError):
    """A pagination marker is not valid."""


class KMSInvalidStateException(KmsError):
    """The key state does not allow the operation (spec 02 §9)."""


class LimitExceededException(KmsError):
    """A resource quota is exceeded (spec 07 §4.1)."""


class MalformedPolicyDocumentException(KmsError):
    """A key policy is malformed, or would lock its writer out (spec 03 KP-12, KP-37)."""


class NotFoundException(KmsError):
    """The resource does not exist, as far as this caller may know."""


class SerializationException(KmsError):
    """The body is not JSON, or a member has the wrong JSON type."""


class TagException(KmsError):
    """Tags are malformed (spec 01 §11.2)."""


class ThrottlingException(KmsError):
    """A request quota is exceeded (spec 07 §4.5)."""


class UnsupportedOperationException(KmsError):
    """The operation is not valid for this resource."""


class UnknownOperationException(KmsError):
    """This Region does not offer the operation."""


class ValidationException(KmsError):
    """A member of the request does not satisfy its constraint."""


class IncompleteSignatureException(KmsError):
    """A part of the signature is missing or malformed."""


class InvalidClientTokenIdException(KmsError):
    """Query protocol: the access key id is not known."""


class InvalidSignatureException(KmsError):
    """The signature does not fit the request, or its time is off."""


class MissingAuthenticationTokenException(KmsError):
    """The request is not signed."""


class UnrecognizedClientException(KmsError):
    """The access key id or the session token is not known."""


class ExpiredTokenException(KmsError):
    """The session token has expired."""


class RequestEntityTooLargeException(KmsError):
    """The body is larger than the service takes."""


class KMSInternalException(KmsError):
    """Ours, and worth a retry; the message never says more than the log's trace id."""

    fault: ClassVar[str] = "server"


class DependencyTimeoutException(KmsError):
    """Something that the call depends on did not answer in time; retry."""

    fault: ClassVar[str] = "server"


class KeyUnavailableException(KmsError):
    """The KMS key can't be used at the moment; retry."""

    fault: ClassVar[str] = "server"


class ServiceUnavailableException(KmsError):
    """The node is draining or overloaded; retry elsewhere."""

    fault: ClassVar[str] = "server"


class Fault(Exception):
    """A failure of ours. Only the pipeline turns it into what a caller sees."""


class StoreUnavailable(Fault):
    """The regional store did not answer, or could not commit."""


class RowTampered(Fault):
    """A row that decides does not fit its authentication code."""


class VaultSealed(Fault):
    """A domain key is not at hand."""


class MaterialUnreadable(Fault):
    """Wrapped material does not open under its domain key and identity."""


class AuditUnavailable(Fault):
    """Audit records can't be written; the call must fail."""


class CoordinatorUnavailable(Fault):
    """etcd did not answer a read in time. Nothing was changed by it."""


class OutcomeUnknown(Fault):
    """A write to etcd was sent and no answer came: it may or may not have landed."""


class PeerUnreachable(Fault):
    """Another Region did not answer, or refused to."""


class ConfigurationError(Fault):
    """A setting or an operator's request makes no sense; the message tells the fix."""
