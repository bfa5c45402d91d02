"""Each way to tamper with a log has its test, and verify says what happened and where."""

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from regionkms.audit.findings import Fault, Finding
from regionkms.audit.heads import HeadSigner
from regionkms.audit.segment import segments_of
from regionkms.audit.verify import Report, verify
from regionkms.crypto.signing import RecordKey, chain_head_statement
from tests.support.audit import event_ids_in, lines_in, write_chain
from tests.support.memory_store import MemoryStore

_PROCESS = "worker-2"
_RECORDS = 6
_STARTS = 3


@dataclass(frozen=True)
class Log:
    """A log of one chain in three segments (lines 0-6, 7-13, 14-20), its signed head kept."""

    directory: Path
    store: MemoryStore
    key: RecordKey

    def path(self, segment: int) -> Path:
        return self.directory / str(segments_of(self.directory, _PROCESS)[segment - 1])

    def lines(self, segment: int) -> list[bytes]:
        return self.path(segment).read_bytes().splitlines(keepends=True)

    def write(self, segment: int, lines: list[bytes]) -> None:
        self.path(segment).write_bytes(b"".join(lines))

    def signer(self) -> HeadSigner:
        return HeadSigner(
            self.directory,
            sign=lambda head: self.key.sign(chain_head_statement(head)),
            store=self.store,
        )

    async def sign(self) -> None:
        signer = self.signer()
        await signer.step()
        assert await signer.step() == 1

    def verify(self) -> Report:
        return verify(self.directory, self.store.tables.chain_heads, self.key.public_key)

    def finding(self) -> Finding:
        """The only fault."""
        (finding,) = self.verify().findings
        return finding


@pytest.fixture
async def log(tmp_path: Path) -> Log:
    log = Log(tmp_path / "audit", MemoryStore(), RecordKey.generate())
    await write_chain(log.directory, _PROCESS, records=_RECORDS, starts=_STARTS)
    await log.sign()
    return log


def _edit(line: bytes, old: bytes, new: bytes) -> bytes:
    assert old in line
    return line.replace(old, new, 1)


def _rechain(lines: list[bytes], previous: bytes) -> list[bytes]:
    """Make lines consistent again, as an attacker who knows the format does."""
    chained = []
    for raw in lines:
        line = re.sub(rb'"previous":"[0-9a-f]{64}"', b'"previous":"' + previous + b'"', raw)
        previous = hashlib.sha256(line).hexdigest().encode()
        chained.append(line)
    return chained


def test_an_untouched_log_is_fine_and_counted(log: Log) -> None:
    report = log.verify()
    assert report.ok
    assert (report.chains, report.segments, report.lines, report.records) == (1, 3, 21, 18)
    assert (report.heads, report.recovered, report.unsigned, report.unfinished) == (1, 0, (), ())


def test_an_altered_record_is_named(log: Log) -> None:
    lines = log.lines(2)
    lines[3] = _edit(lines[3], b'"us-west-2"', b'"us-east-1"')
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.chain, finding.n) == (Fault.ALTERED, _PROCESS, 10)
    assert finding.event_id == event_ids_in(log.directory)[8]
    assert str(finding).startswith("record 10 of worker-2 in worker-2-")
    assert str(finding).endswith("was altered")


def test_an_altered_last_record_of_a_finished_segment_is_named(log: Log) -> None:
    lines = log.lines(1)
    lines[-1] = _edit(lines[-1], b'"us-west-2"', b'"us-east-1"')
    log.write(1, lines)
    finding = log.finding()
    assert (finding.fault, finding.n, finding.file) == (Fault.ALTERED, 6, log.path(1).name)


def test_an_altered_last_record_of_the_log_is_named(log: Log) -> None:
    lines = log.lines(3)
    lines[-1] = _edit(lines[-1], b'"us-west-2"', b'"us-east-1"')
    log.write(3, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 20)
    assert finding.detail == "its hash is not the one that was signed"


def test_an_altered_hash_is_named_where_it_stands(log: Log) -> None:
    lines = log.lines(2)
    lines[3] = re.sub(rb'"previous":"[0-9a-f]{64}"', b'"previous":"' + b"0" * 64 + b'"', lines[3])
    log.write(2, lines)
    finding = log.finding()
    # Nothing tells whether the line or the next one's hash was altered: both are.
    assert finding.fault is Fault.ALTERED
    assert finding.n in {9, 10}


def test_an_altered_number_is_named(log: Log) -> None:
    lines = log.lines(2)
    lines[3] = _edit(lines[3], b'{"n":10,', b'{"n":11,')
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 10)


def test_a_line_that_is_no_json_any_more_is_named(log: Log) -> None:
    lines = log.lines(2)
    lines[3] = b"\x00" * (len(lines[3]) - 1) + b"\n"
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 10)


def test_an_altered_first_line_is_named(log: Log) -> None:
    lines = log.lines(1)
    lines[0] = re.sub(rb'"previous":"0', b'"previous":"1', lines[0])
    log.write(1, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 0)


def test_a_deleted_record_is_named(log: Log) -> None:
    lines = log.lines(2)
    del lines[3]
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.MISSING, 10)
    assert str(finding).endswith("is missing (11 comes next)")


def test_several_deleted_records_are_named(log: Log) -> None:
    lines = log.lines(2)
    del lines[2:5]
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.MISSING, 9)
    assert finding.detail == "so are those up to 11"


def test_a_reordered_record_is_named(log: Log) -> None:
    lines = log.lines(2)
    lines[3], lines[4] = lines[4], lines[3]
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.OUT_OF_ORDER, 10)
    assert finding.detail == "it stands behind 11"


def test_a_duplicated_record_is_named(log: Log) -> None:
    lines = log.lines(2)
    lines.insert(4, lines[3])
    log.write(2, lines)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.DUPLICATED, 10)


def test_an_event_that_stands_twice_in_a_sound_chain_is_named(log: Log) -> None:
    before = log.lines(2)
    copied = re.sub(rb'^\{"n":[0-9]+,', b'{"n":21,', before[3])
    last = log.lines(3)
    (line,) = _rechain([copied], hashlib.sha256(last[-1]).hexdigest().encode())
    log.write(3, [*last, line])
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.DUPLICATED, 21)
    assert finding.event_id == event_ids_in(log.directory)[8]


def test_a_cut_tail_is_named(log: Log) -> None:
    log.write(3, log.lines(3)[:-2])
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.CUT_TAIL, 19)
    assert finding.detail == "the signed head is record 20"


def test_a_tail_cut_within_a_record_is_named(log: Log) -> None:
    log.path(3).write_bytes(log.path(3).read_bytes()[:-30])
    report = log.verify()
    (finding,) = report.findings
    assert (finding.fault, finding.n) == (Fault.CUT_TAIL, 20)
    assert report.unfinished == (log.path(3).name,)


def test_a_finished_segment_that_breaks_off_is_named(log: Log) -> None:
    log.path(2).write_bytes(log.path(2).read_bytes()[:-30])
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 13)
    assert finding.detail.startswith("the file breaks off behind byte")


def test_a_finished_segment_without_its_end_is_named(log: Log) -> None:
    log.write(2, log.lines(2)[:-2])
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.MISSING, 12)


def test_an_emptied_segment_is_named(log: Log) -> None:
    log.path(2).write_bytes(b"")
    finding = log.finding()
    assert (finding.fault, finding.n, finding.detail) == (Fault.MISSING, 7, "the file is empty")


@pytest.mark.parametrize("segment", [1, 2])
def test_a_missing_file_is_named(log: Log, segment: int) -> None:
    following = log.path(segment + 1).name
    log.path(segment).unlink()
    finding = log.finding()
    assert finding.fault is Fault.MISSING_FILE
    assert str(finding) == f"segment {segment} of worker-2 is missing ({following} comes next)"


def test_a_missing_last_file_is_named(log: Log) -> None:
    log.path(3).unlink()
    finding = log.finding()
    assert finding.fault is Fault.MISSING_FILE
    assert str(finding) == (
        "segment 3 of worker-2 is missing (the signed head is record 20 in segment 3)"
    )


def test_a_log_that_is_gone_is_named(log: Log) -> None:
    for segment in (3, 2, 1):
        log.path(segment).unlink()
    assert log.finding().fault is Fault.MISSING_FILE


def _foreign_name(log: Log) -> None:
    (log.directory / "notes.txt").write_text("x")


def _foreign_link(log: Log) -> None:
    (log.directory / "worker-9-20231114T221320Z-000001.jsonl").symlink_to(log.path(1))


def _foreign_chain(log: Log) -> None:
    shutil.copy(log.path(1), log.directory / "worker-9-20231114T221320Z-000001.jsonl")


def _foreign_second(log: Log) -> None:
    shutil.copy(log.path(1), log.directory / "worker-2-20240101T000000Z-000001.jsonl")


def _foreign_number(log: Log) -> None:
    log.path(3).unlink()
    shutil.copy(log.path(2), log.directory / "worker-2-20240101T000000Z-000003.jsonl")


@pytest.mark.parametrize(
    "plant", [_foreign_name, _foreign_link, _foreign_chain, _foreign_second, _foreign_number]
)
def test_a_foreign_file_is_named(log: Log, plant: Callable[[Log], None]) -> None:
    plant(log)
    assert Fault.FOREIGN_FILE in {finding.fault for finding in log.verify().findings}


def test_a_rewritten_and_consistent_chain_is_not_the_signed_one(log: Log) -> None:
    lines = log.lines(3)
    previous = hashlib.sha256(log.lines(2)[-1]).hexdigest().encode()
    lines[2] = _edit(lines[2], b'"us-west-2"', b'"us-east-1"')
    log.write(3, _rechain(lines, previous))
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 20)
    assert finding.detail == "its hash is not the one that was signed"


def test_a_forged_recovery_hides_nothing_that_was_signed(log: Log) -> None:
    cut = log.lines(3)[:3]
    log.write(3, cut)
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.CUT_TAIL, 17)


async def test_bytes_put_behind_a_recovered_end_are_found(log: Log) -> None:
    log.path(3).write_bytes(log.path(3).read_bytes() + b'{"n":21,"prev')
    await write_chain(log.directory, _PROCESS, records=1)
    assert log.verify().recovered == 1
    log.path(3).write_bytes(log.path(3).read_bytes() + b"more")
    finding = log.finding()
    assert (finding.fault, finding.n) == (Fault.ALTERED, 21)


def test_a_head_of_another_key_is_no_head(log: Log) -> None:
    stranger = RecordKey.generate()
    report = verify(log.directory, log.store.tables.chain_heads, stranger.public_key)
    (finding,) = report.findings
    assert str(finding) == "the head of worker-2 is not signed by this Region"
    for heads in ({_PROCESS: "{}"}, {_PROCESS: "x"}, {_PROCESS: '{"head":"{}","signature":"00"}'}):
        assert not verify(log.directory, heads, log.key.public_key).ok
    moved = {"worker-3": log.store.tables.chain_heads[_PROCESS]}
    assert not verify(log.directory, moved, log.key.public_key).ok


def test_a_chain_without_a_head_is_told(log: Log) -> None:
    report = verify(log.directory, {}, log.key.public_key)
    assert report.ok
    assert report.unsigned == (_PROCESS,)


def test_a_file_that_can_not_be_read_is_named(log: Log) -> None:
    path = log.path(2)
    path.unlink()
    path.mkdir()
    report = log.verify()
    assert {finding.fault for finding in report.findings} >= {Fault.FOREIGN_FILE}


async def test_the_fault_of_one_chain_does_not_hide_that_of_another(log: Log) -> None:
    await write_chain(log.directory, "agent", records=3)
    path = log.directory / str(segments_of(log.directory, "agent")[0])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    log.write(3, log.lines(3)[:-1])
    found = {(finding.chain, finding.fault) for finding in log.verify().findings}
    assert found == {("agent", Fault.MISSING), (_PROCESS, Fault.CUT_TAIL)}


def test_lines_are_numbered_through(log: Log) -> None:
    assert [line["n"] for line in lines_in(log.directory)] == list(range(21))
