import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import LINE_WORDS, AreaLayout, Section
from regionkms.model.errors import ConfigurationError

LAYOUT = AreaLayout(
    processes=3, operations=("Encrypt",), counters=("a", "b"), gauges=("c",), quota_slots=64
)


def sections(layout: AreaLayout) -> list[Section]:
    return [
        layout.header,
        layout.clock_offset,
        layout.change,
        layout.change_counts,
        layout.quota_usage,
        layout.quota_inserts,
        layout.quota_slots_section,
        layout.requests,
        layout.named_counters,
        layout.named_gauges,
    ]


@pytest.mark.parametrize("processes", [1, 3, 256])
def test_sections_follow_one_another_on_lines_of_their_own(processes: int) -> None:
    layout = AreaLayout(processes=processes, quota_slots=1)
    end = 0
    for section in sections(layout):
        assert section.start == end
        assert section.words % LINE_WORDS == 0
        end = section.end
    assert layout.size_bytes == end * 8


@pytest.mark.parametrize("processes", [0, 257])
def test_an_area_serves_a_bounded_number_of_processes(processes: int) -> None:
    with pytest.raises(ValueError, match="1 to 256 processes"):
        AreaLayout(processes=processes)


@pytest.mark.parametrize("slots", [0, 3, 65_535])
def test_the_number_of_slots_is_a_power_of_two(slots: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        AreaLayout(processes=1, quota_slots=slots)


@pytest.mark.parametrize("number", [-1, 3])
def test_there_is_no_block_of_a_process_that_is_not_declared(number: int) -> None:
    area = SharedMemory.create(LAYOUT)
    with pytest.raises(ValueError, match=f"process {number} of 3"):
        area.block(LAYOUT.change_counts, number)
    area.close()


def test_a_new_area_is_all_zeros() -> None:
    area = SharedMemory.create(LAYOUT)
    for section in sections(LAYOUT)[1:]:
        assert not any(area.block(section, 0))
    area.close()


def test_another_process_sees_what_is_written() -> None:
    area = SharedMemory.create(LAYOUT)
    program = (
        "import sys\n"
        "from regionkms.counters.area import SharedMemory\n"
        "from regionkms.counters.layout import AreaLayout\n"
        "layout = AreaLayout(processes=3, operations=('Encrypt',), counters=('a', 'b'),"
        " gauges=('c',), quota_slots=64)\n"
        "area = SharedMemory.attach(int(sys.argv[1]), layout)\n"
        "area.block(layout.named_counters, 1)[0] = 7\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(area.fd)],
        pass_fds=(area.fd,),
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert area.block(LAYOUT.named_counters, 1)[0] == 7
    area.close()


def test_the_descriptor_is_not_inherited_unless_passed() -> None:
    area = SharedMemory.create(LAYOUT)
    assert not os.get_inheritable(area.fd)
    area.close()


def test_the_area_can_neither_shrink_nor_grow() -> None:
    area = SharedMemory.create(LAYOUT)
    for size in (0, LAYOUT.size_bytes + 4096):
        with pytest.raises(PermissionError):
            os.ftruncate(area.fd, size)
    with pytest.raises(PermissionError):
        fcntl.fcntl(area.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    area.close()


@pytest.mark.parametrize(
    "layout",
    [
        AreaLayout(processes=4, operations=("Encrypt",), quota_slots=64),
        AreaLayout(
            processes=3,
            operations=("Decrypt",),
            counters=("a", "b"),
            gauges=("c",),
            quota_slots=64,
        ),
    ],
    ids=["another size", "another meaning"],
)
def test_a_process_with_another_layout_is_refused(layout: AreaLayout) -> None:
    area = SharedMemory.create(LAYOUT)
    with pytest.raises(ConfigurationError, match="not shared memory with the layout of this"):
        SharedMemory.attach(area.fd, layout)
    area.close()


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="descriptor 9999 is not open"):
        SharedMemory.attach(9999, LAYOUT)


def test_an_area_that_was_closed_is_closed() -> None:
    area = SharedMemory.create(LAYOUT)
    area.block(LAYOUT.change, 0)
    area.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(area.fd)


def test_memory_that_can_not_be_had_leaves_no_descriptor_behind() -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises((OSError, ValueError, OverflowError)):
        SharedMemory.create(AreaLayout(processes=256, quota_slots=1 << 52))
    assert len(set(Path("/proc/self/fd").iterdir())) <= len(before)
