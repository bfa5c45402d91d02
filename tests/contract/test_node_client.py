"""`@aws-sdk/client-kms` of Node.js, unmodified, where npm is there.

The package and all it needs are pinned with their hashes in node_client/package-lock.json and are
installed once into the project's cache folder.
"""

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.node import OWNER, REGION, RunningNode, fresh_alias

HERE: Final = Path(__file__).parent / "node_client"
CACHE: Final = Path(__file__).parents[2] / ".cache" / "node_client"
OLDEST_NODE: Final = 20


def installed_client() -> Path:
    """The folder with the script and its packages; skips where npm or node is missing."""
    npm, program = shutil.which("npm"), shutil.which("node")
    if npm is None or program is None:
        pytest.skip("npm and node are not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node {version.stdout.strip()} is older than the SDK takes ({OLDEST_NODE})")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = CACHE / sha256(lock).hexdigest()[:16]
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder / name)
        ran = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        if ran.returncode != 0:
            pytest.fail(f"npm is there and can't install the SDK: {ran.stderr.strip()[-500:]}")
        (folder / "installed").touch()
    shutil.copy(HERE / "tour.mjs", folder / "tour.mjs")
    return folder


@pytest.fixture(scope="module")
def tour(node: RunningNode) -> dict[str, Any]:
    """What the script saw."""
    folder = installed_client()
    alias = fresh_alias()
    ran = subprocess.run(
        ["node", "tour.mjs", alias],
        cwd=folder,
        env=node.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen | {"alias": alias}


@pytest.mark.feature("F07-63")
def test_it_makes_encrypts_and_decrypts(tour: dict[str, Any]) -> None:
    assert tour["arn"].startswith(f"arn:aws:kms:{REGION}:{OWNER.account_id}:key/")
    assert tour["creationDate"].startswith("20")
    assert tour["opened"] == "hello from node"
    assert tour["sameDataKey"] is True
    assert tour["movedKeyId"] == tour["arn"]
    assert tour["random"] == 24


def test_it_reads_lists_tags_and_policies(tour: dict[str, Any]) -> None:
    assert tour["names"] == [tour["alias"]]
    assert tour["tags"] == [{"TagKey": "client", "TagValue": "node"}]
    assert tour["policyId"] == "key-default-1"
    assert tour["keyState"] == "PendingDeletion"
    assert tour["deletionDate"] > tour["creationDate"]


def test_it_knows_the_errors_by_name_message_and_request_id(
    node: RunningNode, tour: dict[str, Any]
) -> None:
    assert tour["wrongContext"]["name"] == "InvalidCiphertextException"
    assert tour["unknown"]["name"] == "NotFoundException"
    assert tour["unknown"]["message"].endswith("alias/nobody is not found.")
    assert tour["disabled"]["name"] == "DisabledException"
    assert tour["disabled"]["message"] == f"{tour['arn']} is disabled."
    for error in (tour["wrongContext"], tour["unknown"], tour["disabled"]):
        assert error["status"] == 400
        assert len(node.records(requestID=error["requestId"])) == 1
