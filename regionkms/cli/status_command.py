"""`regionkms status`: how a running node is."""

import json

from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import say, told


def status(data_dir: NodeDir) -> None:
    """Show how a running node is, as JSON: its keys, clock, and what its agent knows of etcd."""
    with told():
        found = operate(data_dir, "status", {})
    say(json.dumps(found, indent=2))
