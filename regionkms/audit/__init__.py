"""The audit log: records, hash chains, verification."""
