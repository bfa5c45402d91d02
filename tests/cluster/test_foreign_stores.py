"""A lab's Region does not work with another lab's store (protocol R12, §6 Detection)."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.lab import FIRST, SECOND, RunningLab, running_lab
from tests.support.quick_client import LostError, QuickClient
from tests.support.replicas import exists, replicated_key, until

ENDS_S = 40


def settings_with_store_of(lab: RunningLab, other: RunningLab, folder: Path) -> Path:
    """The node of a lab's first Region, but with data directory and root key of another lab's."""
    settings = tomllib.loads(lab.settings(FIRST).read_text())
    settings["data_dir"] = str(other.data(FIRST))
    settings["root_key_file"] = str(other.folder / "regions" / FIRST / "root-key")
    lines = []
    for name, value in settings.items():
        if not isinstance(value, dict):
            shown = str(value).lower() if isinstance(value, bool) else f"{value!r}"
            lines.append(f"{name} = {shown}".replace("'", '"'))
    for name, table in settings.items():
        if isinstance(table, dict):
            lines += [f"[{name}]", *(f'"{key}" = "{value}"' for key, value in table.items())]
    path = folder / "node.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def node(settings: Path, log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "regionkms", "node", "--config", str(settings)],
            stdout=file,
            stderr=file,
            env={"PATH": os.environ["PATH"]},
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(ENDS_S)


def test_a_region_with_another_lab_s_store_replicates_nothing(tmp_path: Path) -> None:
    """It says why, and serves on what the store holds; the true Region comes back unharmed."""
    regions = ("--regions", f"{FIRST},{SECOND}", "--quotas", "off")
    with (
        running_lab(tmp_path / "a", *regions) as lab,
        running_lab(tmp_path / "b", *regions) as other,
    ):
        own, foreign = replicated_key(lab, SECOND), replicated_key(other)
        blob = lab.client(FIRST).encrypt(KeyId=own, Plaintext=b"own")["CiphertextBlob"]
        for each in (lab, other):
            each.kill(FIRST)
        settings, log = settings_with_store_of(lab, other, tmp_path), tmp_path / "node.log"
        with node(settings, log):
            client = QuickClient(lab.endpoint(FIRST), other.owner, FIRST)

            def answered() -> bool:
                try:
                    return client.call("DescribeKey", {"KeyId": foreign}).status == 200
                except (LostError, OSError):
                    return False

            until(answered, f"the node serves:\n{log.read_text()}")
            members = {"KeyId": foreign, "ReplicaRegion": SECOND}
            refusal = client.call("ReplicateKey", members)
            assert refusal.status == 500, refusal
            assert "Nothing was changed" in refusal.message
            client.close()
        assert (
            "protocol work is stopped, the data plane goes on: etcd's cluster id" in log.read_text()
        )
        assert not exists(lab, SECOND, foreign)
        lab.start(FIRST)
        opened = lab.client(FIRST).decrypt(CiphertextBlob=blob)
        assert opened["Plaintext"] == b"own"
        until(lambda: replicated_key(lab, SECOND), "the true Region replicates")
