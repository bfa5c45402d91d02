"""A sample request for every offered operation and key member, as the acceptance tables list them.

Transcribed from spec 01 §5 (identifiers), spec 02 §9.2 and spec 04 §10 (cross-account use), apart
from regionkms/operations: the suite compares the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore import xform_name

from tests.support.node import fresh_alias

CONTEXT: Final = {"department": "10103.0"}


@dataclass(slots=True)
class Scene:
    """A new KMS key with everything on it that operations act on."""

    client: Any
    multi_region: bool = False
    metadata: dict[str, Any] = field(init=False)
    alias: str = field(init=False)
    other_alias: str = field(init=False)
    blob: bytes = field(init=False)
    other: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        create = self.client.create_key
        tags = [{"TagKey": "Project", "TagValue": "Alpha"}]
        self.metadata = create(Tags=tags, MultiRegion=self.multi_region)["KeyMetadata"]
        self.other = create()["KeyMetadata"]
        self.alias, self.other_alias = fresh_alias(), fresh_alias()
        self.client.create_alias(AliasName=self.alias, TargetKeyId=self.key_id)
        self.client.create_alias(AliasName=self.other_alias, TargetKeyId=self.other["KeyId"])
        self.blob = self.client.encrypt(
            KeyId=self.key_id, Plaintext=b"attack at dawn", EncryptionContext=CONTEXT
        )["CiphertextBlob"]

    @property
    def key_id(self) -> str:
        return str(self.metadata["KeyId"])

    @property
    def arn(self) -> str:
        return str(self.metadata["Arn"])

    @property
    def alias_arn(self) -> str:
        return self.arn.replace(f"key/{self.key_id}", self.alias)

    def snapshot(self) -> dict[str, Any]:
        """All that can be seen of the key, to show that a refusal changed nothing."""
        client = self.client
        return {
            "metadata": client.describe_key(KeyId=self.key_id)["KeyMetadata"],
            "policy": client.get_key_policy(KeyId=self.key_id)["Policy"],
            "tags": client.list_resource_tags(KeyId=self.key_id)["Tags"],
            "aliases": client.list_aliases(KeyId=self.key_id)["Aliases"],
            "other aliases": client.list_aliases(KeyId=self.other["KeyId"])["Aliases"],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One operation and the member that names its key.

    Attributes:
        action: The permission that a refusal names.
        members: The other members of a valid request in a scene.
        needs: The key state in which the call succeeds.
    """

    operation: str
    member: str = "KeyId"
    alias: bool = False
    cross_account: bool = False
    action: str = ""
    members: Callable[[Scene], Mapping[str, Any]] = lambda _: {}
    needs: str = "Enabled"

    @property
    def name(self) -> str:
        return self.operation if self.member == "KeyId" else f"{self.operation}.{self.member}"

    @property
    def permission(self) -> str:
        return self.action or f"kms:{self.operation}"

    def request(self, scene: Scene, identifier: str | None = None) -> dict[str, Any]:
        """A request that names the key by an identifier, its key id by default."""
        named = scene.key_id if identifier is None else identifier
        return {**self.members(scene), self.member: named}

    def send(self, client: Any, request: Mapping[str, Any]) -> Any:
        return getattr(client, xform_name(self.operation))(**request)


POLICY: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},'
    '"Action":"kms:*","Resource":"*"}]}'
)


def _blob(scene: Scene) -> dict[str, Any]:
    return {"CiphertextBlob": scene.blob, "EncryptionContext": CONTEXT}


def _blob_to_other(scene: Scene) -> dict[str, Any]:
    return {
        "CiphertextBlob": scene.blob,
        "SourceEncryptionContext": CONTEXT,
        "DestinationKeyId": scene.other["KeyId"],
    }


def _blob_of_other(scene: Scene) -> dict[str, Any]:
    blob = scene.client.encrypt(KeyId=scene.other["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    return {"CiphertextBlob": blob}


CRYPTOGRAPHIC: Final = (
    Row(operation="Encrypt", alias=True, cross_account=True, members=lambda _: {"Plaintext": b"x"}),
    Row(operation="Decrypt", alias=True, cross_account=True, members=_blob),
    Row(
        operation="ReEncrypt",
        member="SourceKeyId",
        action="kms:ReEncryptFrom",
        alias=True,
        cross_account=True,
        members=_blob_to_other,
    ),
    Row(
        operation="ReEncrypt",
        member="DestinationKeyId",
        action="kms:ReEncryptTo",
        alias=True,
        cross_account=True,
        members=_blob_of_other,
    ),
    Row(
        operation="GenerateDataKey",
        alias=True,
        cross_account=True,
        members=lambda _: {"KeySpec": "AES_256"},
    ),
    Row(
        operation="GenerateDataKeyWithoutPlaintext",
        alias=True,
        cross_account=True,
        members=lambda _: {"NumberOfBytes": 64},
    ),
)
MANAGEMENT: Final = (
    Row(operation="DescribeKey", alias=True, cross_account=True),
    Row(
        operation="CreateAlias",
        member="TargetKeyId",
        members=lambda _: {"AliasName": fresh_alias()},
    ),
    Row(
        operation="UpdateAlias",
        member="TargetKeyId",
        members=lambda scene: {"AliasName": scene.other_alias},
    ),
    Row(operation="ListAliases"),
    Row(
        operation="TagResource",
        members=lambda _: {"Tags": [{"TagKey": "Purpose", "TagValue": "Test"}]},
    ),
    Row(operation="UntagResource", members=lambda _: {"TagKeys": ["Project"]}),
    Row(operation="ListResourceTags"),
    Row(operation="EnableKey"),
    Row(operation="DisableKey"),
    Row(operation="UpdateKeyDescription", members=lambda _: {"Description": "new"}),
    Row(operation="ScheduleKeyDeletion", members=lambda _: {"PendingWindowInDays": 7}),
    Row(operation="CancelKeyDeletion", needs="PendingDeletion"),
    Row(operation="GetKeyPolicy"),
    Row(operation="PutKeyPolicy", members=lambda _: {"Policy": POLICY}),
    Row(operation="ListKeyPolicies"),
)
ROWS: Final = CRYPTOGRAPHIC + MANAGEMENT
WITHOUT_KEY: Final = ("CreateKey", "ListKeys", "GenerateRandom", "DeleteAlias")
"""Offered operations that have no member with a key identifier."""


def put_into(state: str, scene: Scene) -> None:
    """Bring the scene's key into a state, through the API."""
    match state:
        case "Disabled":
            scene.client.disable_key(KeyId=scene.key_id)
        case "PendingDeletion":
            scene.client.schedule_key_deletion(KeyId=scene.key_id, PendingWindowInDays=7)
        case _:
            assert state == "Enabled"
