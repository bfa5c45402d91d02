"""Clients that replicate keys and use them in all Regions while faults come and go.

Everything they ask and get is history for validate.py. A Region whose processes are gone refuses
connections; that is no answer, and nobody is blamed for it.
"""

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Self

from tests.support.lab import FIRST, SECOND, THIRD, RunningLab
from tests.support.node import Answer
from tests.support.quick_client import LostError, QuickClient

REPLICATORS: Final = 2
READERS: Final = 2
OK: Final = 200
_PAUSE_S: Final = 0.02
_STOP_S: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One ReplicateKey call; `status` 0 is a connection that was lost."""

    key_id: str
    target: str
    status: int
    code: str
    message: str
    spent_s: float

    @property
    def acknowledged(self) -> bool:
        return self.status == OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A ciphertext that a Region has acknowledged."""

    key_id: str
    region: str
    blob: str
    plaintext: str


@dataclass(slots=True)
class History:
    """What all clients asked and got; each list is appended to by several threads."""

    attempts: list[Attempt] = field(default_factory=list)
    sealed: list[Sealed] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    reads: int = 0

    def members(self) -> dict[str, list[str]]:
        """The Regions in which each key must be, as far as calls were acknowledged."""
        found: dict[str, list[str]] = {}
        for attempt in list(self.attempts):
            regions = found.setdefault(attempt.key_id, [FIRST])
            if attempt.acknowledged and attempt.target not in regions:
                regions.append(attempt.target)
        return found


class Traffic:
    """Threads of clients; use it as a context manager around a fault."""

    def __init__(self, lab: RunningLab, *, seed: int) -> None:
        self.history: Final = History()
        self._lab: Final = lab
        self._seed: Final = seed
        self._stopping: Final = threading.Event()
        self._failures: Final[list[BaseException]] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        works = [self._replicate] * REPLICATORS + [self._read] * READERS
        for number, work in enumerate(works):
            rng = Random(f"{self._seed}/{number}")  # noqa: S311 - a test's choice
            thread = threading.Thread(target=self._run, args=(work, rng), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(_STOP_S)
            assert not thread.is_alive(), "a client hangs"
        assert not self._failures, self._failures

    def await_attempts(self, count: int, *, acknowledged: bool, within_s: float) -> None:
        """Wait until so many further ReplicateKey calls have come back."""

        def now() -> int:
            attempts = list(self.history.attempts)
            return sum(attempt.acknowledged or not acknowledged for attempt in attempts)

        wanted, deadline = now() + count, time.monotonic() + within_s
        while now() < wanted:
            assert time.monotonic() < deadline, f"no {count} calls in {within_s:.0f} s"
            assert not self._failures, self._failures
            time.sleep(_PAUSE_S)

    def _run(self, work: Any, rng: Random) -> None:
        clients = {
            region: QuickClient(self._lab.endpoint(region), self._lab.owner, region)
            for region in self._lab.regions
        }
        try:
            while not self._stopping.is_set():
                work(clients, rng)
        except BaseException as failure:  # noqa: BLE001 - told to the test's own thread
            self._failures.append(failure)
        finally:
            for client in clients.values():
                client.close()

    def _replicate(self, clients: Mapping[str, QuickClient], rng: Random) -> None:
        made = _call(clients[FIRST], "CreateKey", {"MultiRegion": True})
        if made is None or made.status != OK:
            if made is not None:
                self.history.violations.append(f"CreateKey: {made.status} {made.body!r}")
            time.sleep(_PAUSE_S)
            return
        key_id = made.json["KeyMetadata"]["KeyId"]
        for target in rng.sample((SECOND, THIRD), rng.choice((1, 2))):
            started = time.monotonic()
            members = {"KeyId": key_id, "ReplicaRegion": target}
            answer = _call(clients[FIRST], "ReplicateKey", members)
            status, body = (0, {}) if answer is None else (answer.status, answer.json)
            self.history.attempts.append(
                Attempt(
                    key_id=key_id,
                    target=target,
                    status=status,
                    code=str(body.get("__type", "")),
                    message=str(body.get("message", "")),
                    spent_s=time.monotonic() - started,
                )
            )

    def _read(self, clients: Mapping[str, QuickClient], rng: Random) -> None:
        """Seal in one member and open in all members at once, wherever the key is Enabled."""
        time.sleep(_PAUSE_S)
        members = self.history.members()
        if not members:
            return
        key_id = rng.choice(sorted(members))
        usable = [
            region for region in members[key_id] if _state(clients[region], key_id) == "Enabled"
        ]
        if not usable:
            return
        source, plaintext = rng.choice(usable), b64encode(rng.randbytes(16)).decode()
        sealed = self._use(
            clients[source], source, "Encrypt", {"KeyId": key_id, "Plaintext": plaintext}
        )
        if sealed is None:
            return
        blob = sealed["CiphertextBlob"]
        self.history.sealed.append(
            Sealed(key_id=key_id, region=source, blob=blob, plaintext=plaintext)
        )
        for region in usable:
            opened = self._use(clients[region], region, "Decrypt", {"CiphertextBlob": blob})
            if opened is not None and opened["Plaintext"] != plaintext:
                self.history.violations.append(f"{region} opens {key_id} to something else")

    def _use(
        self, client: QuickClient, region: str, operation: str, members: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """A call on an Enabled key, which nothing but the Region's own death may refuse."""
        answer = _call(client, operation, members)
        self.history.reads += 1
        if answer is None:
            return None
        if answer.status != OK:
            self.history.violations.append(f"{operation} in {region}: {answer.body!r}")
            return None
        found: Mapping[str, Any] = answer.json
        return found


def _call(client: QuickClient, operation: str, members: Mapping[str, Any]) -> Answer | None:
    try:
        return client.call(operation, members)
    except LostError:
        time.sleep(_PAUSE_S)
        return None


def _state(client: QuickClient, key_id: str) -> str:
    answer = _call(client, "DescribeKey", {"KeyId": key_id})
    if answer is None or answer.status != OK:
        return ""
    return str(answer.json["KeyMetadata"]["KeyState"])
