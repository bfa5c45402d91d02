"""Structures that requests and responses hold.

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
from regionkms.model.shapes.constraints import (
    AttestationDocumentType,
    GrantConstraintSourceArnType,
    TagKeyType,
    TagValueType,
    XksProxyAuthenticationAccessKeyIdType,
    XksProxyAuthenticationRawSecretAccessKeyType,
)
from regionkms.model.shapes.enums import (
    CustomKeyStoreType,
    CustomerMasterKeySpec,
    ImportState,
    KeyEncryptionMechanism,
    KeyMaterialState,
    KeySpec,
    KeyState,
    MultiRegionKeyType,
    RotationType,
)
from typing import (
    ClassVar,
)


class XksKeyConfigurationType(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`XksKeyConfigurationType`."""

    id: str | None = field(default=None, name="Id")


class KeyListEntry(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`KeyListEntry`."""

    key_id: str | None = field(default=None, name="KeyId")
    key_arn: str | None = field(default=None, name="KeyArn")


class MultiRegionKey(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`MultiRegionKey`."""

    arn: str | None = field(default=None, name="Arn")
    region: str | None = field(default=None, name="Region")


class RecipientInfo(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`RecipientInfo`."""

    key_encryption_algorithm: KeyEncryptionMechanism | None = field(default=None, name="KeyEncryptionAlgorithm")
    attestation_document: AttestationDocumentType | None = field(default=None, name="AttestationDocument")

    def json_quotes(self) -> int:
        quotes = 0
        if self.key_encryption_algorithm is not None:
            quotes += 4
        if self.attestation_document is not None:
            quotes += 4
        return quotes


class Tag(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`Tag`."""

    tag_key: TagKeyType = field(name="TagKey")
    tag_value: TagValueType = field(name="TagValue")

    def json_quotes(self) -> int:
        quotes = 8
        return quotes


class XksProxyAuthenticationCredentialType(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`XksProxyAuthenticationCredentialType`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['access_key_id', 'raw_secret_access_key'])

    access_key_id: XksProxyAuthenticationAccessKeyIdType = field(name="AccessKeyId")
    raw_secret_access_key: XksProxyAuthenticationRawSecretAccessKeyType = field(name="RawSecretAccessKey")

    def json_quotes(self) -> int:
        quotes = 8
        return quotes


class AliasListEntry(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`AliasListEntry`."""

    alias_name: str | None = field(default=None, name="AliasName")
    alias_arn: str | None = field(default=None, name="AliasArn")
    target_key_id: str | None = field(default=None, name="TargetKeyId")
    creation_date: float | None = field(default=None, name="CreationDate")
    last_updated_date: float | None = field(default=None, name="LastUpdatedDate")


class GrantConstraints(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GrantConstraints`."""

    encryption_context_subset: dict[str, str] | None = field(default=None, name="EncryptionContextSubset")
    encryption_context_equals: dict[str, str] | None = field(default=None, name="EncryptionContextEquals")
    source_arn: GrantConstraintSourceArnType | None = field(default=None, name="SourceArn")

    def json_quotes(self) -> int:
        quotes = 0
        if self.encryption_context_subset is not None:
            quotes += 2 + 4 * len(self.encryption_context_subset)
        if self.encryption_context_equals is not None:
            quotes += 2 + 4 * len(self.encryption_context_equals)
        if self.source_arn is not None:
            quotes += 4
        return quotes


class KeyLastUsageData(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`KeyLastUsageData`."""

    operation: str | None = field(default=None, name="Operation")
    timestamp: float | None = field(default=None, name="Timestamp")
    cloud_trail_event_id: str | None = field(default=None, name="CloudTrailEventId")
    kms_request_id: str | None = field(default=None, name="KmsRequestId")


class MultiRegionConfiguration(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`MultiRegionConfiguration`."""

    multi_region_key_type: str | None = field(default=None, name="MultiRegionKeyType")
    primary_key: MultiRegionKey | None = field(default=None, name="PrimaryKey")
    replica_keys: Sequence[MultiRegionKey] | None = field(default=None, name="ReplicaKeys")


class XksProxyConfigurationType(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`XksProxyConfigurationType`."""

    hidden: ClassVar[frozenset[str]] = frozenset(['access_key_id'])

    connectivity: str | None = field(default=None, name="Connectivity")
    access_key_id: str | None = field(default=None, name="AccessKeyId")
    uri_endpoint: str | None = field(default=None, name="UriEndpoint")
    uri_path: str | None = field(default=None, name="UriPath")
    vpc_endpoint_service_name: str | None = field(default=None, name="VpcEndpointServiceName")
    vpc_endpoint_service_owner: str | None = field(default=None, name="VpcEndpointServiceOwner")


class RotationsListEntry(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`RotationsListEntry`."""

    key_id: str | None = field(default=None, name="KeyId")
    key_material_id: str | None = field(default=None, name="KeyMaterialId")
    key_material_description: str | None = field(default=None, name="KeyMaterialDescription")
    import_state: str | None = field(default=None, name="ImportState")
    key_material_state: str | None = field(default=None, name="KeyMaterialState")
    expiration_model: str | None = field(default=None, name="ExpirationModel")
    valid_to: float | None = field(default=None, name="ValidTo")
    rotation_date: float | None = field(default=None, name="RotationDate")
    rotation_type: str | None = field(default=None, name="RotationType")


class GrantListEntry(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`GrantListEntry`."""

    key_id: str | None = field(default=None, name="KeyId")
    grant_id: str | None = field(default=None, name="GrantId")
    name: str | None = field(default=None, name="Name")
    creation_date: float | None = field(default=None, name="CreationDate")
    grantee_principal: str | None = field(default=None, name="GranteePrincipal")
    retiring_principal: str | None = field(default=None, name="RetiringPrincipal")
    issuing_account: str | None = field(default=None, name="IssuingAccount")
    operations: Sequence[str] | None = field(default=None, name="Operations")
    constraints: GrantConstraints | None = field(default=None, name="Constraints")
    grantee_service_principal: str | None = field(default=None, name="GranteeServicePrincipal")
    retiring_service_principal: str | None = field(default=None, name="RetiringServicePrincipal")


class CustomKeyStoresListEntry(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`CustomKeyStoresListEntry`."""

    custom_key_store_id: str | None = field(default=None, name="CustomKeyStoreId")
    custom_key_store_name: str | None = field(default=None, name="CustomKeyStoreName")
    cloud_hsm_cluster_id: str | None = field(default=None, name="CloudHsmClusterId")
    trust_anchor_certificate: str | None = field(default=None, name="TrustAnchorCertificate")
    connection_state: str | None = field(default=None, name="ConnectionState")
    connection_error_code: str | None = field(default=None, name="ConnectionErrorCode")
    creation_date: float | None = field(default=None, name="CreationDate")
    custom_key_store_type: str | None = field(default=None, name="CustomKeyStoreType")
    xks_proxy_configuration: XksProxyConfigurationType | None = field(default=None, name="XksProxyConfiguration")


class KeyMetadata(Shape, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`KeyMetadata`."""

    aws_account_id: str | None = field(default=None, name="AWSAccountId")
    key_id: str = field(name="KeyId")
    arn: str | None = field(default=None, name="Arn")
    creation_date: float | None = field(default=None, name="CreationDate")
    enabled: bool | None = field(default=None, name="Enabled")
    description: str | None = field(default=None, name="Description")
    key_usage: str | None = field(default=None, name="KeyUsage")
    key_state: str | None = field(default=None, name="KeyState")
    deletion_date: float | None = field(default=None, name="DeletionDate")
    valid_to: float | None = field(default=None, name="ValidTo")
    origin: str | None = field(default=None, name="Origin")
    custom_key_store_id: str | None = field(default=None, name="CustomKeyStoreId")
    cloud_hsm_cluster_id: str | None = field(default=None, name="CloudHsmClusterId")
    expiration_model: str | None = field(default=None, name="ExpirationModel")
    key_manager: str | None = field(default=None, name="KeyManager")
    customer_master_key_spec: str | None = field(default=None, name="CustomerMasterKeySpec")
    key_spec: str | None = field(default=None, name="KeySpec")
    encryption_algorithms: Sequence[str] | None = field(default=None, name="EncryptionAlgorithms")
    signing_algorithms: Sequence[str] | None = field(default=None, name="SigningAlgorithms")
    key_agreement_algorithms: Sequence[str] | None = field(default=None, name="KeyAgreementAlgorithms")
    encapsulation_algorithms: Sequence[str] | None = field(default=None, name="EncapsulationAlgorithms")
    multi_region: bool | None = field(default=None, name="MultiRegion")
    multi_region_configuration: MultiRegionConfiguration | None = field(default=None, name="MultiRegionConfiguration")
    pending_deletion_window_in_days: int | None = field(default=None, name="PendingDeletionWindowInDays")
    mac_algorithms: Sequence[str] | None = field(default=None, name="MacAlgorithms")
    xks_key_configuration: XksKeyConfigurationType | None = field(default=None, name="XksKeyConfiguration")
    current_key_material_id: str | None = field(default=None, name="CurrentKeyMaterialId")
