import socket
from pathlib import Path

import pytest

from regionkms.node.socket_path import fits, lasting_path, short_path


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_short_path_stays_as_it_is() -> None:
    path = Path("/run/regionkms/operator.sock")
    assert fits(path)
    assert lasting_path(path) == str(path)
    with short_path(path) as text:
        assert text == str(path)


def test_a_long_path_is_bound_and_reached_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 150)
    folder.mkdir()
    path = folder / "agent.sock"
    assert not fits(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        with short_path(path) as text:
            here.bind(text)
        assert path.exists()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
            there.sendto(b"wake", lasting_path(path))
        assert here.recv(16) == b"wake"


def test_the_open_folder_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 150) / "agent.sock"
    path.parent.mkdir()
    before = descriptors()
    with short_path(path):
        assert descriptors() == before + 1
    assert descriptors() == before


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 150) / "agent.sock"
    with pytest.raises(FileNotFoundError):
        lasting_path(path)
