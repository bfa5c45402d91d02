import json
import logging
import sys

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


def test_an_exception_is_one_field_of_the_line() -> None:
    made = record("failed")
    try:
        raise ValueError("first\nsecond")  # noqa: TRY301 - the test needs its traceback
    except ValueError:
        made.exc_info = sys.exc_info()
    line = FORMATTER.format(made)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: first\nsecond")
