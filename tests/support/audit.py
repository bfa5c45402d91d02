"""Facts of calls, and chains on disk, for tests of the audit log."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from regionkms.audit.chain import parse_line
from regionkms.audit.log import SegmentLog
from regionkms.audit.record import CallFacts, InternalEvent, RecordEncoder
from regionkms.identity.caller import CallerIdentity
from regionkms.model import shapes
from regionkms.model.ids import AccountId
from regionkms.operations import OPERATIONS
from regionkms.policy.principal import root_user
from regionkms.ports.clock import Clock
from regionkms.ports.operation import Operation
from regionkms.ports.store import OutboxRecord
from tests.support.clock import EPOCH, FakeClock

ACCOUNT = AccountId("111122223333")
OTHER_ACCOUNT = AccountId("444455556666")
KEY_ARN = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY_ARN = f"arn:aws:kms:us-west-2:{OTHER_ACCOUNT}:key/0987dcba-09fe-87dc-65ba-ab0987654321"
REQUEST_ID = "12345681-de97-42e9-bed0-b02ae1abd8dc"
ROOT = CallerIdentity(principal=root_user(ACCOUNT), access_key_id="AKIAIOSFODNN7EXAMPLE")
SEED = bytes(range(10))


def operation(name: str) -> Operation:
    """The row of an operation that is offered."""
    return OPERATIONS[name]


def facts(name: str = "Encrypt", request: Any = None, **members: Any) -> CallFacts:
    """A successful call by a root user on his own key, but for the members given."""
    values: dict[str, Any] = {
        "operation": OPERATIONS[name],
        "caller": ROOT,
        "event_time": EPOCH,
        "region_name": "us-west-2",
        "source_ip": "192.0.2.0",
        "user_agent": "Boto3/1.35",
        "request": request,
        "response": None,
        "error": None,
        "resources": ((ACCOUNT, KEY_ARN),),
        "key_arn": KEY_ARN,
        "request_id": REQUEST_ID,
        "additional": {},
    }
    return CallFacts(**{**values, **members})


def encrypt_request(**members: Any) -> shapes.EncryptRequest:
    """An Encrypt request with a context, but for the members given."""
    values: dict[str, Any] = {
        "key_id": "alias/example",
        "plaintext": b"attack at dawn",
        "encryption_context": {"purpose": "test"},
    }
    return shapes.EncryptRequest(**{**values, **members})


def records_of(call: CallFacts) -> list[dict[str, Any]]:
    """The call's records, decoded."""
    return [json.loads(record) for record in RecordEncoder(seed=SEED).records(call)]


def record_of(call: CallFacts) -> dict[str, Any]:
    """The call's only record, decoded."""
    (record,) = records_of(call)
    return record


def change(encoder: RecordEncoder, *, event_time: float = EPOCH) -> OutboxRecord:
    """The record of a change, as a transaction leaves it in the outbox."""
    return encoder.internal(
        InternalEvent(
            event_name="DeleteKey",
            account_id=ACCOUNT,
            event_time=event_time,
            region="us-west-2",
            resources=((ACCOUNT, KEY_ARN),),
            key_arn=KEY_ARN,
        )
    )


@asynccontextmanager
async def open_log(
    directory: Path, process: str = "worker-2", clock: Clock | None = None, **settings: Any
) -> AsyncIterator[tuple[SegmentLog, RecordEncoder]]:
    """A started log of a slot and the encoder that goes with it."""
    log = SegmentLog(directory, process_name=process, clock=clock or FakeClock(), **settings)
    await log.start(lock_wait_s=0.0)
    try:
        yield log, RecordEncoder(seed=log.seed)
    finally:
        await log.stop()


async def write_chain(
    directory: Path, process: str = "worker-2", *, records: int = 6, starts: int = 1
) -> None:
    """Make a chain as `starts` processes in a row write it, `records` each."""
    for _ in range(starts):
        async with open_log(directory, process) as (log, encoder):
            for _ in range(records):
                log.append(change(encoder).record)
                log.flush()


def files_in(directory: Path) -> list[Path]:
    """All segments, in the order of their names."""
    return sorted(directory.glob("*.jsonl"))


def raw_lines_in(directory: Path) -> list[bytes]:
    """All lines of all segments as they stand, in the order of file names."""
    files = files_in(directory)
    return [line for file in files for line in file.read_bytes().splitlines(keepends=True)]


def lines_in(directory: Path) -> list[Mapping[str, Any]]:
    """All whole lines of all segments, decoded, in the order of file names."""
    return [json.loads(raw) for raw in raw_lines_in(directory) if parse_line(raw) is not None]


def event_ids_in(directory: Path) -> list[str]:
    """Event ids of all records in all segments."""
    return [line["record"]["eventID"] for line in lines_in(directory) if "record" in line]
