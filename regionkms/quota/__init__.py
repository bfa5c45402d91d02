"""Pure quota rules: the table of quotas and the decision of one window."""
