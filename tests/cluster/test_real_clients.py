"""Unmodified clients in several Regions through the front door, as AWS_ENDPOINT_URL gives it.

aws-encryption-sdk 4 with the material providers' MRK keyrings and with its own MRK-aware providers,
the AWS CLI, and the AWS SDK for JavaScript where npm is there.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode
from itertools import permutations
from pathlib import Path
from typing import Any, Final

import aws_encryption_sdk
import botocore.session
import pytest
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    CreateAwsKmsMrkDiscoveryKeyringInput,
    CreateAwsKmsMrkKeyringInput,
    CreateAwsKmsMrkMultiKeyringInput,
    DiscoveryFilter,
)
from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from aws_encryption_sdk.key_providers import kms as providers

from tests.contract.test_node_client import installed_client
from tests.support.lab import FIRST, REGIONS, SECOND, THIRD, RunningLab
from tests.support.replicas import replicated_key

CONTEXT: Final = {"purpose": "test", "is not": "secret"}
PLAINTEXT: Final = b"Hello, other Region " * 1000
PAIRS: Final = list(permutations(REGIONS, 2))
PROGRAM_S: Final = 120


@pytest.fixture(scope="module")
def key_id(lab: RunningLab) -> str:
    return replicated_key(lab, SECOND, THIRD)


@pytest.fixture
def sdk() -> EncryptionSDKClient:
    return aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )


@pytest.fixture
def mpl() -> Any:
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


@pytest.fixture
def endpoint_url(lab: RunningLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a program that is pointed at the front door."""
    for name, value in environment(lab, FIRST).items():
        monkeypatch.setenv(name, value)


def environment(lab: RunningLab, region: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(lab.folder),
        "AWS_ACCESS_KEY_ID": lab.owner.access_key_id,
        "AWS_SECRET_ACCESS_KEY": lab.owner.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": lab.gateway,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def arn(region: str, key_id: str) -> str:
    return f"arn:aws:kms:{region}:111122223333:key/{key_id}"


def keyring(lab: RunningLab, mpl: Any, region: str, key_id: str) -> Any:
    return mpl.create_aws_kms_mrk_keyring(
        input=CreateAwsKmsMrkKeyringInput(
            kms_key_id=arn(region, key_id), kms_client=lab.client(region, by_front_door=True)
        )
    )


def discovery(lab: RunningLab, mpl: Any, region: str) -> Any:
    return mpl.create_aws_kms_mrk_discovery_keyring(
        input=CreateAwsKmsMrkDiscoveryKeyringInput(
            kms_client=lab.client(region, by_front_door=True),
            region=region,
            discovery_filter=DiscoveryFilter(account_ids=["111122223333"], partition="aws"),
        )
    )


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_message_of_one_region_s_keyring_is_opened_by_another_s(
    lab: RunningLab, key_id: str, sdk: EncryptionSDKClient, mpl: Any, source: str, target: str
) -> None:
    sealed, _ = sdk.encrypt(
        source=PLAINTEXT,
        keyring=keyring(lab, mpl, source, key_id),
        encryption_context=CONTEXT,
    )
    opened, header = sdk.decrypt(source=sealed, keyring=keyring(lab, mpl, target, key_id))
    assert opened == PLAINTEXT
    assert header.encryption_context.items() >= CONTEXT.items()


@pytest.mark.parametrize("target", REGIONS)
def test_a_discovery_keyring_finds_the_related_key_of_its_own_region(
    lab: RunningLab, key_id: str, sdk: EncryptionSDKClient, mpl: Any, target: str
) -> None:
    sealed, _ = sdk.encrypt(source=PLAINTEXT, keyring=keyring(lab, mpl, SECOND, key_id))
    assert sdk.decrypt(source=sealed, keyring=discovery(lab, mpl, target))[0] == PLAINTEXT


def test_no_keyring_opens_a_message_where_the_key_has_no_replica(
    lab: RunningLab, sdk: EncryptionSDKClient, mpl: Any
) -> None:
    here_only = replicated_key(lab, SECOND)
    sealed, _ = sdk.encrypt(source=PLAINTEXT, keyring=keyring(lab, mpl, FIRST, here_only))
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, keyring=discovery(lab, mpl, THIRD))


def test_a_multi_keyring_reaches_all_regions_by_the_environment_alone(
    endpoint_url: None, lab: RunningLab, key_id: str, sdk: EncryptionSDKClient, mpl: Any
) -> None:
    other = replicated_key(lab, THIRD, source=SECOND)
    both = mpl.create_aws_kms_mrk_multi_keyring(
        input=CreateAwsKmsMrkMultiKeyringInput(
            generator=arn(FIRST, key_id), kms_key_ids=[arn(SECOND, other)]
        )
    )
    sealed, _ = sdk.encrypt(source=PLAINTEXT, keyring=both, encryption_context=CONTEXT)
    for related in (key_id, other):
        opened = sdk.decrypt(source=sealed, keyring=keyring(lab, mpl, THIRD, related))[0]
        assert opened == PLAINTEXT


@pytest.mark.parametrize(("source", "target"), PAIRS[:3])
def test_mrk_aware_providers_of_the_encryption_sdk_open_each_other_s_messages(
    endpoint_url: None, key_id: str, sdk: EncryptionSDKClient, source: str, target: str
) -> None:
    def strict(region: str) -> Any:
        return providers.MRKAwareStrictAwsKmsMasterKeyProvider(key_ids=[arn(region, key_id)])

    found = providers.MRKAwareDiscoveryAwsKmsMasterKeyProvider(
        discovery_region=target,
        discovery_filter=providers.DiscoveryFilter(account_ids=["111122223333"], partition="aws"),
        botocore_session=botocore.session.Session(),
    )
    sealed, _ = sdk.encrypt(source=PLAINTEXT, key_provider=strict(source))
    assert sdk.decrypt(source=sealed, key_provider=strict(target))[0] == PLAINTEXT
    assert sdk.decrypt(source=sealed, key_provider=found)[0] == PLAINTEXT


def aws(lab: RunningLab, region: str, *arguments: str) -> Any:
    ran = subprocess.run(
        [str(Path(sys.executable).parent / "aws"), "--output", "json", *arguments],
        env=environment(lab, region),
        capture_output=True,
        check=False,
        text=True,
        timeout=PROGRAM_S,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout) if ran.stdout.strip() else None


def test_the_aws_cli_replicates_a_key_and_decrypts_in_every_region(
    lab: RunningLab, tmp_path: Path
) -> None:
    made = aws(lab, FIRST, "kms", "create-key", "--multi-region")["KeyMetadata"]
    key_id = made["KeyId"]
    for target in (SECOND, THIRD):
        replicated = aws(
            lab, FIRST, *("kms", "replicate-key", "--key-id", key_id, "--replica-region", target)
        )
        assert replicated["ReplicaKeyMetadata"]["Arn"] == arn(target, key_id)
    (tmp_path / "plain").write_bytes(PLAINTEXT[:4096])
    sealed = aws(
        *(lab, SECOND, "kms", "encrypt", "--key-id", key_id),
        *("--plaintext", f"fileb://{tmp_path / 'plain'}"),
    )
    (tmp_path / "sealed").write_bytes(b64decode(sealed["CiphertextBlob"]))
    for region in REGIONS:
        opened = aws(
            lab, region, "kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path / 'sealed'}"
        )
        assert b64decode(opened["Plaintext"]) == PLAINTEXT[:4096]
        assert opened["KeyId"] == arn(region, key_id)


_SCRIPT: Final = """
import { DecryptCommand, EncryptCommand, KMSClient } from "@aws-sdk/client-kms";
const [keyId, source, target] = process.argv.slice(2);
const from = new KMSClient({ region: source });
const to = new KMSClient({ region: target });
const Plaintext = new TextEncoder().encode("from node");
const sealed = await from.send(new EncryptCommand({ KeyId: keyId, Plaintext }));
const opened = await to.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
console.log(JSON.stringify({
  sealedBy: sealed.KeyId,
  openedBy: opened.KeyId,
  plaintext: new TextDecoder().decode(opened.Plaintext),
}));
"""


def test_the_sdk_for_javascript_decrypts_in_another_region(lab: RunningLab, key_id: str) -> None:
    folder = installed_client()
    (folder / "regions.mjs").write_text(_SCRIPT)
    ran = subprocess.run(
        ["node", "regions.mjs", key_id, THIRD, FIRST],
        cwd=folder,
        env=environment(lab, FIRST),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_S,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "sealedBy": arn(THIRD, key_id),
        "openedBy": arn(FIRST, key_id),
        "plaintext": "from node",
    }
