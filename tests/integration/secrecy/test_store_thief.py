"""Who has the whole store but not the root key: he opens nothing, and what he writes opens nothing.

Reading is tried with the product's own code on a copy of the store. Writing is tried on the store
of a node that then starts on it: rows that decide carry codes that nobody else can make, so an
altered row takes its key or credentials out of service and gives nobody anything.
"""

import asyncio
import hashlib
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from regionkms.config import NodeSettings, SettingsAsRead, check_settings
from regionkms.crypto.material import Material
from regionkms.crypto.wrapping import domain_wrapping_key, material_aad, unwrap
from regionkms.model.errors import ConfigurationError, MaterialUnreadable
from regionkms.model.ids import AccountId, DomainKeyId, KeyId
from regionkms.node.command_socket import ask
from regionkms.node.supervisor import open_or_create_store
from regionkms.ports.vault import MaterialKind
from regionkms.store.bootstrap import read_domain_keys
from regionkms.store.domain_keys import create_domain_key, open_domain_keys
from regionkms.store.engine import store_url
from tests.support.node import (
    ACCOUNTS,
    EMPTY,
    OWNER,
    REGION,
    STRANGER,
    RunningNode,
    prepare_store,
    start_node,
)

KEY_BYTES = 32
_LONGEST_CRYPTOGRAPHIC_BYTES = 80
"""Of wrapped keys, codes, fingerprints and ids; longer are the documents."""
OPEN_POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*",'
    '"Resource":"*"}]}'
)
Row = dict[str, Any]


@dataclass
class Loot:
    """What the thief took, and what clients of the Region had."""

    folder: Path
    keys: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.folder / "data" / "store.db"

    @property
    def settings(self) -> NodeSettings:
        return check_settings(
            SettingsAsRead(
                region=REGION,
                data_dir=str(self.folder / "data"),
                root_key_file=str(self.folder / "root.key"),
            )
        )

    def rows(self, table: str) -> list[Row]:
        with closing(sqlite3.connect(self.store)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608 - a table of ours

    def write(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.store)) as connection, connection:
            assert connection.execute(statement, values).rowcount >= 1


def end(node: RunningNode) -> None:
    node.process.send_signal(signal.SIGTERM)
    node.process.wait(30)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Loot:
    """A store that keys were made and used in; its node is stopped."""
    folder = tmp_path_factory.mktemp("original")
    asyncio.run(prepare_store(folder))
    loot = Loot(folder)
    node = start_node(folder, "--quotas=off")
    kms = node.client()
    try:
        for name in ("opened", "swapped", "swapped too", "disabled", "aliased", "target", "whole"):
            key_id = kms.create_key()["KeyMetadata"]["KeyId"]
            loot.keys[name] = key_id
            loot.blobs[name] = kms.encrypt(KeyId=key_id, Plaintext=name.encode())["CiphertextBlob"]
        kms.create_alias(AliasName="alias/aliased", TargetKeyId=loot.keys["aliased"])
        kms.disable_key(KeyId=loot.keys["disabled"])
        ask(
            loot.settings.data_dir / "operator.sock",
            "account disable-key",
            {"access_key_id": EMPTY.access_key_id},
        )
    finally:
        end(node)
    return loot


@pytest.fixture
def loot(original: Loot, tmp_path: Path) -> Loot:
    """A copy of it, to be looked through and written to."""
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "data").mkdir(mode=0o700)
    for name in ("root.key", "data/store.db"):
        shutil.copy2(original.folder / name, folder / name)
    return Loot(folder, original.keys, original.blobs)


# --- reading ------------------------------------------------------------------------------------


def guesses(loot: Loot) -> Iterator[bytes]:
    """Keys that a thief would try: simple ones, and every piece of what he took."""
    yield bytes(KEY_BYTES)
    yield b"\xff" * KEY_BYTES
    yield hashlib.sha256(b"").digest()
    for table in ("settings", "access_keys", "keys", "generations", "domain_keys"):
        for row in loot.rows(table):
            for value in row.values():
                content = value.encode() if isinstance(value, str) else value
                if not isinstance(content, bytes) or len(content) > _LONGEST_CRYPTOGRAPHIC_BYTES:
                    continue
                yield hashlib.sha256(content).digest()
                for start in range(max(0, len(content) - KEY_BYTES + 1)):
                    yield content[start : start + KEY_BYTES]


def wrapped_in(loot: Loot) -> Iterator[tuple[bytes, bytes]]:
    """Everything wrapped under a domain key, with its AAD."""

    def aad(row: Row, domain_key: str, kind: MaterialKind, key_id: str, name: bytes) -> bytes:
        return material_aad(
            domain_key_id=DomainKeyId(row[domain_key]),
            account_id=AccountId(row["account_id"]),
            key_id=KeyId(key_id),
            kind=kind.value,
            name=name,
        )

    for row in loot.rows("keys"):
        names = ("binding_domain_key_id", MaterialKind.BINDING_KEY, row["key_id"], b"")
        yield row["binding_wrapped"], aad(row, *names)
    for row in loot.rows("generations"):
        names = ("domain_key_id", MaterialKind.KEY_MATERIAL, row["key_id"], row["generation_id"])
        yield row["wrapped"], aad(row, *names)
    for row in loot.rows("access_keys"):
        name = row["access_key_id"].encode()
        names = ("domain_key_id", MaterialKind.ACCESS_KEY_SECRET, "", name)
        yield row["wrapped_secret"], aad(row, *names)


def opens(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except MaterialUnreadable:
        return False
    return True


def test_nothing_in_the_store_opens_what_is_wrapped_in_it(loot: Loot) -> None:
    rows = read_domain_keys(store_url(loot.store.parent))
    wrapped = list(wrapped_in(loot))
    assert len(wrapped) == 2 * len(loot.keys) + len(ACCOUNTS)
    tried = set(guesses(loot))
    assert len(tried) > 500
    for guess in map(Material, tried):
        assert not opens(lambda guess=guess: open_domain_keys(guess, rows))  # type: ignore[misc] # a lambda's default has no type
        key = domain_wrapping_key(guess)
        for content, aad in wrapped:
            assert not opens(
                lambda key=key, content=content, aad=aad: unwrap(key, content, aad=aad)  # type: ignore[misc] # as above
            )
    with pytest.raises(ValueError, match="a root or domain key has 32 bytes, got 0"):
        open_domain_keys(Material(b""), rows)


def test_the_root_key_of_another_store_does_not_open_it(loot: Loot, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    asyncio.run(prepare_store(other))
    (loot.folder / "root.key").unlink()
    (other / "root.key").rename(loot.folder / "root.key")
    with pytest.raises(MaterialUnreadable, match="the root key is another store's, or the row was"):
        open_or_create_store(loot.settings)


def test_without_its_root_key_a_store_is_refused_and_not_made_anew(loot: Loot) -> None:
    (loot.folder / "root.key").unlink()
    with pytest.raises(ConfigurationError, match="Without it nothing in the store opens"):
        open_or_create_store(loot.settings)
    assert not (loot.folder / "root.key").exists()


def test_a_domain_key_of_the_thief_is_refused(loot: Loot) -> None:
    _, row = create_domain_key(Material(b"thief's root key of 32 bytes ..."), created_at=0.0)
    loot.write(
        "INSERT INTO domain_keys (domain_key_id, wrapped, created_at, current) VALUES (?, ?, ?, 0)",
        row.domain_key_id,
        row.wrapped,
        row.created_at,
    )
    with pytest.raises(MaterialUnreadable, match=f"^domain key {row.domain_key_id} does not open"):
        open_or_create_store(loot.settings)


def test_rows_of_another_store_under_the_same_root_key_are_refused(
    loot: Loot, tmp_path: Path
) -> None:
    """He has a store of his own that somebody made with the victim's root key."""
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy2(loot.folder / "root.key", other / "root.key")
    asyncio.run(prepare_store(other))
    for row in Loot(other).rows("domain_keys"):
        loot.write(
            "INSERT INTO domain_keys (domain_key_id, wrapped, created_at, current) "
            "VALUES (?, ?, ?, 0)",
            row["domain_key_id"],
            row["wrapped"],
            row["created_at"],
        )
    with pytest.raises(ConfigurationError, match="The store has domain keys of several stores"):
        open_or_create_store(loot.settings)


# --- writing ------------------------------------------------------------------------------------


def alter_everything(loot: Loot) -> None:
    """All that who writes the database could wish for, of different keys and credentials."""
    keys = loot.keys
    loot.write("UPDATE keys SET policy = ? WHERE key_id = ?", OPEN_POLICY.encode(), keys["opened"])
    loot.write("UPDATE keys SET enabled = 1 WHERE key_id = ?", keys["disabled"])
    loot.write("UPDATE aliases SET target_key_id = ?", keys["target"])
    loot.write("UPDATE access_keys SET active = 1 WHERE access_key_id = ?", EMPTY.access_key_id)
    # The thief is a client himself, and moves his own credentials into the victim's account.
    loot.write(
        "UPDATE access_keys SET account_id = ? WHERE access_key_id = ?",
        OWNER.account_id,
        STRANGER.access_key_id,
    )
    first, second = (
        next(row for row in loot.rows("generations") if row["key_id"] == keys[name])
        for name in ("swapped", "swapped too")
    )
    for mine, other in ((first, second), (second, first)):
        loot.write(
            "UPDATE generations SET wrapped = ?, fingerprint = ?, row_code = ? WHERE key_id = ?",
            other["wrapped"],
            other["fingerprint"],
            other["row_code"],
            mine["key_id"],
        )


def test_what_the_thief_writes_gives_nobody_anything(loot: Loot) -> None:
    alter_everything(loot)
    node = start_node(loot.folder, "--quotas=off")
    try:
        kms = node.client()
        for name in ("opened", "swapped", "swapped too", "disabled"):
            with pytest.raises(ClientError) as caught:
                kms.decrypt(CiphertextBlob=loot.blobs[name])
            assert caught.value.response["Error"]["Code"] == "KMSInternalException", name
        with pytest.raises(ClientError) as caught:
            kms.encrypt(KeyId="alias/aliased", Plaintext=b"for the key of the alias alone")
        assert caught.value.response["Error"]["Code"] == "KMSInternalException"
        for account in (STRANGER, EMPTY):
            with pytest.raises(ClientError) as caught:
                node.client(account).list_keys()
            assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
        for name in ("aliased", "target", "whole"):
            assert kms.decrypt(CiphertextBlob=loot.blobs[name])["Plaintext"] == name.encode()
    finally:
        end(node)
    for table in ("keys", "generations", "aliases", "access_keys"):
        assert f"of table {table} does not fit its authentication code" in node.log


def test_a_store_is_not_turned_into_a_labs(loot: Loot) -> None:
    loot.write("UPDATE settings SET value = ? WHERE name = 'store/lab'", b"lab")
    with pytest.raises(AssertionError) as caught:
        start_node(loot.folder)
    assert "row (store/lab) of table settings does not fit its authentication code" in str(
        caught.value
    )
