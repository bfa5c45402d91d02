import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from regionkms.audit.record import RecordEncoder
from regionkms.model import shapes
from regionkms.model.errors import AccessDeniedException
from regionkms.ports.store import OutboxRecord
from tests.support.audit import (
    ACCOUNT,
    KEY_ARN,
    OTHER_ACCOUNT,
    OTHER_KEY_ARN,
    SEED,
    change,
    encrypt_request,
    facts,
    record_of,
    records_of,
)

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.mark.parametrize("seed", [b"", bytes(9), bytes(16)])
def test_a_seed_has_ten_bytes(seed: bytes) -> None:
    with pytest.raises(ValueError, match=f"event ids take 10 random bytes, got {len(seed)}"):
        RecordEncoder(seed=seed)


def test_event_ids_are_uuids_and_never_the_same() -> None:
    encoder = RecordEncoder(seed=SEED)
    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(lambda _: encoder.event_id(), range(4000)))
    assert len(set(ids)) == 4000
    assert all(_UUID.fullmatch(event_id) for event_id in ids)
    assert RecordEncoder(seed=bytes(10)).event_id() not in ids


def test_an_allowed_call_on_anothers_key_has_two_records_of_one_event() -> None:
    call = facts(request=encrypt_request(), resources=((OTHER_ACCOUNT, OTHER_KEY_ARN),))
    mine, theirs = records_of(call)
    assert (mine["recipientAccountId"], theirs["recipientAccountId"]) == (ACCOUNT, OTHER_ACCOUNT)
    assert mine["requestID"] == theirs["requestID"]
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert len({mine["eventID"], theirs["eventID"], mine["sharedEventID"]}) == 3


def test_a_denied_call_on_anothers_key_has_one_record() -> None:
    call = facts(
        request=encrypt_request(),
        resources=((OTHER_ACCOUNT, OTHER_KEY_ARN),),
        error=AccessDeniedException("not you"),
    )
    record = record_of(call)
    assert record["recipientAccountId"] == ACCOUNT
    assert "sharedEventID" not in record


def test_reencryption_between_two_owners_is_told_to_each_of_them_once() -> None:
    third = "777788889999"
    call = facts(
        "ReEncrypt",
        shapes.ReEncryptRequest(ciphertext_blob=b"blob", destination_key_id="k"),
        resources=((OTHER_ACCOUNT, OTHER_KEY_ARN), (third, KEY_ARN), (third, KEY_ARN)),
    )
    found = [record["recipientAccountId"] for record in records_of(call)]
    assert found == [ACCOUNT, OTHER_ACCOUNT, third]


def test_records_for_the_outbox_carry_their_event_ids() -> None:
    encoder = RecordEncoder(seed=SEED)
    call = facts(
        "TagResource",
        shapes.TagResourceRequest(key_id="k", tags=[shapes.Tag(tag_key="a", tag_value="b")]),
        resources=((OTHER_ACCOUNT, OTHER_KEY_ARN),),
    )
    records = encoder.outbox_records(call)
    assert [json.loads(one.record)["eventID"] for one in records] == [
        one.event_id for one in records
    ]
    shown = json.loads(records[0].record)["requestParameters"]
    assert shown == {"keyId": "k", "tags": [{"tagKey": "a", "tagValue": "b"}]}


def test_an_internal_event_is_for_the_owner_of_the_key() -> None:
    record = change(RecordEncoder(seed=SEED))
    assert isinstance(record, OutboxRecord)
    decoded = json.loads(record.record)
    assert (decoded["eventID"], decoded["recipientAccountId"]) == (record.event_id, ACCOUNT)
