"""What passes between the supervisor and a child that starts."""

import asyncio
import socket

import pytest

from regionkms.model.errors import ConfigurationError
from regionkms.node.handover import READY, announce, receive


async def test_a_child_tells_that_it_is_ready_and_ends_with_its_supervisor() -> None:
    ours, theirs = socket.socketpair()
    stop = asyncio.Event()
    announce(theirs, stop)
    assert ours.recv(1) == READY
    assert not stop.is_set()
    ours.close()
    async with asyncio.timeout(5):
        await stop.wait()
    theirs.close()


async def test_a_child_whose_supervisor_was_killed_as_it_started_ends_without_a_word() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    stop = asyncio.Event()
    announce(theirs, stop)
    assert stop.is_set()
    theirs.close()


def test_a_child_without_a_handover_says_who_starts_it() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(b'{"settings": ')
    ours.close()
    with pytest.raises(ConfigurationError, match="started by `regionkms node`, not by hand"):
        receive(theirs)
    theirs.close()
