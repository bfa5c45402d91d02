"""The README's tour, as it stands there: its commands are run, its promised output is compared."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import RunningLab, running_lab

README = Path(__file__).resolve().parents[2] / "README.md"
TOUR_S = 240.0
"""The tour starts the AWS CLI a dozen times, and ends and starts a Region."""

BLOCK = re.compile(r"^```sh tour\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMISE = re.compile(r"^#> (.*)$", re.MULTILINE)


def tour() -> str:
    return "\n".join(BLOCK.findall(README.read_text("utf-8")))


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own = ("AWS_", "REGIONKMS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    commands = str(Path(sys.executable).parent)
    return subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=folder,
        env={
            **environment,
            "PATH": f"{commands}:{environment.get('PATH', '')}",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=TOUR_S,
    )


@pytest.fixture
def fresh_lab(tmp_path: Path) -> Iterator[RunningLab]:
    """A lab in `.lab` of an empty folder, as `make lab` leaves one: the tour breaks it."""
    with running_lab(tmp_path / ".lab") as made:
        yield made


def test_the_readme_has_a_tour_that_promises_something() -> None:
    assert len(BLOCK.findall(README.read_text("utf-8"))) >= 3
    assert len(PROMISE.findall(tour())) >= 3


@pytest.mark.timeout(TOUR_S + 60)
@pytest.mark.feature("F05-17")
def test_the_commands_of_the_tour_do_what_the_readme_promises(fresh_lab: RunningLab) -> None:
    done = run(tour(), fresh_lab.folder.parent)
    assert done.returncode == 0, done.stderr + done.stdout
    lines = done.stdout.splitlines()
    at = 0
    for promised in PROMISE.findall(tour()):
        assert promised in lines[at:], f"{promised!r} is not printed after line {at}: {done.stdout}"
        at = lines.index(promised, at) + 1
