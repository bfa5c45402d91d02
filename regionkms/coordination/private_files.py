"""Files that only their owner may read: written whole, refused when others can read them."""

import os
import stat
from pathlib import Path

from regionkms.model.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, durable on return.

    Raises:
        ConfigurationError: There is such a file already, or the folder takes none.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be made: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> bytes:
    """Read a file that nobody else may read.

    Raises:
        ConfigurationError: There is none, it is a link, or others may read or write it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_mode & _OTHERS:
            raise ConfigurationError(f"others may read {path}: chmod 600 {path}")
        if facts.st_uid != os.geteuid():
            raise ConfigurationError(f"{path} belongs to another user: chown it")
        return file.read()


def make_private_folder(path: Path) -> None:
    """Make a folder with mode 0700; one that is there must be empty.

    Raises:
        ConfigurationError: It holds something, or can't be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise ConfigurationError(f"{path} is not empty: name a new folder")
    except OSError as error:
        raise ConfigurationError(f"{path} can't be made: {error.strerror}") from error
