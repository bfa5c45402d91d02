"""What the processes of a node count together, in one area of shared memory.

The change counter, the lab clock's offset, request quotas and metrics. Every word of the area has
one writer, so nothing here takes a lock and no process can be held up by another that was stopped
or killed: docs/adr/0009-quota-windows.md.
"""
