"""The content of an etcd, read and written as its administrator (or a thief) can: by plain HTTP."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

_TIMEOUT_S = 10
_EVERYTHING = {"key": "AA==", "range_end": "AA=="}


@dataclass(frozen=True, slots=True)
class EtcdContent:
    """Everything that an etcd holds, whoever wrote it."""

    url: str

    def all(self) -> dict[bytes, bytes]:
        """Every key with its value."""
        found = self._ask("range", _EVERYTHING).get("kvs", [])
        return {
            base64.b64decode(item["key"]): base64.b64decode(item.get("value", "")) for item in found
        }

    def below(self, part: str) -> dict[bytes, bytes]:
        """The keys that have a part in their name, such as `/mrk/`."""
        return {key: value for key, value in self.all().items() if part.encode() in key}

    def put(self, key: bytes, value: bytes) -> None:
        """Write a key, whoever's it is."""
        self._ask("put", {"key": _text(key), "value": _text(value)})

    def delete(self, key: bytes) -> None:
        """Remove a key."""
        self._ask("deleterange", {"key": _text(key)})

    def _ask(self, what: str, question: dict[str, str]) -> dict[str, Any]:
        request = Request(  # noqa: S310 - the test's own etcd
            f"{self.url}/v3/kv/{what}", json.dumps(question).encode(), method="POST"
        )
        with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            found: dict[str, Any] = json.load(answer)
        return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
