"""One request type per operation.

Generated from botocore's model of the KMS API by `python tools/generate_shapes.py`.
Do not edit. As long as the model is: no part of it is ever read or changed alone.
"""

from msgspec import (
    Meta,
    field,
)
from regionkms.model.shape import (
    Shape,
)
from regionkms.model.shapes.constraints import (
    AccountIdType,
    AliasNameType,
    BackingKeyIdType,
    CiphertextType,
    CloudHsmClusterIdType,
    CustomKeyStoreIdType,
    CustomKeyStoreNameType,
    DescriptionType,
    GrantIdType,
    GrantNameType,
    GrantTokenType,
    KeyIdType,
    KeyMaterialDescriptionType,
    KeyStorePasswordType,
    LimitType,
    MarkerType,
    NumberOfBytesType,
    PendingWindowInDaysType,
    PlaintextType,
    PolicyNameType,
    PolicyType,
    PrincipalIdType,
    PublicKeyType,
    RegionType,
    RotationPeriodInDaysType,
    ServicePrincipalType,
    TagKeyType,
    TrustAnchorCertificateType,
    XksKeyIdType,
    XksProxyUriEndpointType,
    XksProxyUriPathType,
    XksProxyVpcEndpointServiceNameType,
)
from regionkms.model.shapes.enums import (
    AlgorithmSpec,
    CustomKeyStoreType,
    CustomerMasterKeySpec,
    DataKeyPairSpec,
    DataKeySpec,
    DryRunModifierType,
    EncapsulationAlgorithmSpec,
    EncryptionAlgorithmSpec,
    ExpirationModelType,
    GrantOperation,
    ImportType,
    IncludeKeyMaterial,
    KeyAgreementAlgorithmSpec,
    KeySpec,
    KeyUsageType,
    MacAlgorithmSpec,
    MessageType,
    OriginType,
    ResourceOwnerType,
    SigningAlgorithmSpec,
    WrappingKeySpec,
    XksProxyConnectivityType,
)
from regionkms.model.shapes.structures import (
    GrantConstraints,
    RecipientInfo,
    Tag,
    XksProxyAuthenticationCredentialType,
)
from typing import (
    Annotated,
    ClassVar,
)


class CancelKeyDeletionRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CancelKeyDeletionRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class ConnectCustomKeyStoreRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ConnectCustomKeyStoreRequest`."""

    custom_key_store_id: CustomKeyStoreIdType = field(name="CustomKeyStoreId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class CreateAliasRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateAliasRequest`."""

    alias_name: AliasNameType = field(name="AliasName")
    target_key_id: KeyIdType = field(name="TargetKeyId")

    def json_quotes(self) -> int:
        quotes = 8
        return quotes


class CreateCustomKeyStoreRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateCustomKeyStoreRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['key_store_password'])

    custom_key_store_name: CustomKeyStoreNameType = field(name="CustomKeyStoreName")
    cloud_hsm_cluster_id: CloudHsmClusterIdType | None = field(default=None, name="CloudHsmClusterId")
    trust_anchor_certificate: TrustAnchorCertificateType | None = field(default=None, name="TrustAnchorCertificate")
    key_store_password: KeyStorePasswordType | None = field(default=None, name="KeyStorePassword")
    custom_key_store_type: CustomKeyStoreType | None = field(default=None, name="CustomKeyStoreType")
    xks_proxy_uri_endpoint: XksProxyUriEndpointType | None = field(default=None, name="XksProxyUriEndpoint")
    xks_proxy_uri_path: XksProxyUriPathType | None = field(default=None, name="XksProxyUriPath")
    xks_proxy_vpc_endpoint_service_name: XksProxyVpcEndpointServiceNameType | None = field(default=None, name="XksProxyVpcEndpointServiceName")
    xks_proxy_vpc_endpoint_service_owner: AccountIdType | None = field(default=None, name="XksProxyVpcEndpointServiceOwner")
    xks_proxy_authentication_credential: XksProxyAuthenticationCredentialType | None = field(default=None, name="XksProxyAuthenticationCredential")
    xks_proxy_connectivity: XksProxyConnectivityType | None = field(default=None, name="XksProxyConnectivity")

    def json_quotes(self) -> int:
        quotes = 4
        if self.cloud_hsm_cluster_id is not None:
            quotes += 4
        if self.trust_anchor_certificate is not None:
            quotes += 4
        if self.key_store_password is not None:
            quotes += 4
        if self.custom_key_store_type is not None:
            quotes += 4
        if self.xks_proxy_uri_endpoint is not None:
            quotes += 4
        if self.xks_proxy_uri_path is not None:
            quotes += 4
        if self.xks_proxy_vpc_endpoint_service_name is not None:
            quotes += 4
        if self.xks_proxy_vpc_endpoint_service_owner is not None:
            quotes += 4
        if self.xks_proxy_authentication_credential is not None:
            quotes += 2 + self.xks_proxy_authentication_credential.json_quotes()
        if self.xks_proxy_connectivity is not None:
            quotes += 4
        return quotes


class CreateGrantRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateGrantRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    grantee_principal: PrincipalIdType | None = field(default=None, name="GranteePrincipal")
    retiring_principal: PrincipalIdType | None = field(default=None, name="RetiringPrincipal")
    operations: list[GrantOperation] = field(name="Operations")
    constraints: GrantConstraints | None = field(default=None, name="Constraints")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    name: GrantNameType | None = field(default=None, name="Name")
    dry_run: bool | None = field(default=None, name="DryRun")
    grantee_service_principal: ServicePrincipalType | None = field(default=None, name="GranteeServicePrincipal")
    retiring_service_principal: ServicePrincipalType | None = field(default=None, name="RetiringServicePrincipal")

    def json_quotes(self) -> int:
        quotes = 6 + 2 * len(self.operations)
        if self.grantee_principal is not None:
            quotes += 4
        if self.retiring_principal is not None:
            quotes += 4
        if self.constraints is not None:
            quotes += 2 + self.constraints.json_quotes()
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.name is not None:
            quotes += 4
        if self.dry_run is not None:
            quotes += 2
        if self.grantee_service_principal is not None:
            quotes += 4
        if self.retiring_service_principal is not None:
            quotes += 4
        return quotes


class CreateKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CreateKeyRequest`."""

    policy: PolicyType | None = field(default=None, name="Policy")
    description: DescriptionType | None = field(default=None, name="Description")
    key_usage: KeyUsageType | None = field(default=None, name="KeyUsage")
    customer_master_key_spec: CustomerMasterKeySpec | None = field(default=None, name="CustomerMasterKeySpec")
    key_spec: KeySpec | None = field(default=None, name="KeySpec")
    origin: OriginType | None = field(default=None, name="Origin")
    custom_key_store_id: CustomKeyStoreIdType | None = field(default=None, name="CustomKeyStoreId")
    bypass_policy_lockout_safety_check: bool | None = field(default=None, name="BypassPolicyLockoutSafetyCheck")
    tags: list[Tag] | None = field(default=None, name="Tags")
    multi_region: bool | None = field(default=None, name="MultiRegion")
    xks_key_id: XksKeyIdType | None = field(default=None, name="XksKeyId")

    def json_quotes(self) -> int:
        quotes = 0
        if self.policy is not None:
            quotes += 4
        if self.description is not None:
            quotes += 4
        if self.key_usage is not None:
            quotes += 4
        if self.customer_master_key_spec is not None:
            quotes += 4
        if self.key_spec is not None:
            quotes += 4
        if self.origin is not None:
            quotes += 4
        if self.custom_key_store_id is not None:
            quotes += 4
        if self.bypass_policy_lockout_safety_check is not None:
            quotes += 2
        if self.tags is not None:
            quotes += 2 + sum([item.json_quotes() for item in self.tags])
        if self.multi_region is not None:
            quotes += 2
        if self.xks_key_id is not None:
            quotes += 4
        return quotes


class DecapsulateRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DecapsulateRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    shared_secret_ciphertext_blob: CiphertextType = field(name="SharedSecretCiphertextBlob")
    encapsulation_algorithm: EncapsulationAlgorithmSpec = field(name="EncapsulationAlgorithm")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 12
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class DecryptRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DecryptRequest`."""

    ciphertext_blob: CiphertextType | None = field(default=None, name="CiphertextBlob")
    encryption_context: dict[str, str] | None = field(default=None, name="EncryptionContext")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    key_id: KeyIdType | None = field(default=None, name="KeyId")
    encryption_algorithm: EncryptionAlgorithmSpec | None = field(default=None, name="EncryptionAlgorithm")
    recipient: RecipientInfo | None = field(default=None, name="Recipient")
    dry_run: bool | None = field(default=None, name="DryRun")
    dry_run_modifiers: list[DryRunModifierType] | None = field(default=None, name="DryRunModifiers")

    def json_quotes(self) -> int:
        quotes = 0
        if self.ciphertext_blob is not None:
            quotes += 4
        if self.encryption_context is not None:
            quotes += 2 + 4 * len(self.encryption_context)
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.key_id is not None:
            quotes += 4
        if self.encryption_algorithm is not None:
            quotes += 4
        if self.recipient is not None:
            quotes += 2 + self.recipient.json_quotes()
        if self.dry_run is not None:
            quotes += 2
        if self.dry_run_modifiers is not None:
            quotes += 2 + 2 * len(self.dry_run_modifiers)
        return quotes


class DeleteAliasRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeleteAliasRequest`."""

    alias_name: AliasNameType = field(name="AliasName")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class DeleteCustomKeyStoreRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeleteCustomKeyStoreRequest`."""

    custom_key_store_id: CustomKeyStoreIdType = field(name="CustomKeyStoreId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class DeleteImportedKeyMaterialRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeleteImportedKeyMaterialRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    key_material_id: BackingKeyIdType | None = field(default=None, name="KeyMaterialId")

    def json_quotes(self) -> int:
        quotes = 4
        if self.key_material_id is not None:
            quotes += 4
        return quotes


class DeriveSharedSecretRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DeriveSharedSecretRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    key_agreement_algorithm: KeyAgreementAlgorithmSpec = field(name="KeyAgreementAlgorithm")
    public_key: PublicKeyType = field(name="PublicKey")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")
    recipient: RecipientInfo | None = field(default=None, name="Recipient")

    def json_quotes(self) -> int:
        quotes = 12
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        if self.recipient is not None:
            quotes += 2 + self.recipient.json_quotes()
        return quotes


class DescribeCustomKeyStoresRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DescribeCustomKeyStoresRequest`."""

    custom_key_store_id: CustomKeyStoreIdType | None = field(default=None, name="CustomKeyStoreId")
    custom_key_store_name: CustomKeyStoreNameType | None = field(default=None, name="CustomKeyStoreName")
    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")

    def json_quotes(self) -> int:
        quotes = 0
        if self.custom_key_store_id is not None:
            quotes += 4
        if self.custom_key_store_name is not None:
            quotes += 4
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        return quotes


class DescribeKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DescribeKeyRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")

    def json_quotes(self) -> int:
        quotes = 4
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        return quotes


class DisableKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DisableKeyRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class DisableKeyRotationRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DisableKeyRotationRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class DisconnectCustomKeyStoreRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`DisconnectCustomKeyStoreRequest`."""

    custom_key_store_id: CustomKeyStoreIdType = field(name="CustomKeyStoreId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class EnableKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`EnableKeyRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class EnableKeyRotationRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`EnableKeyRotationRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    rotation_period_in_days: RotationPeriodInDaysType | None = field(default=None, name="RotationPeriodInDays")

    def json_quotes(self) -> int:
        quotes = 4
        if self.rotation_period_in_days is not None:
            quotes += 2
        return quotes


class EncapsulateRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`EncapsulateRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    encapsulation_algorithm: EncapsulationAlgorithmSpec = field(name="EncapsulationAlgorithm")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 8
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class EncryptRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`EncryptRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['plaintext'])

    key_id: KeyIdType = field(name="KeyId")
    plaintext: PlaintextType = field(name="Plaintext")
    encryption_context: dict[str, str] | None = field(default=None, name="EncryptionContext")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    encryption_algorithm: EncryptionAlgorithmSpec | None = field(default=None, name="EncryptionAlgorithm")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 8
        if self.encryption_context is not None:
            quotes += 2 + 4 * len(self.encryption_context)
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.encryption_algorithm is not None:
            quotes += 4
        if self.dry_run is not None:
            quotes += 2
        return quotes


class GenerateDataKeyPairRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyPairRequest`."""

    encryption_context: dict[str, str] | None = field(default=None, name="EncryptionContext")
    key_id: KeyIdType = field(name="KeyId")
    key_pair_spec: DataKeyPairSpec = field(name="KeyPairSpec")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    recipient: RecipientInfo | None = field(default=None, name="Recipient")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 8
        if self.encryption_context is not None:
            quotes += 2 + 4 * len(self.encryption_context)
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.recipient is not None:
            quotes += 2 + self.recipient.json_quotes()
        if self.dry_run is not None:
            quotes += 2
        return quotes


class GenerateDataKeyPairWithoutPlaintextRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyPairWithoutPlaintextRequest`."""

    encryption_context: dict[str, str] | None = field(default=None, name="EncryptionContext")
    key_id: KeyIdType = field(name="KeyId")
    key_pair_spec: DataKeyPairSpec = field(name="KeyPairSpec")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 8
        if self.encryption_context is not None:
            quotes += 2 + 4 * len(self.encryption_context)
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class GenerateDataKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    encryption_context: dict[str, str] | None = field(default=None, name="EncryptionContext")
    number_of_bytes: NumberOfBytesType | None = field(default=None, name="NumberOfBytes")
    key_spec: DataKeySpec | None = field(default=None, name="KeySpec")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    recipient: RecipientInfo | None = field(default=None, name="Recipient")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 4
        if self.encryption_context is not None:
            quotes += 2 + 4 * len(self.encryption_context)
        if self.number_of_bytes is not None:
            quotes += 2
        if self.key_spec is not None:
            quotes += 4
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.recipient is not None:
            quotes += 2 + self.recipient.json_quotes()
        if self.dry_run is not None:
            quotes += 2
        return quotes


class GenerateDataKeyWithoutPlaintextRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateDataKeyWithoutPlaintextRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    encryption_context: dict[str, str] | None = field(default=None, name="EncryptionContext")
    key_spec: DataKeySpec | None = field(default=None, name="KeySpec")
    number_of_bytes: NumberOfBytesType | None = field(default=None, name="NumberOfBytes")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 4
        if self.encryption_context is not None:
            quotes += 2 + 4 * len(self.encryption_context)
        if self.key_spec is not None:
            quotes += 4
        if self.number_of_bytes is not None:
            quotes += 2
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class GenerateMacRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateMacRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['message'])

    message: PlaintextType = field(name="Message")
    key_id: KeyIdType = field(name="KeyId")
    mac_algorithm: MacAlgorithmSpec = field(name="MacAlgorithm")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 12
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class GenerateRandomRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GenerateRandomRequest`."""

    number_of_bytes: NumberOfBytesType | None = field(default=None, name="NumberOfBytes")
    custom_key_store_id: CustomKeyStoreIdType | None = field(default=None, name="CustomKeyStoreId")
    recipient: RecipientInfo | None = field(default=None, name="Recipient")

    def json_quotes(self) -> int:
        quotes = 0
        if self.number_of_bytes is not None:
            quotes += 2
        if self.custom_key_store_id is not None:
            quotes += 4
        if self.recipient is not None:
            quotes += 2 + self.recipient.json_quotes()
        return quotes


class GetKeyLastUsageRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetKeyLastUsageRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class GetKeyPolicyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetKeyPolicyRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    policy_name: PolicyNameType | None = field(default=None, name="PolicyName")

    def json_quotes(self) -> int:
        quotes = 4
        if self.policy_name is not None:
            quotes += 4
        return quotes


class GetKeyRotationStatusRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetKeyRotationStatusRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class GetParametersForImportRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetParametersForImportRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    wrapping_algorithm: AlgorithmSpec = field(name="WrappingAlgorithm")
    wrapping_key_spec: WrappingKeySpec = field(name="WrappingKeySpec")

    def json_quotes(self) -> int:
        quotes = 12
        return quotes


class GetPublicKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GetPublicKeyRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")

    def json_quotes(self) -> int:
        quotes = 4
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        return quotes


class ImportKeyMaterialRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ImportKeyMaterialRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    import_token: CiphertextType = field(name="ImportToken")
    encrypted_key_material: CiphertextType = field(name="EncryptedKeyMaterial")
    valid_to: float | None = field(default=None, name="ValidTo")
    expiration_model: ExpirationModelType | None = field(default=None, name="ExpirationModel")
    import_type: ImportType | None = field(default=None, name="ImportType")
    key_material_description: KeyMaterialDescriptionType | None = field(default=None, name="KeyMaterialDescription")
    key_material_id: BackingKeyIdType | None = field(default=None, name="KeyMaterialId")

    def json_quotes(self) -> int:
        quotes = 12
        if self.valid_to is not None:
            quotes += 2
        if self.expiration_model is not None:
            quotes += 4
        if self.import_type is not None:
            quotes += 4
        if self.key_material_description is not None:
            quotes += 4
        if self.key_material_id is not None:
            quotes += 4
        return quotes


class ListAliasesRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListAliasesRequest`."""

    key_id: KeyIdType | None = field(default=None, name="KeyId")
    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")

    def json_quotes(self) -> int:
        quotes = 0
        if self.key_id is not None:
            quotes += 4
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        return quotes


class ListGrantsRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListGrantsRequest`."""

    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")
    key_id: KeyIdType = field(name="KeyId")
    grant_id: GrantIdType | None = field(default=None, name="GrantId")
    grantee_principal: PrincipalIdType | None = field(default=None, name="GranteePrincipal")
    grantee_service_principal: ServicePrincipalType | None = field(default=None, name="GranteeServicePrincipal")

    def json_quotes(self) -> int:
        quotes = 4
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        if self.grant_id is not None:
            quotes += 4
        if self.grantee_principal is not None:
            quotes += 4
        if self.grantee_service_principal is not None:
            quotes += 4
        return quotes


class ListKeyPoliciesRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListKeyPoliciesRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")

    def json_quotes(self) -> int:
        quotes = 4
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        return quotes


class ListKeyRotationsRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListKeyRotationsRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    include_key_material: IncludeKeyMaterial | None = field(default=None, name="IncludeKeyMaterial")
    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")

    def json_quotes(self) -> int:
        quotes = 4
        if self.include_key_material is not None:
            quotes += 4
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        return quotes


class ListKeysRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListKeysRequest`."""

    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")
    resource_owners: Annotated[list[ResourceOwnerType], Meta(min_length=1, max_length=2)] | None = field(default=None, name="ResourceOwners")

    def json_quotes(self) -> int:
        quotes = 0
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        if self.resource_owners is not None:
            quotes += 2 + 2 * len(self.resource_owners)
        return quotes


class ListResourceTagsRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListResourceTagsRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")

    def json_quotes(self) -> int:
        quotes = 4
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        return quotes


class ListRetirableGrantsRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ListRetirableGrantsRequest`."""

    limit: LimitType | None = field(default=None, name="Limit")
    marker: MarkerType | None = field(default=None, name="Marker")
    retiring_principal: PrincipalIdType | None = field(default=None, name="RetiringPrincipal")
    retiring_service_principal: ServicePrincipalType | None = field(default=None, name="RetiringServicePrincipal")

    def json_quotes(self) -> int:
        quotes = 0
        if self.limit is not None:
            quotes += 2
        if self.marker is not None:
            quotes += 4
        if self.retiring_principal is not None:
            quotes += 4
        if self.retiring_service_principal is not None:
            quotes += 4
        return quotes


class PutKeyPolicyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`PutKeyPolicyRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    policy_name: PolicyNameType | None = field(default=None, name="PolicyName")
    policy: PolicyType = field(name="Policy")
    bypass_policy_lockout_safety_check: bool | None = field(default=None, name="BypassPolicyLockoutSafetyCheck")

    def json_quotes(self) -> int:
        quotes = 8
        if self.policy_name is not None:
            quotes += 4
        if self.bypass_policy_lockout_safety_check is not None:
            quotes += 2
        return quotes


class ReEncryptRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ReEncryptRequest`."""

    ciphertext_blob: CiphertextType | None = field(default=None, name="CiphertextBlob")
    source_encryption_context: dict[str, str] | None = field(default=None, name="SourceEncryptionContext")
    source_key_id: KeyIdType | None = field(default=None, name="SourceKeyId")
    destination_key_id: KeyIdType = field(name="DestinationKeyId")
    destination_encryption_context: dict[str, str] | None = field(default=None, name="DestinationEncryptionContext")
    source_encryption_algorithm: EncryptionAlgorithmSpec | None = field(default=None, name="SourceEncryptionAlgorithm")
    destination_encryption_algorithm: EncryptionAlgorithmSpec | None = field(default=None, name="DestinationEncryptionAlgorithm")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")
    dry_run_modifiers: list[DryRunModifierType] | None = field(default=None, name="DryRunModifiers")

    def json_quotes(self) -> int:
        quotes = 4
        if self.ciphertext_blob is not None:
            quotes += 4
        if self.source_encryption_context is not None:
            quotes += 2 + 4 * len(self.source_encryption_context)
        if self.source_key_id is not None:
            quotes += 4
        if self.destination_encryption_context is not None:
            quotes += 2 + 4 * len(self.destination_encryption_context)
        if self.source_encryption_algorithm is not None:
            quotes += 4
        if self.destination_encryption_algorithm is not None:
            quotes += 4
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        if self.dry_run_modifiers is not None:
            quotes += 2 + 2 * len(self.dry_run_modifiers)
        return quotes


class ReplicateKeyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ReplicateKeyRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    replica_region: RegionType = field(name="ReplicaRegion")
    policy: PolicyType | None = field(default=None, name="Policy")
    bypass_policy_lockout_safety_check: bool | None = field(default=None, name="BypassPolicyLockoutSafetyCheck")
    description: DescriptionType | None = field(default=None, name="Description")
    tags: list[Tag] | None = field(default=None, name="Tags")

    def json_quotes(self) -> int:
        quotes = 8
        if self.policy is not None:
            quotes += 4
        if self.bypass_policy_lockout_safety_check is not None:
            quotes += 2
        if self.description is not None:
            quotes += 4
        if self.tags is not None:
            quotes += 2 + sum([item.json_quotes() for item in self.tags])
        return quotes


class RetireGrantRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`RetireGrantRequest`."""

    grant_token: GrantTokenType | None = field(default=None, name="GrantToken")
    key_id: KeyIdType | None = field(default=None, name="KeyId")
    grant_id: GrantIdType | None = field(default=None, name="GrantId")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 0
        if self.grant_token is not None:
            quotes += 4
        if self.key_id is not None:
            quotes += 4
        if self.grant_id is not None:
            quotes += 4
        if self.dry_run is not None:
            quotes += 2
        return quotes


class RevokeGrantRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`RevokeGrantRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    grant_id: GrantIdType = field(name="GrantId")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 8
        if self.dry_run is not None:
            quotes += 2
        return quotes


class RotateKeyOnDemandRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`RotateKeyOnDemandRequest`."""

    key_id: KeyIdType = field(name="KeyId")

    def json_quotes(self) -> int:
        quotes = 4
        return quotes


class ScheduleKeyDeletionRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`ScheduleKeyDeletionRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    pending_window_in_days: PendingWindowInDaysType | None = field(default=None, name="PendingWindowInDays")

    def json_quotes(self) -> int:
        quotes = 4
        if self.pending_window_in_days is not None:
            quotes += 2
        return quotes


class SignRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`SignRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['message'])

    key_id: KeyIdType = field(name="KeyId")
    message: PlaintextType = field(name="Message")
    message_type: MessageType | None = field(default=None, name="MessageType")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    signing_algorithm: SigningAlgorithmSpec = field(name="SigningAlgorithm")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 12
        if self.message_type is not None:
            quotes += 4
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class TagResourceRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`TagResourceRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    tags: list[Tag] = field(name="Tags")

    def json_quotes(self) -> int:
        quotes = 6 + sum([item.json_quotes() for item in self.tags])
        return quotes


class UntagResourceRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`UntagResourceRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    tag_keys: list[TagKeyType] = field(name="TagKeys")

    def json_quotes(self) -> int:
        quotes = 6 + 2 * len(self.tag_keys)
        return quotes


class UpdateAliasRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`UpdateAliasRequest`."""

    alias_name: AliasNameType = field(name="AliasName")
    target_key_id: KeyIdType = field(name="TargetKeyId")

    def json_quotes(self) -> int:
        quotes = 8
        return quotes


class UpdateCustomKeyStoreRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`UpdateCustomKeyStoreRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['key_store_password'])

    custom_key_store_id: CustomKeyStoreIdType = field(name="CustomKeyStoreId")
    new_custom_key_store_name: CustomKeyStoreNameType | None = field(default=None, name="NewCustomKeyStoreName")
    key_store_password: KeyStorePasswordType | None = field(default=None, name="KeyStorePassword")
    cloud_hsm_cluster_id: CloudHsmClusterIdType | None = field(default=None, name="CloudHsmClusterId")
    xks_proxy_uri_endpoint: XksProxyUriEndpointType | None = field(default=None, name="XksProxyUriEndpoint")
    xks_proxy_uri_path: XksProxyUriPathType | None = field(default=None, name="XksProxyUriPath")
    xks_proxy_vpc_endpoint_service_name: XksProxyVpcEndpointServiceNameType | None = field(default=None, name="XksProxyVpcEndpointServiceName")
    xks_proxy_vpc_endpoint_service_owner: AccountIdType | None = field(default=None, name="XksProxyVpcEndpointServiceOwner")
    xks_proxy_authentication_credential: XksProxyAuthenticationCredentialType | None = field(default=None, name="XksProxyAuthenticationCredential")
    xks_proxy_connectivity: XksProxyConnectivityType | None = field(default=None, name="XksProxyConnectivity")

    def json_quotes(self) -> int:
        quotes = 4
        if self.new_custom_key_store_name is not None:
            quotes += 4
        if self.key_store_password is not None:
            quotes += 4
        if self.cloud_hsm_cluster_id is not None:
            quotes += 4
        if self.xks_proxy_uri_endpoint is not None:
            quotes += 4
        if self.xks_proxy_uri_path is not None:
            quotes += 4
        if self.xks_proxy_vpc_endpoint_service_name is not None:
            quotes += 4
        if self.xks_proxy_vpc_endpoint_service_owner is not None:
            quotes += 4
        if self.xks_proxy_authentication_credential is not None:
            quotes += 2 + self.xks_proxy_authentication_credential.json_quotes()
        if self.xks_proxy_connectivity is not None:
            quotes += 4
        return quotes


class UpdateKeyDescriptionRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`UpdateKeyDescriptionRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    description: DescriptionType = field(name="Description")

    def json_quotes(self) -> int:
        quotes = 8
        return quotes


class UpdatePrimaryRegionRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`UpdatePrimaryRegionRequest`."""

    key_id: KeyIdType = field(name="KeyId")
    primary_region: RegionType = field(name="PrimaryRegion")

    def json_quotes(self) -> int:
        quotes = 8
        return quotes


class VerifyMacRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`VerifyMacRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['message'])

    message: PlaintextType = field(name="Message")
    key_id: KeyIdType = field(name="KeyId")
    mac_algorithm: MacAlgorithmSpec = field(name="MacAlgorithm")
    mac: CiphertextType = field(name="Mac")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 16
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes


class VerifyRequest(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`VerifyRequest`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['message'])

    key_id: KeyIdType = field(name="KeyId")
    message: PlaintextType = field(name="Message")
    message_type: MessageType | None = field(default=None, name="MessageType")
    signature: CiphertextType = field(name="Signature")
    signing_algorithm: SigningAlgorithmSpec = field(name="SigningAlgorithm")
    grant_tokens: Annotated[list[GrantTokenType], Meta(max_length=10)] | None = field(default=None, name="GrantTokens")
    dry_run: bool | None = field(default=None, name="DryRun")

    def json_quotes(self) -> int:
        quotes = 16
        if self.message_type is not None:
            quotes += 4
        if self.grant_tokens is not None:
            quotes += 2 + 2 * len(self.grant_tokens)
        if self.dry_run is not None:
            quotes += 2
        return quotes
