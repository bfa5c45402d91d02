"""aws-encryption-sdk 4 and the material providers, unmodified, with single-Region keyrings.

They call GenerateDataKey and Decrypt (and Encrypt for a second key) with an encryption context of
their own, and check that answers name the key that they asked for.
"""

from typing import Any

import aws_encryption_sdk
import pytest
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    CreateAwsKmsDiscoveryKeyringInput,
    CreateAwsKmsKeyringInput,
    CreateMultiKeyringInput,
    DiscoveryFilter,
)
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError

from tests.support.node import OWNER, RunningNode

CONTEXT = {"encryption": "context", "is not": "secret", "but adds": "useful metadata"}
PLAINTEXT = b"Hello, envelope " * 5000


@pytest.fixture
def sdk() -> EncryptionSDKClient:
    return aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )


@pytest.fixture
def providers() -> Any:
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


def test_a_keyring_of_one_key_encrypts_and_decrypts(
    kms: Any, key: dict[str, Any], sdk: EncryptionSDKClient, providers: Any
) -> None:
    keyring = providers.create_aws_kms_keyring(
        input=CreateAwsKmsKeyringInput(kms_key_id=key["Arn"], kms_client=kms)
    )
    sealed, _ = sdk.encrypt(source=PLAINTEXT, keyring=keyring, encryption_context=CONTEXT)
    opened, header = sdk.decrypt(source=sealed, keyring=keyring)
    assert opened == PLAINTEXT
    assert header.encryption_context.items() >= CONTEXT.items()
    kms.disable_key(KeyId=key["KeyId"])
    with pytest.raises(
        AWSEncryptionSDKClientError, match="No Configured KMS Key was able to decrypt"
    ):
        sdk.decrypt(source=sealed, keyring=keyring)


def test_a_discovery_keyring_opens_what_any_of_the_accounts_keys_sealed(
    kms: Any, key: dict[str, Any], sdk: EncryptionSDKClient, providers: Any
) -> None:
    sealing = providers.create_aws_kms_keyring(
        input=CreateAwsKmsKeyringInput(kms_key_id=key["Arn"], kms_client=kms)
    )
    discovery = providers.create_aws_kms_discovery_keyring(
        input=CreateAwsKmsDiscoveryKeyringInput(
            kms_client=kms,
            discovery_filter=DiscoveryFilter(account_ids=[OWNER.account_id], partition="aws"),
        )
    )
    sealed, _ = sdk.encrypt(source=PLAINTEXT, keyring=sealing, encryption_context=CONTEXT)
    assert sdk.decrypt(source=sealed, keyring=discovery)[0] == PLAINTEXT
    spoilt = bytearray(sealed)
    spoilt[-100] ^= 1
    with pytest.raises((AWSEncryptionSDKClientError, Exception)):
        sdk.decrypt(source=bytes(spoilt), keyring=discovery)


def test_each_key_of_a_multi_keyring_opens_the_message(
    node: RunningNode, kms: Any, sdk: EncryptionSDKClient, providers: Any
) -> None:
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))

    def keyring(arn: str) -> Any:
        return providers.create_aws_kms_keyring(
            input=CreateAwsKmsKeyringInput(kms_key_id=arn, kms_client=kms)
        )

    both = providers.create_multi_keyring(
        input=CreateMultiKeyringInput(generator=keyring(first), child_keyrings=[keyring(second)])
    )
    sealed, _ = sdk.encrypt(source=PLAINTEXT, keyring=both, encryption_context=CONTEXT)
    for arn in (first, second):
        assert sdk.decrypt(source=sealed, keyring=keyring(arn))[0] == PLAINTEXT
