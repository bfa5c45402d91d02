"""Shared memory of a node: quota windows, change counter, metrics, lab clock."""
