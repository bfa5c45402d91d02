"""One response type per operation that answers with a body.

Generated from botocore's model of the KMS API by `python tools/generate_shapes.py`.
Do not edit. As long as the model is: no part of it is ever read or changed alone.
"""

from collections.abc import (
    Sequence,
)
from msgspec import (
    field,
)
from regionkms.model.shape import (
    Shape,
)
from regionkms.model.shapes.enums import (
    CustomerMasterKeySpec,
    KeySpec,
    KeyState,
)
from regionkms.model.shapes.structures import (
    AliasListEntry,
    CustomKeyStoresListEntry,
    GrantListEntry,
    KeyLastUsageData,
    KeyListEntry,
    KeyMetadata,
    RotationsListEntry,
    Tag,
)
from typing import (
    ClassVar,
)


class CancelKeyDeletionResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CancelKeyDeletionResponse`."""

    key_id: str | None = field(default=None, name="KeyId")


class ConnectCustomKeyStoreResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ConnectCustomKeyStoreResponse`."""



class CreateCustomKeyStoreResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateCustomKeyStoreResponse`."""

    custom_key_store_id: str | None = field(default=None, name="CustomKeyStoreId")


class CreateGrantResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateGrantResponse`."""

    grant_token: str | None = field(default=None, name="GrantToken")
    grant_id: str | None = field(default=None, name="GrantId")


class CreateKeyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateKeyResponse`."""

    key_metadata: KeyMetadata | None = field(default=None, name="KeyMetadata")


class DecapsulateResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DecapsulateResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['shared_secret'])

    key_id: str | None = field(default=None, name="KeyId")
    shared_secret: bytes | None = field(default=None, name="SharedSecret")
    encapsulation_algorithm: str | None = field(default=None, name="EncapsulationAlgorithm")


class DecryptResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DecryptResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['plaintext'])

    key_id: str | None = field(default=None, name="KeyId")
    plaintext: bytes | None = field(default=None, name="Plaintext")
    encryption_algorithm: str | None = field(default=None, name="EncryptionAlgorithm")
    ciphertext_for_recipient: bytes | None = field(default=None, name="CiphertextForRecipient")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class DeleteCustomKeyStoreResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeleteCustomKeyStoreResponse`."""



class DeleteImportedKeyMaterialResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeleteImportedKeyMaterialResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class DeriveSharedSecretResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeriveSharedSecretResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['shared_secret'])

    key_id: str | None = field(default=None, name="KeyId")
    shared_secret: bytes | None = field(default=None, name="SharedSecret")
    ciphertext_for_recipient: bytes | None = field(default=None, name="CiphertextForRecipient")
    key_agreement_algorithm: str | None = field(default=None, name="KeyAgreementAlgorithm")
    key_origin: str | None = field(default=None, name="KeyOrigin")


class DescribeCustomKeyStoresResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DescribeCustomKeyStoresResponse`."""

    custom_key_stores: Sequence[CustomKeyStoresListEntry] | None = field(default=None, name="CustomKeyStores")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class DescribeKeyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DescribeKeyResponse`."""

    key_metadata: KeyMetadata | None = field(default=None, name="KeyMetadata")


class DisconnectCustomKeyStoreResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DisconnectCustomKeyStoreResponse`."""



class EncapsulateResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`EncapsulateResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['shared_secret'])

    key_id: str | None = field(default=None, name="KeyId")
    shared_secret: bytes | None = field(default=None, name="SharedSecret")
    shared_secret_ciphertext_blob: bytes | None = field(default=None, name="SharedSecretCiphertextBlob")
    encapsulation_algorithm: str | None = field(default=None, name="EncapsulationAlgorithm")


class EncryptResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`EncryptResponse`."""

    ciphertext_blob: bytes | None = field(default=None, name="CiphertextBlob")
    key_id: str | None = field(default=None, name="KeyId")
    encryption_algorithm: str | None = field(default=None, name="EncryptionAlgorithm")


class GenerateDataKeyPairResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyPairResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['private_key_plaintext'])

    private_key_ciphertext_blob: bytes | None = field(default=None, name="PrivateKeyCiphertextBlob")
    private_key_plaintext: bytes | None = field(default=None, name="PrivateKeyPlaintext")
    public_key: bytes | None = field(default=None, name="PublicKey")
    key_id: str | None = field(default=None, name="KeyId")
    key_pair_spec: str | None = field(default=None, name="KeyPairSpec")
    ciphertext_for_recipient: bytes | None = field(default=None, name="CiphertextForRecipient")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class GenerateDataKeyPairWithoutPlaintextResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyPairWithoutPlaintextResponse`."""

    private_key_ciphertext_blob: bytes | None = field(default=None, name="PrivateKeyCiphertextBlob")
    public_key: bytes | None = field(default=None, name="PublicKey")
    key_id: str | None = field(default=None, name="KeyId")
    key_pair_spec: str | None = field(default=None, name="KeyPairSpec")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class GenerateDataKeyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['plaintext'])

    ciphertext_blob: bytes | None = field(default=None, name="CiphertextBlob")
    plaintext: bytes | None = field(default=None, name="Plaintext")
    key_id: str | None = field(default=None, name="KeyId")
    ciphertext_for_recipient: bytes | None = field(default=None, name="CiphertextForRecipient")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class GenerateDataKeyWithoutPlaintextResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyWithoutPlaintextResponse`."""

    ciphertext_blob: bytes | None = field(default=None, name="CiphertextBlob")
    key_id: str | None = field(default=None, name="KeyId")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class GenerateMacResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateMacResponse`."""

    mac: bytes | None = field(default=None, name="Mac")
    mac_algorithm: str | None = field(default=None, name="MacAlgorithm")
    key_id: str | None = field(default=None, name="KeyId")


class GenerateRandomResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateRandomResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['plaintext'])

    plaintext: bytes | None = field(default=None, name="Plaintext")
    ciphertext_for_recipient: bytes | None = field(default=None, name="CiphertextForRecipient")


class GetKeyLastUsageResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetKeyLastUsageResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    key_last_usage: KeyLastUsageData | None = field(default=None, name="KeyLastUsage")
    tracking_start_date: float | None = field(default=None, name="TrackingStartDate")
    key_creation_date: float | None = field(default=None, name="KeyCreationDate")


class GetKeyPolicyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetKeyPolicyResponse`."""

    policy: str | None = field(default=None, name="Policy")
    policy_name: str | None = field(default=None, name="PolicyName")


class GetKeyRotationStatusResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetKeyRotationStatusResponse`."""

    key_rotation_enabled: bool | None = field(default=None, name="KeyRotationEnabled")
    key_id: str | None = field(default=None, name="KeyId")
    rotation_period_in_days: int | None = field(default=None, name="RotationPeriodInDays")
    next_rotation_date: float | None = field(default=None, name="NextRotationDate")
    on_demand_rotation_start_date: float | None = field(default=None, name="OnDemandRotationStartDate")


class GetParametersForImportResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetParametersForImportResponse`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['public_key'])

    key_id: str | None = field(default=None, name="KeyId")
    import_token: bytes | None = field(default=None, name="ImportToken")
    public_key: bytes | None = field(default=None, name="PublicKey")
    parameters_valid_to: float | None = field(default=None, name="ParametersValidTo")


class GetPublicKeyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetPublicKeyResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    public_key: bytes | None = field(default=None, name="PublicKey")
    customer_master_key_spec: str | None = field(default=None, name="CustomerMasterKeySpec")
    key_spec: str | None = field(default=None, name="KeySpec")
    key_usage: str | None = field(default=None, name="KeyUsage")
    encryption_algorithms: Sequence[str] | None = field(default=None, name="EncryptionAlgorithms")
    signing_algorithms: Sequence[str] | None = field(default=None, name="SigningAlgorithms")
    key_agreement_algorithms: Sequence[str] | None = field(default=None, name="KeyAgreementAlgorithms")
    encapsulation_algorithms: Sequence[str] | None = field(default=None, name="EncapsulationAlgorithms")


class ImportKeyMaterialResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ImportKeyMaterialResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")


class ListAliasesResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListAliasesResponse`."""

    aliases: Sequence[AliasListEntry] | None = field(default=None, name="Aliases")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class ListGrantsResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListGrantsResponse`."""

    grants: Sequence[GrantListEntry] | None = field(default=None, name="Grants")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class ListKeyPoliciesResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListKeyPoliciesResponse`."""

    policy_names: Sequence[str] | None = field(default=None, name="PolicyNames")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class ListKeyRotationsResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListKeyRotationsResponse`."""

    rotations: Sequence[RotationsListEntry] | None = field(default=None, name="Rotations")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class ListKeysResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListKeysResponse`."""

    keys: Sequence[KeyListEntry] | None = field(default=None, name="Keys")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class ListResourceTagsResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListResourceTagsResponse`."""

    tags: Sequence[Tag] | None = field(default=None, name="Tags")
    next_marker: str | None = field(default=None, name="NextMarker")
    truncated: bool | None = field(default=None, name="Truncated")


class ReEncryptResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ReEncryptResponse`."""

    ciphertext_blob: bytes | None = field(default=None, name="CiphertextBlob")
    source_key_id: str | None = field(default=None, name="SourceKeyId")
    key_id: str | None = field(default=None, name="KeyId")
    source_encryption_algorithm: str | None = field(default=None, name="SourceEncryptionAlgorithm")
    destination_encryption_algorithm: str | None = field(default=None, name="DestinationEncryptionAlgorithm")
    source_key_material_id: str | None = field(default=None, name="SourceKeyMaterialId")
    destination_key_material_id: str | None = field(default=None, name="DestinationKeyMaterialId")


class ReplicateKeyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ReplicateKeyResponse`."""

    replica_key_metadata: KeyMetadata | None = field(default=None, name="ReplicaKeyMetadata")
    replica_policy: str | None = field(default=None, name="ReplicaPolicy")
    replica_tags: Sequence[Tag] | None = field(default=None, name="ReplicaTags")


class RotateKeyOnDemandResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`RotateKeyOnDemandResponse`."""

    key_id: str | None = field(default=None, name="KeyId")


class ScheduleKeyDeletionResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ScheduleKeyDeletionResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    deletion_date: float | None = field(default=None, name="DeletionDate")
    key_state: str | None = field(default=None, name="KeyState")
    pending_window_in_days: int | None = field(default=None, name="PendingWindowInDays")


class SignResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`SignResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    signature: bytes | None = field(default=None, name="Signature")
    signing_algorithm: str | None = field(default=None, name="SigningAlgorithm")


class UpdateCustomKeyStoreResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`UpdateCustomKeyStoreResponse`."""



class VerifyMacResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`VerifyMacResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    mac_valid: bool | None = field(default=None, name="MacValid")
    mac_algorithm: str | None = field(default=None, name="MacAlgorithm")


class VerifyResponse(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`VerifyResponse`."""

    key_id: str | None = field(default=None, name="KeyId")
    signature_valid: bool | None = field(default=None, name="SignatureValid")
    signing_algorithm: str | None = field(default=None, name="SigningAlgorithm")
