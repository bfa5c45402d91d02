"""Pure policy rules: documents, compiled statements, decisions."""
