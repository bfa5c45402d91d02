"""`python -m regionkms.node.child ROLE FD`: a child of the supervisor. Not for hands."""

import ctypes
import signal
import socket
import sys
from typing import Final

from regionkms.model.errors import ConfigurationError
from regionkms.node.agent import run_agent
from regionkms.node.handover import receive
from regionkms.node.worker import run_worker
from regionkms.telemetry.hardening import harden_process
from regionkms.telemetry.logging import JsonFormatter, log_to_standard_error

_PR_SET_PDEATHSIG: Final = 1
_HANDOVER_TIMEOUT_S: Final = 30.0
_RUN: Final = {"worker": run_worker, "agent": run_agent}
_ARGUMENTS: Final = 3


def main() -> int:
    """Take the handover and run the role until told to end."""
    if len(sys.argv) != _ARGUMENTS or sys.argv[1] not in _RUN:
        sys.stderr.write("This is started by `regionkms node`, not by hand.\n")
        return 2
    harden_process()
    # A child without its supervisor has nobody to restart it and holds the port: it ends too.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    with socket.socket(fileno=int(sys.argv[2])) as channel:
        channel.settimeout(_HANDOVER_TIMEOUT_S)
        try:
            handover = receive(channel)
        except ConfigurationError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        settings = handover.checked
        name = f"{sys.argv[1]}-{handover.process}"
        log_to_standard_error(
            settings.log_level, JsonFormatter(region=settings.region, process=name)
        )
        _RUN[sys.argv[1]](handover, channel)
    return 0


if __name__ == "__main__":
    sys.exit(main())
