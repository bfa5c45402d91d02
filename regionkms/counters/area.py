"""One area of memory that all processes of a node map (design §2).

The supervisor creates it without a name in any file system (memfd) and hands its descriptor to the
children by number; it disappears with the last of them. Its size is sealed, so that no process can
pull the memory away under another (a SIGBUS there).
"""

import fcntl
import mmap
import os
from typing import Final, Self

from regionkms.counters.layout import MAGIC, AreaLayout, Section
from regionkms.model.errors import ConfigurationError

_NAME: Final = "regionkms"
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class SharedMemory:
    """The area, mapped into this process.

    Attributes:
        fd: Its descriptor; pass it to children (`pass_fds`), who attach by the same number.
        layout: Which word is whose.
    """

    def __init__(self, fd: int, layout: AreaLayout) -> None:
        self.fd: Final = fd
        self.layout: Final = layout
        self._map: Final = mmap.mmap(fd, layout.size_bytes)
        self._words: Final[memoryview[int]] = memoryview(self._map).cast("Q")
        self._views: Final[list[memoryview[int]]] = []

    @classmethod
    def create(cls, layout: AreaLayout) -> Self:
        """Make an area of zeros with this layout.

        Raises:
            OSError: The kernel has no memory, or no descriptor, left.
        """
        fd = os.memfd_create(_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, layout.size_bytes)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            area = cls(fd, layout)
        except BaseException:
            os.close(fd)
            raise
        area._words[1] = layout.fingerprint
        area._words[0] = MAGIC
        return area

    @classmethod
    def attach(cls, fd: int, layout: AreaLayout) -> Self:
        """Map the area of an inherited descriptor.

        Raises:
            ConfigurationError: It is no such area, or one with another layout.
        """
        try:
            matches = os.fstat(fd).st_size == layout.size_bytes
        except OSError as error:
            raise ConfigurationError(f"descriptor {fd} is not open") from error
        if matches:
            area = cls(fd, layout)
            if (area._words[0], area._words[1]) == (MAGIC, layout.fingerprint):
                return area
            area._unmap()
        raise ConfigurationError(
            f"descriptor {fd} is not shared memory with the layout of this release"
        )

    def block(self, section: Section, number: int) -> "memoryview[int]":
        """The words of one block of a section.

        Raises:
            ValueError: There is no such block.
        """
        view = self._words[section.block(number)]
        self._views.append(view)
        return view

    def close(self) -> None:
        """Unmap the area and close the descriptor; what was built on it can't be used any more."""
        self._unmap()
        os.close(self.fd)

    def _unmap(self) -> None:
        for view in self._views:
            view.release()
        self._words.release()
        self._map.close()
