"""The AWS CLI, unmodified: every offered operation once, as the guide's samples write them."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest

from regionkms.operations import OPERATIONS
from tests.support.node import OWNER, REGION, RunningNode, fresh_alias

STORY: Final = (
    "create-key describe-key list-keys update-key-description disable-key enable-key create-alias "
    "list-aliases update-alias delete-alias tag-resource list-resource-tags untag-resource "
    "get-key-policy put-key-policy list-key-policies encrypt decrypt re-encrypt generate-data-key "
    "generate-data-key-without-plaintext generate-random schedule-key-deletion cancel-key-deletion"
)
"""Subcommands that the tests below run; the last one compares them with what is offered."""


def kms(node: RunningNode, *arguments: str, **options: Any) -> Any:
    return node.aws("kms", *arguments, **options)


def new_key(node: RunningNode) -> str:
    return str(node.client(OWNER).create_key()["KeyMetadata"]["KeyId"])


@pytest.mark.feature("F01-65", "F02-46", "F07-64")
def test_keys_by_the_cli(node: RunningNode) -> None:
    made = kms(node, "create-key", "--description", "by the CLI", "--tags",
               "TagKey=Project,TagValue=Alpha")["KeyMetadata"]  # fmt: skip
    key_id = made["KeyId"]
    assert made["Description"] == "by the CLI"
    shown = kms(node, "describe-key", "--key-id", made["Arn"])["KeyMetadata"]
    assert shown == made
    for _ in range(3):
        new_key(node)
    listed = kms(node, "list-keys", "--max-items", "3", "--page-size", "2")
    assert len(listed["Keys"]) == 3
    assert "NextToken" in listed
    assert kms(node, "update-key-description", "--key-id", key_id, "--description", "new") is None
    assert kms(node, "disable-key", "--key-id", key_id) is None
    state = kms(node, "describe-key", "--key-id", key_id, "--query", "KeyMetadata.KeyState")
    assert state == "Disabled"
    assert kms(node, "enable-key", "--key-id", key_id) is None
    scheduled = kms(node, "schedule-key-deletion", "--key-id", key_id,
                    "--pending-window-in-days", "10")  # fmt: skip
    assert (scheduled["KeyState"], scheduled["PendingWindowInDays"]) == ("PendingDeletion", 10)
    assert kms(node, "cancel-key-deletion", "--key-id", key_id) == {"KeyId": made["Arn"]}


@pytest.mark.feature("F01-65", "F07-64")
def test_aliases_by_the_cli(node: RunningNode) -> None:
    first, second, name = new_key(node), new_key(node), fresh_alias()
    assert kms(node, "create-alias", "--alias-name", name, "--target-key-id", first) is None
    query = f"Aliases[?AliasName=='{name}'].TargetKeyId"
    assert kms(node, "list-aliases", "--query", query) == [first]
    assert kms(node, "update-alias", "--alias-name", name, "--target-key-id", second) is None
    (alias,) = kms(node, "list-aliases", "--key-id", second)["Aliases"]
    assert alias["AliasArn"] == f"arn:aws:kms:{REGION}:{OWNER.account_id}:{name}"
    assert kms(node, "delete-alias", "--alias-name", name) is None
    assert kms(node, "list-aliases", "--key-id", second) == {"Aliases": []}


@pytest.mark.feature("F01-65", "F07-64")
def test_tags_and_policies_by_the_cli(node: RunningNode, tmp_path: Path) -> None:
    key_id = new_key(node)
    tags = ("TagKey=Purpose,TagValue=Pretest", "TagKey=Department,TagValue=")
    assert kms(node, "tag-resource", "--key-id", key_id, "--tags", *tags) is None
    assert kms(node, "untag-resource", "--key-id", key_id, "--tag-keys", "Purpose") is None
    assert kms(node, "list-resource-tags", "--key-id", key_id)["Tags"] == [
        {"TagKey": "Department", "TagValue": ""}
    ]
    policy = kms(node, "get-key-policy", "--key-id", key_id, "--policy-name", "default",
                 "--query", "Policy", text=True)  # fmt: skip
    assert json.loads(policy)["Id"] == "key-default-1"
    file = tmp_path / "policy.json"
    file.write_text(policy)
    assert kms(node, "put-key-policy", "--key-id", key_id, "--policy-name", "default",
               "--policy", f"file://{file}") is None  # fmt: skip
    assert kms(node, "list-key-policies", "--key-id", key_id)["PolicyNames"] == ["default"]


@pytest.mark.feature("F01-65", "F07-64")
def test_cryptography_by_the_cli(node: RunningNode, tmp_path: Path) -> None:
    key_id, other = new_key(node), new_key(node)
    plaintext, ciphertext = tmp_path / "plain", tmp_path / "cipher"
    plaintext.write_bytes(bytes(range(256)))
    made = kms(node, "encrypt", "--key-id", key_id, "--plaintext", f"fileb://{plaintext}",
               "--encryption-context", "Department=IT,Purpose=Test")  # fmt: skip
    ciphertext.write_bytes(base64.b64decode(made["CiphertextBlob"]))
    opened = kms(node, "decrypt", "--ciphertext-blob", f"fileb://{ciphertext}",
                 "--encryption-context", "Purpose=Test,Department=IT",
                 "--query", "Plaintext", text=True)  # fmt: skip
    assert base64.b64decode(opened) == bytes(range(256))
    moved = kms(node, "re-encrypt", "--ciphertext-blob", f"fileb://{ciphertext}",
                "--source-encryption-context", "Purpose=Test,Department=IT",
                "--destination-key-id", other)  # fmt: skip
    assert moved["KeyId"].endswith(other)
    data_key = kms(node, "generate-data-key", "--key-id", key_id, "--key-spec", "AES_256")
    assert len(base64.b64decode(data_key["Plaintext"])) == 32
    hidden = kms(node, "generate-data-key-without-plaintext", "--key-id", key_id,
                 "--number-of-bytes", "64")  # fmt: skip
    assert "Plaintext" not in hidden
    random = kms(node, "generate-random", "--number-of-bytes", "12", "--query", "Plaintext",
                 text=True)  # fmt: skip
    assert len(base64.b64decode(random)) == 12


def test_errors_reach_the_user_of_the_cli(node: RunningNode) -> None:
    ran = kms(node, "describe-key", "--key-id", "alias/nobody", check=False)
    assert ran.returncode != 0
    assert "(NotFoundException) when calling the DescribeKey operation: Alias arn:aws:kms:" in (
        ran.stderr
    )


def test_a_dry_run_of_the_cli_exits_with_its_exception(node: RunningNode, tmp_path: Path) -> None:
    file = tmp_path / "plain"
    file.write_bytes(b"x")
    ran = kms(node, "encrypt", "--key-id", new_key(node), "--plaintext", f"fileb://{file}",
              "--dry-run", check=False)  # fmt: skip
    assert ran.returncode != 0
    assert "DryRunOperationException" in ran.stderr


def test_sts_by_the_cli(node: RunningNode) -> None:
    assert node.aws("sts", "get-caller-identity")["Arn"] == OWNER.root_arn


def test_every_offered_operation_is_run_by_the_cli() -> None:
    names = {"".join(part.capitalize() for part in name.split("-")) for name in STORY.split()}
    assert names == set(OPERATIONS) - {"ReplicateKey"}
    source = Path(__file__).read_text(encoding="utf-8")
    body = source[source.index("def kms(") :]
    assert [name for name in STORY.split() if f'"{name}"' not in body] == []
