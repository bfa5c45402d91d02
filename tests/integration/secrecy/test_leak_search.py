"""The search finds what is planted: without this the other tests of the folder prove nothing."""

import base64
import json
import os
from pathlib import Path

import pytest

from tests.support.leaks import LeakSearch, files_below, forms_of, process_facts

SECRET = bytes.fromhex("00ff10a9fb7fefbe3e5d2b2f5c22270a80c2a0e28080f09f98807e217c61627c")
TEXT = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PLANTED = {
    "raw": SECRET,
    "hexadecimal": SECRET.hex().encode(),
    "upper-case hexadecimal": SECRET.hex().upper().encode(),
    "Python's repr": repr(b"before" + SECRET + b"behind").encode(),
    "numbers with spaces": str(list(SECRET)).encode(),
    "numbers": json.dumps(list(SECRET), separators=(",", ":")).encode(),
    "base64 at 0": base64.b64encode(SECRET),
    "base64 at 1": base64.b64encode(b"1234" + SECRET + b"12345"),
    "base64 at 2": base64.b64encode(b"12345" + SECRET + b"1"),
    "URL base64 at 0": base64.urlsafe_b64encode(SECRET + b"123"),
    "URL base64 at 1": base64.urlsafe_b64encode(b"1" + SECRET),
    "URL base64 at 2": base64.urlsafe_b64encode(b"12" + SECRET),
    "hexadecimal, UTF-16 little-endian": SECRET.hex().encode("utf-16"),
    "base64 at 0, UTF-16 big-endian": base64.b64encode(SECRET).decode().encode("utf-16-be"),
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_secret_is_found_in_any_form(tmp_path: Path, form: str) -> None:
    place = tmp_path / "data" / "audit" / "worker.jsonl"
    place.parent.mkdir(parents=True)
    place.write_bytes(os.urandom(100_000) + b'{"a":"' + PLANTED[form] + b'"}' + os.urandom(1000))
    leaks = LeakSearch({"the key": SECRET}).find(files_below(tmp_path))
    assert ("the key", form, "data/audit/worker.jsonl") in {
        (leak.secret, leak.form, leak.place) for leak in leaks
    }


def test_a_planted_text_is_found_in_utf_16(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" + TEXT.decode().encode("utf-16-be"))
    leaks = LeakSearch({"the secret": TEXT}).find(files_below(tmp_path))
    assert "the secret in text, UTF-16 big-endian in log" in map(str, leaks)


def test_what_holds_no_secret_shows_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(1_000_000))
    (tmp_path / "b").write_bytes(SECRET[:-1] + SECRET[:-1])
    assert LeakSearch({"the key": SECRET, "the secret": TEXT}).find(files_below(tmp_path)) == []


def test_what_is_left_out_is_left_out_alone(tmp_path: Path) -> None:
    for name in ("authority/key", "authority.key", "other/key"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(SECRET)
    found = LeakSearch({"the key": SECRET}).find(
        files_below(tmp_path, but=[tmp_path / "authority", tmp_path / "authority.key"])
    )
    assert {leak.place for leak in found} == {"other/key"}


def test_a_secret_in_a_command_line_environment_or_shared_memory_is_found() -> None:
    descriptor = os.memfd_create("regionkms")
    try:
        os.write(descriptor, SECRET)
        found = LeakSearch({"the key": SECRET}).find(process_facts(os.getpid()))
    finally:
        os.close(descriptor)
    assert {leak.place for leak in found} == {f"shared memory of {os.getpid()}"}
    places = {place for place, _ in process_facts(os.getpid())}
    assert {f"/proc/{os.getpid()}/cmdline", f"/proc/{os.getpid()}/environ"} <= places


def test_a_secret_that_chance_could_make_is_not_searched_for() -> None:
    with pytest.raises(ValueError, match="a secret of 4 bytes can't be searched for"):
        forms_of(b"1234")
