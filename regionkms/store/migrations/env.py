"""Runs migrations on the connection, and in the transaction, that migrate.py has opened."""

from alembic import context

from regionkms.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
