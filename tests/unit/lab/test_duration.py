import pytest

from regionkms.lab.duration import parse_duration_s
from regionkms.model.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 2_592_000),
        ("12h", 43_200),
        ("1d12h", 129_600),
        ("90s", 90),
        ("2w", 1_209_600),
        ("5m", 300),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "d", "30 d", "-1d", "1.5d", "30d!", "soon", "9" * 10 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_duration_s(text)
    assert str(refused.value) == f"{text!r} is no duration; write 30d, 12h or 1d12h"


def test_a_duration_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_duration_s("0d")
    assert str(refused.value) == "a duration of nothing moves nothing"
