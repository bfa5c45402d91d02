"""The regional store: one SQL schema on SQLite and PostgreSQL, and the vault."""
