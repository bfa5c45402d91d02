"""Root key providers: where the key comes from that opens a Region's domain keys (design §3).

Only the supervisor opens a provider, once, when it starts; its children get domain keys
(domain_keys.py). The key file is the one provider of this release. Others (a passphrase, a PKCS#11
token) are further classes with the one method of `RootKeyProvider`.

A key file is three lines of ASCII, so that it can be kept on paper::

    regionkms-root-key-v1
    64 hexadecimal digits: the key
    8 hexadecimal digits: checksum, the start of SHA-256(label | key)

It lies outside the data directory, so that no backup of the store carries the key to it.
"""

import hmac
import os
import re
import stat
from pathlib import Path
from typing import Final, Protocol

from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.primitives import sha256
from regionkms.crypto.wrapping import ROOT_KEY_BYTES
from regionkms.model.errors import ConfigurationError

_FIRST_LINE: Final = b"regionkms-root-key-v1"
_CHECKSUM_BYTES: Final = 4
_LINES: Final = re.compile(
    re.escape(_FIRST_LINE) + rb"\n([0-9a-f]{64})\n([0-9a-f]{8})\n?", re.ASCII
)
_FILE_MODE: Final = 0o600
_MAX_FILE_BYTES: Final = 4096
"""More than any key file has; a wrong path must not read a database into memory."""


class RootKeyProvider(Protocol):
    """Where the root key of a Region's store comes from."""

    def root_key(self) -> Material:
        """The root key (32 bytes).

        Raises:
            ConfigurationError: It can't be had; the message tells the fix.
        """


class RootKeyFile:
    """The root key in a file that only this user can read."""

    def __init__(self, path: Path, *, data_directory: Path) -> None:
        """Name the file.

        Args:
            path: The file itself, no symbolic link to it.
            data_directory: Of the Region; the file must lie outside.

        Raises:
            ConfigurationError: It lies in the data directory.
        """
        directory, inside = path.parent.resolve(), data_directory.resolve()
        if directory == inside or inside in directory.parents:
            raise ConfigurationError(
                f"The root key file {path} lies in the data directory {data_directory}, so each "
                "backup of the store would carry the key that opens it. Keep it elsewhere."
            )
        self._path: Final = path

    def exists(self) -> bool:
        """Whether there is anything at the path."""
        return os.path.lexists(self._path)

    def create(self) -> Material:
        """Make a new root key and its file, durable on return (file and directory fsynced).

        Raises:
            ConfigurationError: There is a file already, or it can't be written.
        """
        key = Material(os.urandom(ROOT_KEY_BYTES))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, _FILE_MODE)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor, not of a path
                file.write(_lines(key))
                file.flush()
                os.fsync(file.fileno())
            _sync_directory(self._path.parent)
        except FileExistsError:
            raise ConfigurationError(
                f"There is a root key file {self._path} already; it is never overwritten, because "
                "stores that it opens would be lost. Name another file."
            ) from None
        except OSError as error:
            raise ConfigurationError(
                f"The root key file {self._path} can't be made: {error.strerror}."
            ) from error
        return key

    def root_key(self) -> Material:
        """Read the key; refuses a file that others could read or have put there.

        Raises:
            ConfigurationError: There is no such file, it is a symbolic link or no regular file,
                belongs to another user, is open to others, or is no root key file.
        """
        # Without waiting: a named pipe in its place must not stop the start for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags)
        except OSError as error:
            raise ConfigurationError(self._unopened(error)) from error
        try:
            # Checked is what was opened: a file that is put in its place later is not read.
            self._check(os.fstat(descriptor))
            text = os.read(descriptor, _MAX_FILE_BYTES)
        finally:
            os.close(descriptor)
        return self._parsed(text)

    def _unopened(self, error: OSError) -> str:
        if self._path.is_symlink():
            return (
                f"The root key file {self._path} is a symbolic link, which others may turn "
                "elsewhere. Name the file itself."
            )
        if isinstance(error, FileNotFoundError):
            return (
                f"There is no root key file {self._path}. Without it nothing in the store opens: "
                "bring it back from where you keep its copy."
            )
        return f"The root key file {self._path} can't be read: {error.strerror}."

    def _check(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(
                f"The root key file {self._path} is no regular file. Name the file itself."
            )
        if found.st_uid != os.geteuid():
            raise ConfigurationError(
                f"The root key file {self._path} belongs to user {found.st_uid}, and this node "
                f"runs as user {os.geteuid()}. Run: chown {os.geteuid()} {self._path}"
            )
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o177:
            raise ConfigurationError(
                f"The root key file {self._path} has mode {mode:04o}; it must be open to its owner "
                f"only. Run: chmod 600 {self._path}"
            )

    def _parsed(self, text: bytes) -> Material:
        match = _LINES.fullmatch(text)
        if match is None:
            raise ConfigurationError(
                f"{self._path} is no root key file of a known version. Name the right file."
            )
        key = Material(bytes.fromhex(match[1].decode()))
        if not hmac.compare_digest(match[2].decode(), _checksum(key)):
            raise ConfigurationError(
                f"The root key file {self._path} is damaged: its checksum does not fit. Bring it "
                "back from where you keep its copy."
            )
        return key


def _lines(key: Material) -> bytes:
    lines = (_FIRST_LINE, key.reveal().hex().encode(), _checksum(key).encode(), b"")
    return b"\n".join(lines)


def _checksum(key: Material) -> str:
    digest = sha256(length_prefixed(labels.ROOT_KEY_FILE, key.reveal()))
    return digest[:_CHECKSUM_BYTES].hex()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
