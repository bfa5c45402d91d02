"""The operator socket: what only who runs the node may do (design §2).

Operators come through a Unix socket in the data directory, never through the listener, so no
tenant's root can reach them. Each command is a row: its arguments (checked on arrival), its
handler, and which of its arguments its audit record may show. A command that changes something does
so in one transaction of the store with its record in it; any other is recorded when it has ended.

The commands themselves are in operator_commands.py.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from regionkms.counters.clock import SharedClockOffset
from regionkms.model.errors import AuditUnavailable, ConfigurationError, Fault, KmsError
from regionkms.model.ids import RegionName
from regionkms.node.command_socket import Asker, CommandSocket
from regionkms.node.live_quotas import LiveQuotas
from regionkms.node.operator_record import OperatorFacts, encode_operator_record
from regionkms.ports.audit_sink import AuditSink
from regionkms.ports.clock import Clock
from regionkms.ports.store import OutboxRecord, Store, StoreTransaction
from regionkms.ports.vault import Vault

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPorts:
    """What commands may use; built by the agent.

    Attributes:
        lab: Whether the node is a lab's; lab-only commands exist nowhere else.
        event_id: Gives a new id for an audit record (RecordEncoder.event_id).
        random_bytes: Cryptographically strong bytes.
        clock_offset: Of the lab clock; unused outside a lab.
        agent_facts: What the agent knows at this moment, for `status`: names and what JSON carries.
        wake: Tells the agent to look at everything soon.
        audit_heads: Reads the signed heads of audit chains that etcd has; None without a cluster.
    """

    region: RegionName
    lab: bool
    store: Store
    vault: Vault
    clock: Clock
    audit: AuditSink
    event_id: Callable[[], str]
    random_bytes: Callable[[int], bytes]
    quotas: LiveQuotas
    clock_offset: SharedClockOffset
    agent_facts: Callable[[], Mapping[str, object]] = field(default=dict)
    wake: Callable[[], None] = field(default=lambda: None)
    audit_heads: Callable[[], Awaitable[Mapping[str, str]]] | None = None


class NoArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of commands that need none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCommand:
    """A row of the table.

    Attributes:
        name: As on the command line, such as `quota set`.
        handler: Carries it out; returns what JSON can carry.
        arguments: Their types; what does not fit is refused.
        audited: Arguments that the record shows. Secrets are on no list.
        read_only: Changes nothing.
        lab_only: Exists in labs alone.
    """

    name: str
    handler: Callable[["OperatorCall"], Awaitable[object]]
    arguments: type[msgspec.Struct] = NoArguments
    audited: tuple[str, ...] = ()
    read_only: bool = False
    lab_only: bool = False


class OperatorCall:
    """One command on its way.

    Attributes:
        arguments: An instance of the row's type.
    """

    __slots__ = ("_asker", "_command", "_recorded", "arguments", "ports")

    def __init__(
        self, ports: OperatorPorts, command: OperatorCommand, arguments: Any, asker: Asker
    ) -> None:
        self.ports: Final = ports
        self.arguments: Final = arguments
        self._command: Final = command
        self._asker: Final = asker
        self._recorded = False

    async def commit(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run the command's one transaction, its audit record in it; both durable on return.

        Raises:
            StoreUnavailable: Nothing changed.
            AuditUnavailable: The change stands and its record waits in the outbox.
        """
        sealed = self.ports.audit.sealed()
        record = self._record("")

        def transaction(tx: StoreTransaction) -> T:
            result = work(tx)
            tx.outbox.append(record)
            if sealed:
                tx.outbox.remove(sealed)
            return result

        result = await self.ports.store.write(transaction)
        self._recorded = True
        await self.ports.audit.seal([record])
        return result

    def finish(self, error: str) -> None:
        """Record the command unless its transaction has."""
        if not self._recorded:
            self.ports.audit.append(self._record(error).record)
            self.ports.audit.flush()

    def _record(self, error: str) -> OutboxRecord:
        event_id = self.ports.event_id()
        facts = OperatorFacts(
            event_id=event_id,
            event_time=self.ports.clock.now(),
            region=self.ports.region,
            command=self._command.name,
            uid=self._asker.uid,
            pid=self._asker.pid,
            parameters={
                name: msgspec.to_builtins(getattr(self.arguments, name))
                for name in self._command.audited
            },
            read_only=self._command.read_only,
            error=error,
        )
        return OutboxRecord(event_id=event_id, record=encode_operator_record(facts))


class OperatorServer:
    """Serves a table of commands on the operator socket.

    Args:
        path: Of the socket (handover.operator_socket).
        ports: What commands may use.
        commands: Rows; names are unique.
    """

    def __init__(
        self, path: Path, ports: OperatorPorts, commands: Iterable[OperatorCommand]
    ) -> None:
        self._ports: Final = ports
        self._commands: Final = {command.name: command for command in commands}
        self._socket: Final = CommandSocket(path, self.handle)

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: The socket can't be made.
        """
        await self._socket.start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    async def handle(self, name: str, given: Mapping[str, Any], asker: Asker) -> object:
        """Carry out one command and record it.

        Raises:
            ConfigurationError: There is no such command here, or its arguments do not fit.
            Fault, KmsError: It failed; the message tells why.
        """
        command = self._find(name)
        try:
            arguments = msgspec.convert(given, type=command.arguments)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"{name}: {error}") from error
        call = OperatorCall(self._ports, command, arguments, asker)
        try:
            result = await command.handler(call)
        except Exception as error:
            _finish_quietly(call, _told(error))
            raise
        call.finish("")
        return result

    def _find(self, name: str) -> OperatorCommand:
        command = self._commands.get(name)
        if command is None:
            raise ConfigurationError(
                f"this node knows no command {name[:64]!r}; is it of another release?"
            )
        if command.lab_only and not self._ports.lab:
            raise ConfigurationError(f"`{name}` exists in labs only, and this node is no lab's")
        return command


def _told(error: Exception) -> str:
    """What the record says of a failure; messages that are not ours may quote an argument."""
    own = str(error) if isinstance(error, Fault | KmsError) else ""
    return own or type(error).__name__


def _finish_quietly(call: OperatorCall, error: str) -> None:
    """Record a failure; that the record fails too must not hide the first failure."""
    try:
        call.finish(error)
    except AuditUnavailable:
        _log.exception("the record of a failed command could not be written")
