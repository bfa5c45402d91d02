"""The tables of a Region's store, for SQLite and PostgreSQL alike.

Only migrations create tables (migrations/versions); a test compares them with this module.

*Coded* tables hold rows that decide. Each of their rows has `version` (counts its changes),
`row_key` (the domain key that its code was made under) and `row_code` (row_encoding.py); a row that
does not fit its code is refused when it is read. So it is with audit records that wait in `outbox`,
which have no version: they are written once. The others need no code: domain keys are sealed by the
root key, heads of chains are signed, the change feed and the counters decide nothing.

The first migration also makes room for what later operations store. No code uses these yet:

- `keys`: rotation (rotation_*, next_rotation_at, last_rotated_at, on_demand_rotations), imported
  material (valid_to, expiration_model), custom key stores (custom_key_store_key_id, xks_key_id);
- `generations`: rotated_at, rotation_type, material_description, valid_to, expiration_model,
  import_state;
- `grants`, `import_tokens`, `custom_key_stores`;
- `store_meta.fencing_number`: of the Region's leading agent (protocol R13).

What a Region durably knows besides keys stands in `settings` by name (JSON or text): `store/...`
(id, lab mark), `pin/...` (etcd cluster id, incarnation, highest revision), `directory/{region}`
(its copy of the directory), `quota/{account}/{quota}` (limits that an operator changed),
`clock/...` (the lab clock).

Instants are seconds since the epoch. Text that clients choose freely is kept as UTF-8 bytes,
because PostgreSQL's text has no U+0000 and sorts by locale.

Source: design §2, §3, §5b; protocol §3; spec 01 §3, §10; spec 03 §6; spec 05 §4; spec 06.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

SCHEMA_VERSION: Final = 1
"""Of this release; a store tells in `store_meta.readable_from` how old a release may be."""

ROW_NAME: Final = "row name"
"""In a table's `info`: columns that name a row in messages, where it is not the primary key."""

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class FreeText(TypeDecorator[str]):
    """Text that clients choose, as UTF-8 bytes: any character, sorted by bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encode; a lone surrogate is refused with UnicodeEncodeError."""
        del dialect
        return None if value is None else value.encode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:
        """Decode. Bytes that are no UTF-8 come out altered, so the row's code refuses them."""
        del dialect
        if value is None or isinstance(value, str):
            return value
        return bytes(value).decode("utf-8", "replace")


def _name(name: str, *, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    """A column of ASCII text in a fixed form, sorted by bytes on both databases."""
    kind = Text().with_variant(Text(collation="C"), "postgresql")
    return Column(name, kind, primary_key=primary_key, nullable=nullable)


def _column(name: str, kind: TypeEngine[Any]) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _later(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]]) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _code() -> tuple[Column[Any], ...]:
    return (
        _column("version", BigInteger()),
        _name("row_key"),
        _column("row_code", LargeBinary()),
    )


def _belongs_to_key(key_column: str = "key_id") -> ForeignKeyConstraint:
    """Checked at commit, so that the order within a transaction is free."""
    return ForeignKeyConstraint(
        ["account_id", key_column],
        ["keys.account_id", "keys.key_id"],
        deferrable=True,
        initially="DEFERRED",
    )


store_meta: Final = Table(
    "store_meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    _column("commit_number", BigInteger()),
    _column("feed_floor", BigInteger()),  # highest commit number whose feed rows are pruned
    _column("fencing_number", BigInteger()),
    _column("schema_version", Integer()),
    _column("readable_from", Integer()),
)

store_lock: Final = Table(
    # Never has a row: PostgreSQL's writers queue on its lock before they take their snapshot.
    "store_lock",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
)

domain_keys: Final = Table(
    "domain_keys",
    metadata,
    _name("domain_key_id", primary_key=True),
    _column("wrapped", LargeBinary()),
    _column("created_at", Double()),
    _column("current", Boolean()),
)

settings: Final = Table(
    "settings",
    metadata,
    _name("name", primary_key=True),
    _column("value", FreeText()),
    *_code(),
)

access_keys: Final = Table(
    "access_keys",
    metadata,
    _name("access_key_id", primary_key=True),
    _name("account_id"),
    _name("domain_key_id"),
    _column("wrapped_secret", LargeBinary()),
    _column("active", Boolean()),
    _column("created_at", Double()),
    *_code(),
)

keys: Final = Table(
    "keys",
    metadata,
    _name("account_id", primary_key=True),
    _name("key_id", primary_key=True),
    _name("key_spec"),
    _name("key_usage"),
    _name("origin"),
    _name("key_manager"),
    _column("description", FreeText()),
    _column("policy", FreeText()),
    _column("created_at", Double()),
    _column("enabled", Boolean()),
    _name("deletion_kind"),
    _column("deletion_window_days", Integer()),
    _later("deletion_date", Double),
    _later("current_generation", LargeBinary),
    _name("binding_domain_key_id"),
    _column("binding_wrapped", LargeBinary()),
    # Authenticated here, so that a removed row of multi_region_facts is noticed.
    _column("multi_region", Boolean()),
    _name("custom_key_store_id"),
    _later("rotation_enabled", Boolean),
    _later("rotation_period_days", Integer),
    _later("next_rotation_at", Double),
    _later("last_rotated_at", Double),
    _later("on_demand_rotations", Integer),
    _later("valid_to", Double),
    _later("expiration_model", Text),
    _later("custom_key_store_key_id", Text),
    _later("xks_key_id", FreeText),
    *_code(),
    Index(None, "deletion_date"),
    Index(None, "next_rotation_at"),
    Index(None, "valid_to"),
)

key_counts: Final = Table(
    "key_counts",
    metadata,
    _name("account_id", primary_key=True),
    _column("customer_keys", BigInteger()),
)

multi_region_facts: Final = Table(
    # No foreign key: tombstones outlive their keys (protocol R5, R6).
    "multi_region_facts",
    metadata,
    _name("account_id", primary_key=True),
    _name("key_id", primary_key=True),
    _column("life", BigInteger()),
    _name("phase"),
    _name("lock_kind", nullable=True),
    _name("lock_peer", nullable=True),
    _name("lock_intent_id", nullable=True),
    _later("lock_base_seq", BigInteger),
    _later("lock_issued", Boolean),
    _later("lock_expired", Boolean),
    _column("mirror", LargeBinary()),
    _column("mirror_seq", BigInteger()),
    _column("mirror_revision", BigInteger()),
    _column("ever_acked", LargeBinary()),  # generation ids, sorted, one after the other
    _name("opened_by"),
    *_code(),
    Index(None, "lock_kind"),
)

generations: Final = Table(
    "generations",
    metadata,
    _name("account_id", primary_key=True),
    _name("key_id", primary_key=True),
    Column("generation_id", LargeBinary, primary_key=True),
    _name("domain_key_id"),
    _column("wrapped", LargeBinary()),
    _column("fingerprint", LargeBinary()),
    _column("created_at", Double()),
    _later("rotated_at", Double),
    _later("rotation_type", Text),
    _later("material_description", FreeText),
    _later("valid_to", Double),
    _later("expiration_model", Text),
    _later("import_state", Text),
    *_code(),
    _belongs_to_key(),
    Index(None, "domain_key_id"),  # the re-wrap walks it
)

aliases: Final = Table(
    "aliases",
    metadata,
    _name("account_id", primary_key=True),
    _name("alias_name", primary_key=True),
    _name("target_key_id"),
    _column("created_at", Double()),
    _column("updated_at", Double()),
    *_code(),
    _belongs_to_key("target_key_id"),
    Index(None, "account_id", "target_key_id", "alias_name"),
)

tags: Final = Table(
    "tags",
    metadata,
    _name("account_id", primary_key=True),
    _name("key_id", primary_key=True),
    Column("tag_key", FreeText, primary_key=True),
    _column("tag_value", FreeText()),
    *_code(),
    _belongs_to_key(),
)

intents: Final = Table(
    "intents",
    metadata,
    _name("intent_id", primary_key=True),
    _name("kind"),
    _name("account_id"),
    _name("key_id"),
    _column("request", FreeText()),
    _name("state"),
    _column("outcome", FreeText()),
    _column("created_at", Double()),
    _column("deadline", Double()),
    _column("recorded", Boolean()),
    *_code(),
    Index(None, "state", "recorded", "created_at"),
    Index(None, "account_id", "key_id"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _name("event_id"),
    _column("record", LargeBinary()),
    # Recovery chains what waits here: who can only write the database must not write history.
    _name("row_key"),
    _column("row_code", LargeBinary()),  # over all but the position, which the database gives
    UniqueConstraint("event_id"),
    info={ROW_NAME: ("event_id",)},
    sqlite_autoincrement=True,  # a position is never used twice
)

chain_heads: Final = Table(
    "chain_heads",
    metadata,
    _name("chain", primary_key=True),
    _column("head", FreeText()),
)

changes: Final = Table(
    "changes",
    metadata,
    Column("commit_number", BigInteger, primary_key=True, autoincrement=False),
    _name("kind", primary_key=True),
    _name("account_id", primary_key=True),
    _name("name", primary_key=True),
)

grants: Final = Table(
    "grants",
    metadata,
    _name("account_id", primary_key=True),
    _name("key_id", primary_key=True),
    _name("grant_id", primary_key=True),
    _later("name", FreeText),
    _column("grantee_principal", FreeText()),
    _later("retiring_principal", FreeText),
    _column("issuing_account", FreeText()),
    _column("operations", FreeText()),  # JSON list
    _later("constraints", FreeText),  # JSON object
    _column("created_at", Double()),
    *_code(),
    _belongs_to_key(),
    Index(None, "account_id", "key_id", "grantee_principal"),
    Index(None, "account_id", "retiring_principal"),
)

import_tokens: Final = Table(
    "import_tokens",
    metadata,
    _name("account_id", primary_key=True),
    _name("key_id", primary_key=True),
    _name("token_id", primary_key=True),
    _name("wrapping_key_spec"),
    _name("wrapping_algorithm"),
    _name("domain_key_id"),
    _column("wrapped_private_key", LargeBinary()),
    _column("created_at", Double()),
    _column("valid_to", Double()),
    *_code(),
    _belongs_to_key(),
    Index(None, "valid_to"),
)

custom_key_stores: Final = Table(
    "custom_key_stores",
    metadata,
    _name("account_id", primary_key=True),
    _name("custom_key_store_id", primary_key=True),
    _column("name", FreeText()),
    _name("kind"),
    _name("connection_state"),
    _later("connection_error_code", Text),
    _column("configuration", FreeText()),  # JSON object, without credentials
    _name("domain_key_id"),
    _later("wrapped_credentials", LargeBinary),
    _column("created_at", Double()),
    *_code(),
    UniqueConstraint("account_id", "name"),
)
