"""The table of operator commands; a family adds its rows here.

Commands about the cluster (promote, retire, adopt, replace-store) are rows like these: their family
takes what it needs from the agent and is handed to `OperatorServer` beside this table.
"""

from typing import Final

from regionkms.node import (
    operator_accounts,
    operator_audit,
    operator_keys,
    operator_lab,
    operator_quotas,
)
from regionkms.node.operator import OperatorCommand

OPERATOR_COMMANDS: Final[tuple[OperatorCommand, ...]] = (
    *operator_keys.COMMANDS,
    *operator_accounts.COMMANDS,
    *operator_quotas.COMMANDS,
    *operator_audit.COMMANDS,
    *operator_lab.COMMANDS,
)
