"""The lab's network: one process with every way between Regions and etcd, and the front door.

`python -m regionkms.lab.network FOLDER`, started by `regionkms lab up`. It takes one order on its
socket: `cut`, with all Regions that are to be cut off from etcd and from each other; none heals.
Clients still reach a Region that is cut off: that is what isolation is tried by.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from regionkms.lab.front_door import FrontDoor
from regionkms.lab.layout import Folder
from regionkms.lab.pipe import Pipe
from regionkms.lab.state import LabState, require_state
from regionkms.model.errors import ConfigurationError
from regionkms.node.command_socket import Asker, CommandSocket

_ARGUMENTS: Final = 2


class _Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    regions: list[str]


class Network:
    """The ways of one lab."""

    def __init__(self, state: LabState, tasks: asyncio.TaskGroup) -> None:
        self._state = state
        self._pipes = [Pipe(way, tasks=tasks) for way in state.ports.ways()]
        self._front_door = FrontDoor(
            {region: (state.shown_host, state.ports.endpoint(region)) for region in state.regions}
        )

    async def start(self) -> None:
        """Listen everywhere, cut as the lab remembers.

        Raises:
            ConfigurationError: A port is taken.
        """
        self.cut(self._state.partitioned)
        try:
            for pipe in self._pipes:
                await pipe.start()
            await self._front_door.start(self._state.host, self._state.ports.front_door)
        except OSError as error:
            raise ConfigurationError(f"the lab's network can't listen: {error}") from error

    def cut(self, regions: Sequence[str]) -> None:
        """Cut these Regions off; everything else is whole."""
        for pipe in self._pipes:
            if any(pipe.way.of(region) for region in regions):
                pipe.cut()
            else:
                pipe.heal()

    async def handle(self, command: str, arguments: Mapping[str, Any], asker: Asker) -> object:
        """Carry an order out.

        Raises:
            ConfigurationError: It is none, or names what is no Region.
        """
        if command == "ping":
            return {"ways": len(self._pipes), "uid": asker.uid}
        if command != "cut":
            raise ConfigurationError(f"the lab's network knows no order {command[:64]!r}")
        try:
            order = msgspec.convert(arguments, type=_Cut)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"cut: {error}") from error
        regions = [self._state.require(region) for region in order.regions]
        self.cut(regions)
        return {"cut": regions}

    async def close(self) -> None:
        """Stop listening and end what stands."""
        await self._front_door.close()
        for pipe in self._pipes:
            pipe.close()


async def run(folder: Folder) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        network = Network(require_state(folder), tasks)
        await network.start()
        orders = CommandSocket(folder.network_socket, network.handle)
        await orders.start()
        await stop.wait()
        orders.close()
        await network.close()


def main() -> int:
    """Run the network of the lab in the folder that is named."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("This is started by `regionkms lab up`, not by hand.\n")
        return 2
    try:
        asyncio.run(run(Folder(Path(sys.argv[1]))))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
