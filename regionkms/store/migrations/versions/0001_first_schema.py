"""The first schema: what regionkms/store/schema.py describes, unused columns included."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
POSITION: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "access_keys",
        sa.Column("access_key_id", NAME, nullable=False),
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("domain_key_id", NAME, nullable=False),
        sa.Column("wrapped_secret", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("access_key_id", name="pk_access_keys"),
    )
    op.create_table(
        "chain_heads",
        sa.Column("chain", NAME, nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_chain_heads"),
    )
    op.create_table(
        "changes",
        sa.Column("commit_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.PrimaryKeyConstraint("commit_number", "kind", "account_id", "name", name="pk_changes"),
    )
    op.create_table(
        "custom_key_stores",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("custom_key_store_id", NAME, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("connection_state", NAME, nullable=False),
        sa.Column("connection_error_code", sa.Text(), nullable=True),
        sa.Column("configuration", sa.LargeBinary(), nullable=False),
        sa.Column("domain_key_id", NAME, nullable=False),
        sa.Column("wrapped_credentials", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "custom_key_store_id", name="pk_custom_key_stores"),
        sa.UniqueConstraint("account_id", "name", name="uq_custom_key_stores_account_id"),
    )
    op.create_table(
        "domain_keys",
        sa.Column("domain_key_id", NAME, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("domain_key_id", name="pk_domain_keys"),
    )
    op.create_table(
        "intents",
        sa.Column("intent_id", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("deadline", sa.Double(), nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("intent_id", name="pk_intents"),
    )
    op.create_index(
        "ix_intents_account_id_key_id", "intents", ["account_id", "key_id"], unique=False
    )
    op.create_index(
        "ix_intents_state_recorded_created_at",
        "intents",
        ["state", "recorded", "created_at"],
        unique=False,
    )
    op.create_table(
        "key_counts",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("customer_keys", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_key_counts"),
    )
    op.create_table(
        "keys",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("key_spec", NAME, nullable=False),
        sa.Column("key_usage", NAME, nullable=False),
        sa.Column("origin", NAME, nullable=False),
        sa.Column("key_manager", NAME, nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("policy", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("deletion_kind", NAME, nullable=False),
        sa.Column("deletion_window_days", sa.Integer(), nullable=False),
        sa.Column("deletion_date", sa.Double(), nullable=True),
        sa.Column("current_generation", sa.LargeBinary(), nullable=True),
        sa.Column("binding_domain_key_id", NAME, nullable=False),
        sa.Column("binding_wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("multi_region", sa.Boolean(), nullable=False),
        sa.Column("custom_key_store_id", NAME, nullable=False),
        sa.Column("rotation_enabled", sa.Boolean(), nullable=True),
        sa.Column("rotation_period_days", sa.Integer(), nullable=True),
        sa.Column("next_rotation_at", sa.Double(), nullable=True),
        sa.Column("last_rotated_at", sa.Double(), nullable=True),
        sa.Column("on_demand_rotations", sa.Integer(), nullable=True),
        sa.Column("valid_to", sa.Double(), nullable=True),
        sa.Column("expiration_model", sa.Text(), nullable=True),
        sa.Column("custom_key_store_key_id", sa.Text(), nullable=True),
        sa.Column("xks_key_id", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key_id", name="pk_keys"),
    )
    op.create_index("ix_keys_deletion_date", "keys", ["deletion_date"], unique=False)
    op.create_index("ix_keys_next_rotation_at", "keys", ["next_rotation_at"], unique=False)
    op.create_index("ix_keys_valid_to", "keys", ["valid_to"], unique=False)
    op.create_table(
        "multi_region_facts",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("life", sa.BigInteger(), nullable=False),
        sa.Column("phase", NAME, nullable=False),
        sa.Column("lock_kind", NAME, nullable=True),
        sa.Column("lock_peer", NAME, nullable=True),
        sa.Column("lock_intent_id", NAME, nullable=True),
        sa.Column("lock_base_seq", sa.BigInteger(), nullable=True),
        sa.Column("lock_issued", sa.Boolean(), nullable=True),
        sa.Column("lock_expired", sa.Boolean(), nullable=True),
        sa.Column("mirror", sa.LargeBinary(), nullable=False),
        sa.Column("mirror_seq", sa.BigInteger(), nullable=False),
        sa.Column("mirror_revision", sa.BigInteger(), nullable=False),
        sa.Column("ever_acked", sa.LargeBinary(), nullable=False),
        sa.Column("opened_by", NAME, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key_id", name="pk_multi_region_facts"),
    )
    op.create_index(
        "ix_multi_region_facts_lock_kind", "multi_region_facts", ["lock_kind"], unique=False
    )
    op.create_table(
        "outbox",
        sa.Column("position", POSITION, nullable=False),
        sa.Column("event_id", NAME, nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_outbox"),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.create_table(
        "store_lock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_store_lock"),
    )
    op.create_table(
        "store_meta",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("commit_number", sa.BigInteger(), nullable=False),
        sa.Column("feed_floor", sa.BigInteger(), nullable=False),
        sa.Column("fencing_number", sa.BigInteger(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("readable_from", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_store_meta"),
    )
    op.create_table(
        "aliases",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("alias_name", NAME, nullable=False),
        sa.Column("target_key_id", NAME, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "target_key_id"],
            ["keys.account_id", "keys.key_id"],
            name="fk_aliases_keys",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "alias_name", name="pk_aliases"),
    )
    op.create_index(
        "ix_aliases_account_id_target_key_id_alias_name",
        "aliases",
        ["account_id", "target_key_id", "alias_name"],
        unique=False,
    )
    op.create_table(
        "generations",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("generation_id", sa.LargeBinary(), nullable=False),
        sa.Column("domain_key_id", NAME, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("rotated_at", sa.Double(), nullable=True),
        sa.Column("rotation_type", sa.Text(), nullable=True),
        sa.Column("material_description", sa.LargeBinary(), nullable=True),
        sa.Column("valid_to", sa.Double(), nullable=True),
        sa.Column("expiration_model", sa.Text(), nullable=True),
        sa.Column("import_state", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "key_id"],
            ["keys.account_id", "keys.key_id"],
            name="fk_generations_keys",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "key_id", "generation_id", name="pk_generations"),
    )
    op.create_index("ix_generations_domain_key_id", "generations", ["domain_key_id"], unique=False)
    op.create_table(
        "grants",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("grant_id", NAME, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("grantee_principal", sa.LargeBinary(), nullable=False),
        sa.Column("retiring_principal", sa.LargeBinary(), nullable=True),
        sa.Column("issuing_account", sa.LargeBinary(), nullable=False),
        sa.Column("operations", sa.LargeBinary(), nullable=False),
        sa.Column("constraints", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "key_id"],
            ["keys.account_id", "keys.key_id"],
            name="fk_grants_keys",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "key_id", "grant_id", name="pk_grants"),
    )
    op.create_index(
        "ix_grants_account_id_key_id_grantee_principal",
        "grants",
        ["account_id", "key_id", "grantee_principal"],
        unique=False,
    )
    op.create_index(
        "ix_grants_account_id_retiring_principal",
        "grants",
        ["account_id", "retiring_principal"],
        unique=False,
    )
    op.create_table(
        "import_tokens",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("token_id", NAME, nullable=False),
        sa.Column("wrapping_key_spec", NAME, nullable=False),
        sa.Column("wrapping_algorithm", NAME, nullable=False),
        sa.Column("domain_key_id", NAME, nullable=False),
        sa.Column("wrapped_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("valid_to", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "key_id"],
            ["keys.account_id", "keys.key_id"],
            name="fk_import_tokens_keys",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "key_id", "token_id", name="pk_import_tokens"),
    )
    op.create_index("ix_import_tokens_valid_to", "import_tokens", ["valid_to"], unique=False)
    op.create_table(
        "tags",
        sa.Column("account_id", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("tag_key", sa.LargeBinary(), nullable=False),
        sa.Column("tag_value", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("row_key", NAME, nullable=False),
        sa.Column("row_code", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "key_id"],
            ["keys.account_id", "keys.key_id"],
            name="fk_tags_keys",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "key_id", "tag_key", name="pk_tags"),
    )
    op.execute(
        "INSERT INTO store_meta "
        "(id, commit_number, feed_floor, fencing_number, schema_version, readable_from) "
        "VALUES (1, 0, 0, 0, 1, 1)"
    )
