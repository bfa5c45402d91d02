"""The agent: everything of a node that happens by itself (design §2).

It alone speaks to etcd and to other Regions. Without etcd the node is single-Region and the agent
runs timers and answers operators only.
"""

import asyncio
import signal
import socket

import uvloop

from regionkms.counters.area import SharedMemory
from regionkms.counters.change_counter import SharedChangeCounter
from regionkms.node.handover import Handover, announce
from regionkms.node.memory import node_layout
from regionkms.store.store import open_store
from regionkms.store.vault import DomainVault


def run_agent(handover: Handover, channel: socket.socket) -> None:
    """Run until SIGTERM, or until the supervisor is gone."""
    uvloop.run(_run(handover, channel))


async def _run(handover: Handover, channel: socket.socket) -> None:
    settings = handover.checked
    memory = SharedMemory.attach(handover.memory_fd, node_layout(handover.processes))
    counter = SharedChangeCounter(memory, handover.process)
    vault = DomainVault(handover.domain_keys.materials, handover.domain_keys.current)
    store = open_store(settings.store_url, vault=vault, on_commit=counter.bump, lab=settings.lab)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    announce(channel, stop)
    await stop.wait()
    await store.close()
