import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regionkms.lab.layout import Folder
from regionkms.lab.processes import Processes, start_time_of, write_private
from regionkms.model.errors import ConfigurationError

WITHIN_S = 10.0
PATIENT = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
STUBBORN = [sys.executable, "-c", DEAF]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(Folder(tmp_path))
    try:
        yield made
    finally:
        for name in ("one", "two"):
            made.kill(name)


def test_a_started_process_is_found_by_another_command(
    processes: Processes, tmp_path: Path
) -> None:
    running = processes.start("one", PATIENT)
    assert Processes(Folder(tmp_path)).find("one") == running
    assert os.getsid(running.pid) == running.pid


def test_a_process_that_has_ended_is_not_found(processes: Processes) -> None:
    processes.start("one", [sys.executable, "-c", ""])
    assert processes.wait_for_end(["one"], within_s=WITHIN_S) == []
    assert processes.find("one") is None
    assert processes.kill("one") is False


def test_a_reused_pid_is_another_process(processes: Processes, tmp_path: Path) -> None:
    running = processes.start("one", PATIENT)
    run = Folder(tmp_path).run("one")
    values = json.loads(run.read_text())
    write_private(run, json.dumps({**values, "start_time": "17"}))
    assert processes.find("one") is None
    assert processes.signal("one", signal.SIGKILL) is False
    assert start_time_of(running.pid) == running.start_time
    write_private(run, json.dumps(values))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "start_time": "1"}', "\x00"])
def test_a_damaged_run_file_names_no_process(
    processes: Processes, tmp_path: Path, text: str
) -> None:
    write_private(Folder(tmp_path).run("one"), text)
    assert processes.find("one") is None


def test_kill_ends_children_too(processes: Processes, tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    processes.start("one", [sys.executable, "-c", script])
    log = Folder(tmp_path).log("one")
    assert processes.wait_until(lambda: log.read_text().endswith("\n"), within_s=WITHIN_S)
    child = int(log.read_text())
    assert start_time_of(child) is not None
    assert processes.kill("one") is True
    assert processes.wait_until(lambda: start_time_of(child) is None, within_s=WITHIN_S)


def test_a_process_that_does_not_end_by_itself_is_killed(
    processes: Processes, tmp_path: Path
) -> None:
    processes.start("one", PATIENT)
    processes.start("two", STUBBORN)
    log = Folder(tmp_path).log("two")
    assert processes.wait_until(lambda: "deaf" in log.read_text(), within_s=WITHIN_S)
    processes.end(["one", "two"], within_s=0.5)
    assert processes.find("one") is None
    assert processes.find("two") is None


def test_a_program_that_is_not_there_is_refused(processes: Processes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        processes.start("one", ["/nowhere/at-all"])
    assert str(refused.value) == "/nowhere/at-all can't be started: No such file or directory"


def test_logs_and_run_files_are_private(processes: Processes, tmp_path: Path) -> None:
    processes.start("one", PATIENT)
    for path in (Folder(tmp_path).log("one"), Folder(tmp_path).run("one")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_private_file_is_replaced_whole_and_narrowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
