from regionkms.audit.findings import EventIds, Fault, Finding
from regionkms.audit.record import RecordEncoder
from tests.support.audit import SEED


def test_an_event_id_is_new_once() -> None:
    encoder, seen = RecordEncoder(seed=SEED), EventIds()
    ids = [encoder.event_id() for _ in range(100)]
    assert all(seen.add(event_id) for event_id in reversed(ids))
    assert not any(seen.add(event_id) for event_id in ids)


def test_ids_of_another_process_are_other_ids() -> None:
    seen = EventIds()
    assert seen.add(RecordEncoder(seed=SEED).event_id())
    assert seen.add(RecordEncoder(seed=bytes(10)).event_id())


def test_an_id_that_no_counter_made_takes_no_room_of_its_size() -> None:
    seen = EventIds()
    random = "77274901-88bc-4e3f-9bb6-ffffffffffff"
    assert seen.add(random)
    assert not seen.add(random)


def test_a_finding_reads_as_a_sentence() -> None:
    altered = Finding(fault=Fault.ALTERED, chain="worker-2", file="f.jsonl", n=17, event_id="e")
    assert str(altered) == "record 17 of worker-2 in f.jsonl, event e was altered"
    missing = Finding(
        fault=Fault.MISSING_FILE, chain="agent", file="segment 2 of agent", detail="f comes next"
    )
    assert str(missing) == "segment 2 of agent is missing (f comes next)"
