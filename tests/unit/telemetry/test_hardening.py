import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, resource
from regionkms.telemetry.hardening import harden_process
library = ctypes.CDLL(None)
before = library.prctl(3, 0, 0, 0, 0)
harden_process()
print(before, library.prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_hardened_process_leaves_no_core_and_can_not_be_traced() -> None:
    # In a process of its own: it can't be undone. prctl(3) is PR_GET_DUMPABLE.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "1 0 (0, 0)\n"
