"""What a process that holds key material does to itself first: nobody looks into its memory.

Called by supervisor, workers and agent as soon as they run: exec gives back what was taken, so a
child does not inherit it.
"""

import ctypes
import os
import resource
import sys
from typing import Final

from regionkms.model.errors import ConfigurationError

_PR_SET_DUMPABLE: Final = 4
"""prctl(2): 0 forbids core dumps, ptrace by other processes of this user, and /proc/PID/mem."""


def harden_process() -> None:
    """Turn off core dumps and tracing of this process, for good.

    Root with CAP_SYS_PTRACE can still look. Outside Linux only core dumps are turned off.

    Raises:
        ConfigurationError: The system refused.
    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise ConfigurationError("Core dumps of this process can't be turned off.") from error
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise ConfigurationError(f"Tracing of this process can't be turned off: {reason}.")
