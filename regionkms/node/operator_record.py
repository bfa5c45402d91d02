"""The audit record of an operator's command. Pure.

It has the members of a call's record (spec 02 §3.2), so that one reader reads both, but belongs to
no account: an operator is no AWS principal. What a command was given is recorded by its allow-list.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from regionkms.model.ids import RegionName

EVENT_SOURCE: Final = "operator.regionkms"
EVENT_TYPE: Final = "RegionkmsOperatorCommand"
_EVENT_VERSION: Final = "1.0"
_MAX_MESSAGE_CHARS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFacts:
    """What the record says.

    Attributes:
        event_time: KMS time, seconds since the epoch.
        uid: Of the asking process, as the kernel says.
        pid: Likewise.
        parameters: What the allow-list lets through.
        error: Why it failed; empty if it did not.
    """

    event_id: str
    event_time: float
    region: RegionName
    command: str
    uid: int
    pid: int
    parameters: Mapping[str, object]
    read_only: bool
    error: str = ""


def encode_operator_record(facts: OperatorFacts) -> bytes:
    """The record as one JSON object in ASCII, control characters escaped."""
    record: dict[str, object] = {
        "eventVersion": _EVENT_VERSION,
        "userIdentity": {"type": "Operator", "uid": facts.uid, "pid": facts.pid},
        "eventTime": datetime.fromtimestamp(facts.event_time, tz=UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        "eventSource": EVENT_SOURCE,
        "eventName": facts.command,
        "awsRegion": facts.region,
        "sourceIPAddress": "operator socket",
        "userAgent": "regionkms",
    }
    if facts.error:
        record["errorCode"] = "CommandFailed"
        record["errorMessage"] = facts.error[:_MAX_MESSAGE_CHARS]
    record["requestParameters"] = dict(facts.parameters) or None
    record["responseElements"] = None
    record["eventID"] = facts.event_id
    record["readOnly"] = facts.read_only
    record["eventType"] = EVENT_TYPE
    record["managementEvent"] = True
    record["eventCategory"] = "Management"
    return json.dumps(record, separators=(",", ":")).replace("\x7f", "\\u007f").encode("ascii")
