import pytest

from regionkms.cli.output import ExitCode, safe, told
from regionkms.model.errors import ConfigurationError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain \u00fc \u65e5", "plain \u00fc \u65e5"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\nb\r\tc\x7f", "a\\nb\\x0d\\x09c\\x7f"),
        ("\u202edrow", "\\u202edrow"),
        ("\u2028", "\\u2028"),
        ("\ufeff\u200b", "\\ufeff\\u200b"),
        ("\udcff", "\\udcff"),
        (17, "17"),
    ],
)
def test_no_value_can_drive_a_terminal(value: object, shown: str) -> None:
    assert safe(value) == shown


def test_line_feeds_stay_where_a_document_is_printed() -> None:
    assert safe("a\nb\x1b", newlines=True) == "a\nb\\x1b"


def test_a_failure_is_one_safe_sentence_and_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended, told():
        raise ConfigurationError("the file \x1b[2J is gone\nfix it")
    assert ended.value.code == ExitCode.FAILED
    shown = capsys.readouterr()
    assert shown.err == "regionkms: the file \\x1b[2J is gone\\nfix it\n"
    assert shown.out == ""


def test_a_bug_is_not_dressed_as_a_failure() -> None:
    with pytest.raises(ValueError, match="a bug"), told():
        raise ValueError("a bug")
