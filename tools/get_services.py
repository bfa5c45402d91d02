"""Install what the tests start for themselves: etcd and PostgreSQL, from Debian's packages.

Run by `make test`. Does nothing where both are there; says what to install where it may not.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ETCD = "etcd-server"
POSTGRESQL = "postgresql"


def _has_postgresql() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def main() -> int:
    """Install the missing packages; 1 with a sentence if that is not possible here."""
    missing = [
        package
        for package, there in (
            (ETCD, shutil.which("etcd") is not None),
            (POSTGRESQL, _has_postgresql()),
        )
        if not there
    ]
    if not missing:
        return 0
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        print(f"The tests need {' and '.join(missing)}: install them, then run make test again.")
        return 1
    print(f"Installing {' and '.join(missing)} for the tests ...")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-qq"], check=True, env=quiet)  # noqa: S603 - a fixed command
    subprocess.run(  # noqa: S603 - a fixed command with fixed package names
        [apt, "install", "-y", "-qq", *missing], check=True, env=quiet, stdout=subprocess.DEVNULL
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
