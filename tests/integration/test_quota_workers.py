"""Request quotas over real processes: even and uneven load, SIGSTOP and SIGKILL at any moment.

Each worker floods one quota for some seconds and writes how many requests it admitted in each
window into a page that outlives it. REGIONKMS_QUOTA_TEST_S sets the seconds (2 unless told).
"""

import contextlib
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from regionkms.counters.area import SharedMemory
from regionkms.counters.layout import AreaLayout

SECONDS: Final = int(os.environ.get("REGIONKMS_QUOTA_TEST_S", "2"))
QUOTA: Final = "DescribeKey"
_MAX_WINDOWS: Final = 1024

WORKER: Final = """
import mmap, sys, time
from regionkms.counters.area import SharedMemory
from regionkms.counters.clock import SystemClock
from regionkms.counters.layout import AreaLayout
from regionkms.counters.quota_counter import SharedQuotaCounter
from regionkms.quota.settings import QuotaSettings
from regionkms.quota.table import REQUEST_QUOTAS

fd, out, process, processes, rate, window_s, pause_s, start, end = (
    float(word) for word in sys.argv[1:]
)

class Recording(SystemClock):
    "Keeps the instant that a decision was made by: the last one that the counter read."
    read_at = 0.0
    def monotonic(self):
        self.read_at = super().monotonic()
        return self.read_at

clock = Recording()
area = SharedMemory.attach(int(fd), AreaLayout(processes=int(processes)))
counter = SharedQuotaCounter(
    area, int(process), region="us-east-1", clock=clock,
    settings=QuotaSettings(overrides={(None, "DescribeKey"): rate}),
)
quota = REQUEST_QUOTAS["DescribeKey"]
seen = memoryview(mmap.mmap(int(out), 8 * 1024)).cast("Q")
admit = counter.admit
while time.monotonic() < start:
    time.sleep(0.001)
while True:
    if time.monotonic() >= end:
        break
    if admit("111122223333", quota).admitted:
        seen[int((clock.read_at - start) // window_s)] += 1
    if pause_s:
        time.sleep(pause_s)
"""


class Load:
    """Workers that ask for one quota from a common instant on."""

    def __init__(
        self, pauses: Sequence[float], *, rate: float, window_s: int, windows: int
    ) -> None:
        self.pauses = pauses
        self.rate = rate
        self.window_s = window_s
        self.processes = len(pauses) + 2
        self.area = SharedMemory.create(AreaLayout(processes=self.processes))
        # Windows are numbered from the clock's zero: begin at the edge of one.
        self.start = (int(time.monotonic() // window_s) + 1) * float(window_s)
        while self.start - time.monotonic() < 0.6:
            self.start += window_s
        self.end = self.start + windows * window_s
        self.windows = windows
        self.pages: list[int] = []
        self.workers = [self.begin(number, pause) for number, pause in enumerate(pauses)]

    def begin(self, number: int, pause_s: float) -> subprocess.Popen[bytes]:
        page = os.memfd_create(f"seen-{number}")
        os.ftruncate(page, 8 * _MAX_WINDOWS)
        self.pages.append(page)
        words = (self.area.fd, page, number + 2, self.processes, self.rate, self.window_s)
        arguments = [str(word) for word in (*words, pause_s, self.start, self.end)]
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, *arguments],
            pass_fds=(self.area.fd, page),
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def wait(self) -> list[int]:
        """Requests admitted in each window, when all workers have ended."""
        for worker in self.workers:
            worker.wait(timeout=self.end - time.monotonic() + 20)
        sums = [0] * self.windows
        for page in self.pages:
            with mmap.mmap(page, 8 * _MAX_WINDOWS) as seen, memoryview(seen) as raw:
                words = raw.cast("Q")
                for window in range(self.windows):
                    sums[window] += words[window]
                words.release()
        return sums

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        for page in self.pages:
            os.close(page)
        self.area.close()


@contextlib.contextmanager
def flood(
    pauses: Sequence[float], *, rate: float, window_s: int = 1, windows: int = SECONDS
) -> Iterator[Load]:
    load = Load(pauses, rate=rate, window_s=window_s, windows=windows)
    try:
        yield load
    finally:
        load.close()


def assert_within_two_percent(sums: Sequence[int], rate: int) -> None:
    """Over the whole run; and no single window is above the limit."""
    assert max(sums) <= rate, sums
    assert sum(sums) >= 0.98 * rate * len(sums), sums


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_that_flood_a_quota_together_are_admitted_its_limit(workers: int) -> None:
    with flood([0.0] * workers, rate=2000) as load:
        assert_within_two_percent(load.wait(), 2000)


@pytest.mark.parametrize("workers", [2, 4])
def test_one_worker_that_floods_gets_the_limit_while_others_idle(workers: int) -> None:
    with flood([0.0] + [0.05] * (workers - 1), rate=2000) as load:
        assert_within_two_percent(load.wait(), 2000)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_limit_of_five_a_second_is_exact(workers: int) -> None:
    with flood([0.0] * workers, rate=5) as load:
        assert load.wait() == [5] * SECONDS


def test_one_request_in_two_seconds_is_exact() -> None:
    with flood([0.0] * 2, rate=0.5, window_s=2, windows=2) as load:
        assert load.wait() == [1, 1]


@pytest.mark.parametrize("rate", [5, 2000])
def test_a_stopped_worker_neither_holds_others_up_nor_lets_more_through(rate: int) -> None:
    dice = random.Random(7)  # noqa: S311 - moments of a test, no secret
    with flood([0.0] * 3, rate=rate) as load:
        while time.monotonic() < load.end - 0.5:
            worker = dice.choice(load.workers)
            worker.send_signal(signal.SIGSTOP)
            time.sleep(dice.uniform(0.0, 0.3))
            worker.send_signal(signal.SIGCONT)
            time.sleep(dice.uniform(0.0, 0.03))
        assert_within_two_percent(load.wait(), rate)


@pytest.mark.parametrize("rate", [5, 2000])
def test_killed_workers_leave_the_limit_to_the_others(rate: int) -> None:
    dice = random.Random(11)  # noqa: S311 - moments of a test, no secret
    kills = 0
    with flood([0.0] * 3, rate=rate) as load:
        while time.monotonic() < load.end - 0.5:
            time.sleep(dice.uniform(0.2, 0.7))
            number = dice.randrange(3)
            load.workers[number].kill()
            load.workers[number].wait()
            load.workers[number] = load.begin(number, 0.0)
            kills += 1
        sums = load.wait()
    assert max(sums) <= rate, sums
    # A kill between the admission and the note of it loses the note.
    assert sum(sums) >= 0.98 * rate * len(sums) - kills, sums
