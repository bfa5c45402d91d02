"""The operator command about the audit log: which signed heads etcd has (design §5b).

`regionkms audit verify` compares them with the store's. It verifies signatures itself: what etcd,
or a node, says is material to it.
"""

from typing import Final

from regionkms.node.operator import OperatorCall, OperatorCommand


async def audit_heads(call: OperatorCall) -> object:
    """The signed heads of this Region's audit chains in etcd; none without a cluster."""
    read = call.ports.audit_heads
    return {"heads": None if read is None else dict(await read())}


COMMANDS: Final = (OperatorCommand(name="audit heads", handler=audit_heads, read_only=True),)
"""Rows of this family."""
