import json
import logging
import sys
from typing import NoReturn

from regionkms.model.errors import StoreUnavailable
from regionkms.model.ids import RegionName
from regionkms.telemetry.logging import MAX_MESSAGE_CHARS, JsonFormatter

FORMATTER = JsonFormatter(region=RegionName("eu-west-1"), process="worker-1")


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord(
        "regionkms.wire", logging.WARNING, __file__, 1, message, arguments, None
    )
    made.created = 1_700_000_000.125
    vars(made).update(extra)
    return made


def test_a_record_is_one_line_of_json_with_its_fields_in_order() -> None:
    line = FORMATTER.format(record("%d of %s", 3, "four", request_id="r-1", trace_id="t-1"))
    assert line == (
        '{"time":"2023-11-14T22:13:20.125Z","level":"WARNING","logger":"regionkms.wire",'
        '"message":"3 of four","region":"eu-west-1","process":"worker-1",'
        '"request_id":"r-1","trace_id":"t-1"}'
    )


def test_a_record_without_a_request_has_no_request_id() -> None:
    assert "request_id" not in json.loads(FORMATTER.format(record("hello")))


def test_no_input_forges_a_line_or_drives_a_terminal() -> None:
    bad = 'a"b\n{"level":"INFO"}\r\x1b[31m\x00\x7f\x85\x9b\u2028\u2029 \ud800 é'
    line = FORMATTER.format(record("%s", bad))
    assert len(line.splitlines()) == 1
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in line)
    line.encode()
    told = json.loads(line)["message"]
    assert told.startswith('a"b\n{"level":"INFO"}\r\x1b[31m\x00\x7f\x85\x9b\u2028\u2029 ')
    assert told.endswith(" é")


def test_a_long_message_is_cut() -> None:
    told = json.loads(FORMATTER.format(record("x" * 100_000)))["message"]
    assert told == "x" * MAX_MESSAGE_CHARS + "... (cut)"


def raise_from(error: BaseException, cause: BaseException | None) -> NoReturn:
    if cause is None:
        raise error
    try:
        raise cause  # noqa: TRY301 - a cause with a traceback of its own
    except BaseException as first:
        raise error from first


def raised(error: BaseException, cause: BaseException | None = None) -> logging.LogRecord:
    made = record("failed")
    try:
        raise_from(error, cause)
    except BaseException:  # noqa: BLE001 - the test needs its traceback
        made.exc_info = sys.exc_info()
    return made


def test_an_exception_is_one_field_of_the_line() -> None:
    line = FORMATTER.format(raised(StoreUnavailable("first\nsecond")))
    assert "\n" not in line
    told = json.loads(line)["exception"]
    assert told.endswith("StoreUnavailable: first\nsecond")
    assert f"{__file__}:" in told
    assert "in raised" in told


def test_the_message_of_an_exception_that_is_not_ours_is_not_told() -> None:
    error = ValueError("invalid literal: the client's plaintext")
    told = json.loads(FORMATTER.format(raised(RuntimeError("and its key"), cause=error)))
    assert "plaintext" not in told["exception"]
    assert "its key" not in told["exception"]
    assert "RuntimeError\ncaused by\n" in told["exception"]
    assert told["exception"].endswith("ValueError")


def test_an_error_of_the_system_is_told_by_its_reason() -> None:
    error = OSError(28, "No space left on device", "/a/name")
    told = json.loads(FORMATTER.format(raised(error)))["exception"]
    assert told.endswith("OSError: No space left on device")


def test_an_exception_that_leads_back_to_itself_is_told_once() -> None:
    first, second = ValueError(), TypeError()
    first.__cause__, second.__cause__ = second, first
    made = record("failed")
    made.exc_info = (ValueError, first, None)
    assert json.loads(FORMATTER.format(made))["exception"] == "ValueError\ncaused by\nTypeError"


def test_the_reason_of_a_fault_is_told() -> None:
    told = json.loads(FORMATTER.format(record("x", fault="RowTampered", reason="row (1) of a")))
    assert (told["fault"], told["reason"]) == ("RowTampered", "row (1) of a")
