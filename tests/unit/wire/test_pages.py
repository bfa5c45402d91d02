from types import SimpleNamespace
from typing import cast

from regionkms.wire.http import Exchange
from regionkms.wire.pages import Pages


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def answer_of(pages: Pages, target: bytes, method: str = "GET") -> bytes:
    answers: list[bytes] = []
    exchange = SimpleNamespace(method=method, target=target, respond=answers.append)
    pages.answer(cast("Exchange", exchange))
    [answer] = answers
    return answer


def test_metrics_take_a_tenth_of_the_workers_time_at_most_however_often_they_are_asked_for() -> (
    None
):
    clock, written = Clock(), 0

    def metrics() -> bytes:
        nonlocal written
        written += 1
        clock.now += 0.03
        return b"text %d\n" % written

    pages = Pages(ready=lambda: None, metrics=metrics, timer=clock)
    assert answer_of(pages, b"/metrics").endswith(b"text 1\n")
    for _ in range(1000):
        assert answer_of(pages, b"/metrics").endswith(b"text 1\n")
    clock.now += 0.29
    assert answer_of(pages, b"/metrics").endswith(b"text 1\n")
    clock.now += 0.02
    assert answer_of(pages, b"/metrics").endswith(b"text 2\n")
    assert written == 2


def test_health_and_readiness_are_told_as_they_are() -> None:
    pages = Pages(ready=lambda: "starting", metrics=lambda: b"")
    assert answer_of(pages, b"/healthz").startswith(b"HTTP/1.1 200 ")
    assert answer_of(pages, b"/readyz").startswith(b"HTTP/1.1 503 ")
    assert answer_of(pages, b"/readyz").endswith(b"starting\n")
    assert answer_of(pages, b"/metrics", "PUT").startswith(b"HTTP/1.1 405 ")
    assert not pages.answers(b"/")
