import os
from pathlib import Path

import pytest

from regionkms.audit.segment import (
    SegmentFile,
    SegmentName,
    file_time,
    is_process_name,
    make_directory,
    parse_name,
    processes_in,
    segments_of,
)
from regionkms.model.errors import AuditUnavailable

_NAME = SegmentName(process="worker-2", segment=17, started="20260901T193933Z")


def test_a_name_tells_slot_start_and_number() -> None:
    assert str(_NAME) == "worker-2-20260901T193933Z-000017.jsonl"
    assert parse_name(str(_NAME)) == _NAME


@pytest.mark.parametrize(
    "name",
    [
        "worker-2-20260901T193933Z-17.jsonl",
        "worker-2-20260901T193933Z-0000017.jsonl",
        "worker-2-20260901T193933Z-000017.json",
        "-20260901T193933Z-000017.jsonl",
        "Worker-20260901T193933Z-000017.jsonl",
        "../worker-20260901T193933Z-000017.jsonl",
        "worker-2-20260901T193933Z-000017.jsonl\n",
    ],
)
def test_any_other_name_is_no_segment(name: str) -> None:
    assert parse_name(name) is None


def test_a_process_name_is_short_and_plain() -> None:
    assert is_process_name("worker-2")
    assert not any(map(is_process_name, ["", "2", "a/b", "A", "a" * 42]))


def test_the_start_in_a_name_is_utc() -> None:
    assert file_time(1_700_000_000.9) == "20231114T221320Z"


def test_segments_are_listed_by_number_past_a_million(tmp_path: Path) -> None:
    names = [
        SegmentName(process="worker-2", segment=n, started="20260901T193933Z")
        for n in (999_999, 1_000_000, 2)
    ]
    for name in names:
        (tmp_path / str(name)).touch()
    (tmp_path / "worker-2.lock").touch()
    (tmp_path / "agent-20260901T193933Z-000001.jsonl").touch()
    assert [name.segment for name in segments_of(tmp_path, "worker-2")] == [2, 999_999, 1_000_000]
    assert processes_in(tmp_path) == ["agent", "worker-2"]


def test_the_directory_is_its_owners_only(tmp_path: Path) -> None:
    make_directory(tmp_path / "audit")
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(AuditUnavailable, match="others may write to the audit directory"):
        make_directory(tmp_path)


def test_a_path_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "audit").touch()
    with pytest.raises(AuditUnavailable, match="the audit directory can't be used"):
        make_directory(tmp_path / "audit")


def test_a_segment_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    segment = SegmentFile(tmp_path, _NAME)
    assert (tmp_path / str(_NAME)).stat().st_mode & 0o777 == 0o600
    with pytest.raises(AuditUnavailable, match="can't be made: File exists"):
        SegmentFile(tmp_path, _NAME)
    segment.close()


def test_lines_are_appended_whole_and_synced(tmp_path: Path) -> None:
    segment = SegmentFile(tmp_path, _NAME)
    segment.append([b"one\n", b"two\n"])
    segment.append([b"three\n"])
    segment.sync()
    segment.sync()
    assert segment.size == len(b"one\ntwo\nthree\n")
    assert (tmp_path / str(_NAME)).read_bytes() == b"one\ntwo\nthree\n"
    segment.close()


def test_a_segment_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    segment = SegmentFile(tmp_path, _NAME)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, segment._descriptor)
    with pytest.raises(AuditUnavailable, match="can't be written: No space left on device"):
        segment.append([b"one\n"])
    assert segment.size == 0
    assert not segment.broken
    os.close(full)
    segment.discard()
    assert not (tmp_path / str(_NAME)).exists()
