"""Writers: clients that change keys of their own without pause, and note what came back.

Every call is valid when it is sent, so an answer that refuses one is wrong, and every call has a
user agent of its own, by which its audit record is found even where no answer came.
"""

import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.campaigns.kill_world import World, changed, policy_of, seen_key
from tests.support.node import Account
from tests.support.quick_client import LostError, QuickClient

MAX_KEYS: Final = 40
"""Of one writer; deletion is only scheduled in a campaign, so keys stay."""
_PAUSE_S: Final = 0.02
_GIVE_UP_S: Final = 150.0
_OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One call and what its client knows of it.

    Attributes:
        status: Of the HTTP answer; 0 if the connection was lost before there was one.
        answer: The body, decoded.
        sent_at: Before it was sent, in seconds of the machine's monotonic clock.
        ended_at: When the answer had come, or the connection was lost.
    """

    writer: int
    number: int
    operation: str
    members: Mapping[str, Any]
    status: int
    answer: Mapping[str, Any]
    sent_at: float = 0.0
    ended_at: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.sent_at:.3f}-{self.ended_at:.3f} {self.user_agent} {self.operation} "
            f"{dict(self.members)} -> {self.status} {str(self.answer)[:400]}"
        )

    @property
    def user_agent(self) -> str:
        return user_agent(self.writer, self.number)

    @property
    def answered(self) -> bool:
        return self.status != 0

    @property
    def succeeded(self) -> bool:
        return self.status == _OK


def user_agent(writer: int, number: int) -> str:
    """The name of one call."""
    return f"writer-{writer}/{number}"


class Writer(threading.Thread):
    """One client; `events` is its history, in the order of sending."""

    def __init__(self, number: int, *, url: str, account: Account, region: str, seed: int) -> None:
        super().__init__(name=f"writer-{number}", daemon=True)
        self.number: Final = number
        self.events: Final[list[Event]] = []
        self.failure: BaseException | None = None
        self._account: Final = account
        self._client: Final = QuickClient(url, account, region)
        self._random: Final = Random(f"{seed}/{number}")  # noqa: S311 - a test's choice
        self._stopping: Final = threading.Event()
        self._view: Final = World()
        self._blobs: Final[dict[str, list[tuple[str, str]]]] = {}

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._step()
        except BaseException as failure:  # noqa: BLE001 - told to the campaign's main thread
            self.failure = failure
        finally:
            self._client.close()

    def stop(self) -> None:
        """Stop after the call in hand."""
        self._stopping.set()

    def _step(self) -> None:
        weights = [weight for weight, _ in _CHOICES]
        (_, choose) = self._random.choices(_CHOICES, weights)[0]
        chosen = choose(self)
        if chosen is not None:
            self._call(*chosen)

    def _call(self, operation: str, members: dict[str, Any]) -> None:
        event = self._send(operation, members)
        if event.succeeded:
            self._learn(event)
        else:
            self._look_again(members)

    def _send(self, operation: str, members: dict[str, Any]) -> Event:
        """Send one call; a server that can't be connected to is waited for, and not sent to."""
        self._await_server()
        number = len(self.events)
        status = 0  # until there is an answer; without one only the records tell what became of it
        answer: Mapping[str, Any] = {}
        sent_at = time.monotonic()
        with suppress(LostError):
            got = self._client.call(operation, members, user_agent=user_agent(self.number, number))
            status, answer = got.status, got.json if got.body else {}
        event = Event(
            writer=self.number,
            number=number,
            operation=operation,
            members=members,
            status=status,
            answer=answer,
            sent_at=sent_at,
            ended_at=time.monotonic(),
        )
        self.events.append(event)
        return event

    def _await_server(self) -> None:
        deadline = time.monotonic() + _GIVE_UP_S
        while True:
            try:
                self._client.connect()
            except OSError:
                assert time.monotonic() < deadline, "the node does not come back"
                time.sleep(_PAUSE_S)
            else:
                return

    def _learn(self, event: Event) -> None:
        members, answer = event.members, event.answer
        key_id = answer["KeyMetadata"]["KeyId"] if event.operation == "CreateKey" else ""
        if event.operation == "Encrypt":
            blobs = self._blobs.setdefault(members["KeyId"], [])
            blobs.append((answer["CiphertextBlob"], members["Plaintext"]))
            del blobs[:-8]
        self._view.apply(event.operation, members, key_id)

    def _look_again(self, members: Mapping[str, Any]) -> None:
        """After a call whose outcome is not known: read what it may have changed."""
        keys = {
            members[name]
            for name in ("KeyId", "TargetKeyId")
            if members.get(name) in self._view.keys
        }
        alias = members.get("AliasName")
        if alias in self._view.aliases:
            keys.add(self._view.aliases[alias])
        for key_id in sorted(keys):
            self._read(key_id)

    def _read(self, key_id: str) -> None:
        metadata = self._insist("DescribeKey", key_id)["KeyMetadata"]
        tags = self._insist("ListResourceTags", key_id)["Tags"]
        policy = self._insist("GetKeyPolicy", key_id)["Policy"]
        aliases = self._insist("ListAliases", key_id)["Aliases"]
        view, (state, description) = self._view, seen_key(metadata)
        key = changed(view.keys[key_id], "UpdateKeyDescription", {"Description": description})
        key = changed(key, "UntagResource", {"TagKeys": [name for name, _ in key.tags]})
        key = changed(key, "TagResource", {"Tags": tags})
        if "Enable IAM User Permissions" not in policy:
            key = changed(key, "PutKeyPolicy", {"Policy": policy})
        if state == "PendingDeletion":
            key = changed(key, "ScheduleKeyDeletion", {})
        elif key.pending_deletion:
            key = changed(key, "CancelKeyDeletion", {})
        if state == "Enabled":
            key = changed(key, "EnableKey", {})
        elif state == "Disabled":
            key = changed(key, "DisableKey", {})
        view.keys[key_id] = key
        for name in view.aliases_of(key_id):
            del view.aliases[name]
        view.aliases.update((alias["AliasName"], key_id) for alias in aliases)

    def _insist(self, operation: str, key_id: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < deadline:
            event = self._send(operation, {"KeyId": key_id})
            if event.succeeded:
                return event.answer
        raise AssertionError(f"{operation} of {key_id} does not succeed")

    def _token(self) -> str:
        return f"w{self.number}-{len(self.events)}"

    def _any(self, holds: Callable[[str], bool] = lambda _: True) -> str | None:
        fitting = [key_id for key_id in self._view.keys if holds(key_id)]
        return self._random.choice(fitting) if fitting else None

    def _open(self) -> str | None:
        """A key that management calls may change."""
        return self._any(lambda key_id: not self._view.keys[key_id].pending_deletion)

    def create_key(self) -> "Chosen":
        if len(self._view.keys) >= MAX_KEYS:
            return None
        token = self._token()
        members: dict[str, Any] = {
            "Description": token,
            "Tags": [{"TagKey": "Writer", "TagValue": token}, {"TagKey": "Use", "TagValue": "x"}],
        }
        if self._random.random() < 0.5:
            members["Policy"] = policy_of(self._account.account_id, token)
        return "CreateKey", members

    def change_key(self) -> "Chosen":
        key_id = self._open()
        if key_id is None:
            return None
        token = self._token()
        members: dict[str, Any]
        match self._random.randrange(4):
            case 0:
                return "UpdateKeyDescription", {"KeyId": key_id, "Description": token}
            case 1:
                names = [self._random.choice(("Writer", "Use", "Cost", "Team")) for _ in range(1)]
                tags = [{"TagKey": name, "TagValue": token} for name in names]
                return "TagResource", {"KeyId": key_id, "Tags": tags}
            case 2:
                members = {"KeyId": key_id, "TagKeys": ["Writer", "Cost"]}
                return "UntagResource", members
            case _:
                members = {
                    "KeyId": key_id,
                    "PolicyName": "default",
                    "Policy": policy_of(self._account.account_id, token),
                }
                return "PutKeyPolicy", members

    def change_state(self) -> "Chosen":
        key_id = self._any()
        if key_id is None:
            return None
        key = self._view.keys[key_id]
        if key.pending_deletion:
            return "CancelKeyDeletion", {"KeyId": key_id}
        if not key.enabled:
            return "EnableKey", {"KeyId": key_id}
        if self._random.random() < 0.5:
            return "DisableKey", {"KeyId": key_id}
        return "ScheduleKeyDeletion", {"KeyId": key_id, "PendingWindowInDays": 7}

    def change_alias(self) -> "Chosen":
        key_id = self._open()
        if key_id is None:
            return None
        names = sorted(self._view.aliases)
        movable = [
            name for name in names if not self._view.keys[self._view.aliases[name]].pending_deletion
        ]
        if len(names) < 2 * len(self._view.keys) and self._random.random() < 0.5:
            name = f"alias/{self._token()}"
            return "CreateAlias", {"AliasName": name, "TargetKeyId": key_id}
        if not movable:
            return None
        name = self._random.choice(movable)
        if self._random.random() < 0.5:
            return "UpdateAlias", {"AliasName": name, "TargetKeyId": key_id}
        return "DeleteAlias", {"AliasName": name}

    def encrypt(self) -> "Chosen":
        key_id = self._any(lambda key_id: self._view.keys[key_id].usable)
        if key_id is None:
            return None
        plaintext = b64encode(self._random.randbytes(24)).decode()
        return "Encrypt", {
            "KeyId": key_id,
            "Plaintext": plaintext,
            "EncryptionContext": {"writer": str(self.number)},
        }

    def decrypt(self) -> "Chosen":
        key_id = self._any(
            lambda key_id: self._view.keys[key_id].usable and bool(self._blobs.get(key_id))
        )
        if key_id is None:
            return None
        blob, _ = self._random.choice(self._blobs[key_id])
        return "Decrypt", {
            "CiphertextBlob": blob,
            "EncryptionContext": {"writer": str(self.number)},
        }

    def data_key(self) -> "Chosen":
        key_id = self._any(lambda key_id: self._view.keys[key_id].usable)
        return None if key_id is None else ("GenerateDataKey", _data_key(key_id))

    def describe(self) -> "Chosen":
        key_id = self._any()
        reads = ("DescribeKey", "ListResourceTags", "ListAliases", "GetKeyPolicy")
        return None if key_id is None else (self._random.choice(reads), {"KeyId": key_id})


def _data_key(key_id: str) -> dict[str, Any]:
    return {"KeyId": key_id, "KeySpec": "AES_256"}


def plaintexts(events: list[Event]) -> dict[str, bytes]:
    """What each acknowledged ciphertext of a history must decrypt to."""
    return {
        event.answer["CiphertextBlob"]: b64decode(event.members["Plaintext"])
        for event in events
        if event.operation == "Encrypt" and event.succeeded
    }


Chosen = tuple[str, dict[str, Any]] | None
"""A call that fits now, if there is one."""
_CHOICES: Final[tuple[tuple[int, Callable[[Writer], Chosen]], ...]] = (
    (4, Writer.create_key),
    (8, Writer.change_key),
    (4, Writer.change_state),
    (6, Writer.change_alias),
    (6, Writer.encrypt),
    (5, Writer.decrypt),
    (2, Writer.data_key),
    (3, Writer.describe),
)
