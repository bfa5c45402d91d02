"""Simple types of requests, with the model's constraints.

Generated from botocore's model of the KMS API by `python tools/generate_shapes.py`.
Do not edit. As long as the model is: no part of it is ever read or changed alone.
"""

from msgspec import (
    Meta,
)
from typing import (
    Annotated,
)

AccountIdType = Annotated[str, Meta(min_length=12, max_length=12, pattern='\\A(?a:[0-9]{12})\\Z', extra={'pattern': '[0-9]{12}'})]

AliasNameType = Annotated[str, Meta(min_length=1, max_length=256, pattern='\\A(?a:^[a-zA-Z0-9:/_-]+$)\\Z', extra={'pattern': '^[a-zA-Z0-9:/_-]+$'})]

AttestationDocumentType = Annotated[bytes, Meta(min_length=1, max_length=262144)]

BackingKeyIdType = Annotated[str, Meta(min_length=64, max_length=64, pattern='\\A(?a:^[a-f0-9]+$)\\Z', extra={'pattern': '^[a-f0-9]+$'})]

CiphertextType = Annotated[bytes, Meta(min_length=1, max_length=6144)]

CloudHsmClusterIdType = Annotated[str, Meta(min_length=19, max_length=24, pattern='\\A(?a:cluster-[2-7a-zA-Z]{11,16})\\Z', extra={'pattern': 'cluster-[2-7a-zA-Z]{11,16}'})]

CustomKeyStoreIdType = Annotated[str, Meta(min_length=1, max_length=64)]

CustomKeyStoreNameType = Annotated[str, Meta(min_length=1, max_length=256)]

DescriptionType = Annotated[str, Meta(max_length=8192)]

GrantConstraintSourceArnType = Annotated[str, Meta(min_length=20, max_length=512, pattern='\\A(?a:^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$)\\Z', extra={'pattern': '^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$'})]

GrantIdType = Annotated[str, Meta(min_length=1, max_length=128)]

GrantNameType = Annotated[str, Meta(min_length=1, max_length=256, pattern='\\A(?a:^[a-zA-Z0-9:/_-]+$)\\Z', extra={'pattern': '^[a-zA-Z0-9:/_-]+$'})]

GrantTokenType = Annotated[str, Meta(min_length=1, max_length=8192)]

KeyIdType = Annotated[str, Meta(min_length=1, max_length=2048)]

KeyMaterialDescriptionType = Annotated[str, Meta(max_length=256, pattern='\\A(?a:^[a-zA-Z0-9:/_\\s.-]+$)\\Z', extra={'pattern': '^[a-zA-Z0-9:/_\\s.-]+$'})]

KeyStorePasswordType = Annotated[str, Meta(min_length=7, max_length=32, extra={'sensitive': True})]

LimitType = Annotated[int, Meta(ge=1, le=1000)]

MarkerType = Annotated[str, Meta(min_length=1, max_length=1024, pattern='\\A(?a:[\\u0020-\\u00FF]*)\\Z', extra={'pattern': '[\\u0020-\\u00FF]*'})]

NumberOfBytesType = Annotated[int, Meta(ge=1, le=1024)]

PendingWindowInDaysType = Annotated[int, Meta(ge=1, le=365)]

PlaintextType = Annotated[bytes, Meta(min_length=1, max_length=4096, extra={'sensitive': True})]

PolicyNameType = Annotated[str, Meta(min_length=1, max_length=128, pattern='\\A(?a:[\\w]+)\\Z', extra={'pattern': '[\\w]+'})]

PolicyType = Annotated[str, Meta(min_length=1, max_length=131072, pattern='\\A(?a:[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+)\\Z', extra={'pattern': '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+'})]

PrincipalIdType = Annotated[str, Meta(min_length=1, max_length=256, pattern='\\A(?a:^[\\w+=,.@:/-]+$)\\Z', extra={'pattern': '^[\\w+=,.@:/-]+$'})]

PublicKeyType = Annotated[bytes, Meta(min_length=1, max_length=8192)]

RegionType = Annotated[str, Meta(min_length=1, max_length=32, pattern='\\A(?a:^([a-z]+-){2,3}\\d+$)\\Z', extra={'pattern': '^([a-z]+-){2,3}\\d+$'})]

RotationPeriodInDaysType = Annotated[int, Meta(ge=90, le=2560)]

ServicePrincipalType = Annotated[str, Meta(min_length=1, max_length=128, pattern='\\A(?a:^([A-Za-z0-9\\-]+)\\.([A-Za-z0-9\\-]+)(\\.[A-Za-z0-9\\-]+)+$)\\Z', extra={'pattern': '^([A-Za-z0-9\\-]+)\\.([A-Za-z0-9\\-]+)(\\.[A-Za-z0-9\\-]+)+$'})]

TagKeyType = Annotated[str, Meta(min_length=1, max_length=128)]

TagValueType = Annotated[str, Meta(max_length=256)]

TrustAnchorCertificateType = Annotated[str, Meta(min_length=1, max_length=5000)]

XksKeyIdType = Annotated[str, Meta(min_length=1, max_length=128, pattern='\\A(?a:^[a-zA-Z0-9-_.]+$)\\Z', extra={'pattern': '^[a-zA-Z0-9-_.]+$'})]

XksProxyAuthenticationAccessKeyIdType = Annotated[str, Meta(min_length=20, max_length=30, pattern='\\A(?a:^[A-Z2-7]+$)\\Z', extra={'pattern': '^[A-Z2-7]+$', 'sensitive': True})]

XksProxyAuthenticationRawSecretAccessKeyType = Annotated[str, Meta(min_length=43, max_length=64, pattern='\\A(?a:^[a-zA-Z0-9\\/+=]+$)\\Z', extra={'pattern': '^[a-zA-Z0-9\\/+=]+$', 'sensitive': True})]

XksProxyUriEndpointType = Annotated[str, Meta(min_length=10, max_length=128, pattern='\\A(?a:^https://[a-zA-Z0-9.-]+$)\\Z', extra={'pattern': '^https://[a-zA-Z0-9.-]+$'})]

XksProxyUriPathType = Annotated[str, Meta(min_length=10, max_length=128, pattern='\\A(?a:^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$)\\Z', extra={'pattern': '^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$'})]

XksProxyVpcEndpointServiceNameType = Annotated[str, Meta(min_length=20, max_length=64, pattern='\\A(?a:^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$)\\Z', extra={'pattern': '^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$'})]
