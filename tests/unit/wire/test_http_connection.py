"""Order of answers, the end of the tick, bounds and deadlines of connections, by hand."""

import asyncio
import json
import logging
import re

import pytest

from regionkms.wire.http_exchange import Exchange
from regionkms.wire.http_response import INTERNAL_FAILURE, format_response
from tests.support.http_wire import Wire, read_answers

GET = b"GET /%d HTTP/1.1\r\nHost: kms\r\n\r\n"


def get(number: int) -> bytes:
    return GET % number


def keep(_: Exchange) -> None:
    """Answer later."""


def later(exchange: Exchange) -> None:
    """Answer what a test kept."""
    exchange.respond(format_response(200, b"", exchange.target))


def error_of(answer: tuple[int, dict[bytes, bytes], bytes]) -> tuple[int, str, str]:
    status, headers, body = answer
    assert headers[b"connection"] == b"close"
    assert headers[b"content-type"] == b"application/x-amz-json-1.1"
    assert re.fullmatch(rb"[0-9a-f-]{36}", headers[b"x-amzn-requestid"])
    document = json.loads(body)
    return status, document["__type"], document["message"]


# -- the tick ------------------------------------------------------------------------------------


def test_no_byte_leaves_before_the_records_of_the_tick_are_written() -> None:
    written_at_record: list[bytes] = []
    wire = Wire(before_answers=lambda: written_at_record.append(bytes(wire.transport.written)))
    wire.feed(get(1) + get(2))
    assert wire.transport.written == b""
    wire.tick()
    assert written_at_record == [b""]
    assert [body for _, _, body in wire.answers()] == [b"GET /1 ", b"GET /2 "]


def test_one_tick_is_recorded_once_for_all_connections() -> None:
    calls: list[None] = []
    wire = Wire(before_answers=lambda: calls.append(None))
    other, other_transport = wire.connect()
    wire.feed(get(1))
    other.receive(get(2))
    wire.tick()
    assert len(calls) == 1
    assert wire.transport.written
    assert other_transport.written
    assert wire.traffic.ticks == 1
    assert wire.traffic.answers == 2


def refuse_record() -> bool:
    return False


def fail_record() -> bool:
    raise OSError("no space left, said the record of plaintext-17")


@pytest.mark.parametrize("before_answers", [refuse_record, fail_record])
def test_without_records_every_answer_of_the_tick_is_a_failure(
    before_answers: object, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(before_answers=before_answers)  # type: ignore[arg-type]  # parametrized
    other, other_transport = wire.connect()
    wire.feed(get(1) + get(2))
    other.receive(get(3))
    wire.tick()
    assert bytes(wire.transport.written) == INTERNAL_FAILURE * 2
    assert bytes(other_transport.written) == INTERNAL_FAILURE
    assert wire.traffic.failed_ticks == 1
    assert not wire.transport.is_closing()
    assert "plaintext-17" not in caplog.text


def test_an_answer_recorded_earlier_survives_a_later_tick_that_fails() -> None:
    outcomes = [True, False]
    wire = Wire(keep, lambda: outcomes.pop(0))
    wire.feed(get(1) + get(2))
    wire.tick()
    later(wire.exchanges[1])
    wire.tick()
    assert wire.transport.written == b""  # request order: the first has no answer yet
    later(wire.exchanges[0])
    wire.tick()
    assert [status for status, _, _ in wire.answers()] == [500, 200]


def test_a_connection_that_cannot_be_written_does_not_stop_the_others() -> None:
    wire = Wire()
    other, other_transport = wire.connect()
    other_transport.closing = True
    other_transport.is_closing = lambda: False  # type: ignore[method-assign]  # a transport that lies
    other.receive(get(1))
    wire.feed(get(2))
    wire.tick()
    assert other_transport.is_aborted()
    assert wire.transport.written


# -- order ---------------------------------------------------------------------------------------


def test_answers_keep_request_order_whatever_completes_first() -> None:
    wire = Wire(keep)
    wire.feed(b"".join(get(number) for number in range(5)))
    wire.tick()
    for number in (3, 1, 0, 4, 2):
        later(wire.exchanges[number])
        wire.tick()
    assert [body for _, _, body in wire.answers()] == [b"/%d" % number for number in range(5)]


def test_an_exchange_takes_one_answer() -> None:
    wire = Wire()
    wire.feed(get(1))
    wire.tick()
    with pytest.raises(RuntimeError, match=r"^this exchange has its answer already$"):
        wire.exchanges[0].respond(b"again")
    assert len(wire.answers()) == 1


def test_an_exchange_tells_peer_scheme_and_nothing_of_the_request_in_its_repr() -> None:
    wire = Wire(tls=True)
    wire.feed(b"POST /secret HTTP/1.1\r\nHost: kms\r\nContent-Length: 6\r\n\r\nsecret")
    wire.tick()
    exchange = wire.exchanges[0]
    assert (exchange.peer, exchange.scheme, exchange.body) == ("192.0.2.7", "https", b"secret")
    assert repr(exchange) == "<Exchange POST from 192.0.2.7>"


def test_an_exchange_knows_that_its_client_went_away() -> None:
    wire = Wire(keep)
    wire.feed(get(1))
    wire.tick()
    exchange = wire.exchanges[0]
    closed_before = exchange.closed
    wire.connection.connection_lost(None)
    assert (closed_before, exchange.closed) == (False, True)
    later(exchange)
    assert wire.settle() == b""
    assert wire.traffic.connections == set()


def test_a_failing_handler_is_answered_500_with_the_trace_id_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(exchange: Exchange) -> None:
        raise LookupError(f"no such thing as {exchange.body!r}")

    wire = Wire(fail)
    wire.feed(b"POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: 9\r\n\r\nplaintext" + get(2))
    with caplog.at_level(logging.ERROR):
        answers = wire.answers()
    assert [status for status, _, _ in answers] == [500, 500]
    assert json.loads(answers[0][2])["__type"] == "KMSInternalException"
    assert b"connection" not in answers[0][1]
    assert answers[0][1][b"x-amzn-requestid"].decode() in caplog.text
    assert "LookupError" in caplog.text
    assert "plaintext" not in caplog.text
    assert b"Traceback" not in wire.transport.written
    assert wire.traffic.handler_failures == 1, "of the requests of one tick"


def test_a_handler_that_fails_after_its_answer_has_answered() -> None:
    def answer_and_fail(exchange: Exchange) -> None:
        later(exchange)
        raise LookupError

    wire = Wire(answer_and_fail)
    wire.feed(get(1))
    assert [status for status, _, _ in wire.answers()] == [200]


def test_a_tick_that_is_cut_short_is_not_the_last_one() -> None:
    def cancelled_at_first(exchange: Exchange) -> None:
        if exchange.target == b"/1":
            raise asyncio.CancelledError
        later(exchange)

    wire = Wire(cancelled_at_first)
    wire.feed(get(1))
    with pytest.raises(asyncio.CancelledError):
        wire.tick()
    wire.connection, wire.transport = wire.connect()
    wire.feed(get(2))
    assert [body for _, _, body in wire.answers()] == [b"/2"]


# -- how the connection goes on ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "connection", "closing"),
    [
        (b"GET / HTTP/1.1\r\nHost: kms\r\n\r\n", None, False),
        (b"GET / HTTP/1.1\r\nHost: kms\r\nConnection: close\r\n\r\n", b"close", True),
        (b"GET / HTTP/1.0\r\n\r\n", b"close", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"keep-alive", False),
    ],
)
def test_the_answer_says_what_becomes_of_the_connection(
    request_bytes: bytes, connection: bytes | None, closing: object
) -> None:
    wire = Wire()
    wire.feed(request_bytes)
    assert wire.answers()[0][1].get(b"connection") == connection
    assert wire.transport.is_closing() is closing


def test_head_is_answered_with_the_length_and_without_the_body() -> None:
    wire = Wire()
    wire.feed(b"HEAD /healthz HTTP/1.1\r\nHost: kms\r\n\r\n" + get(1))
    head, get_answer = read_answers(wire.settle(), ("HEAD", "GET"))
    assert (head[1][b"content-length"], head[2]) == (b"14", b"")
    assert get_answer[2] == b"GET /1 "


CONTINUED = b"POST / HTTP/1.1\r\nHost: kms\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"


def test_a_client_that_waits_to_send_its_body_is_told_to() -> None:
    wire = Wire()
    wire.feed(CONTINUED)
    assert bytes(wire.transport.written) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.feed(b"ab")
    wire.feed(b"c")
    assert [answer[2] for answer in wire.answers()] == [b"POST / abc"]
    assert wire.transport.written.count(b"100 Continue") == 1


def test_a_client_that_does_not_wait_is_not_told() -> None:
    wire = Wire()
    wire.feed(CONTINUED + b"abc")
    assert b"100 Continue" not in wire.settle()


def test_continue_waits_for_the_answers_before_it() -> None:
    wire = Wire(keep)
    wire.feed(get(1) + CONTINUED)
    wire.tick()
    assert wire.transport.written == b""
    later(wire.exchanges[0])
    wire.tick()
    assert bytes(wire.transport.written).endswith(b"/1HTTP/1.1 100 Continue\r\n\r\n")


def test_a_body_too_large_is_refused_before_it_is_asked_for() -> None:
    wire = Wire(max_body_bytes=2)
    wire.feed(CONTINUED)
    assert error_of(wire.answers()[0]) == (
        413,
        "RequestEntityTooLargeException",
        "The request body is over 2 bytes.",
    )


def test_a_half_closed_client_gets_its_answers() -> None:
    wire = Wire(keep)
    wire.feed(get(1) + get(2))
    assert wire.connection.eof_received() is True
    wire.tick()
    later(wire.exchanges[0])
    wire.tick()
    assert not wire.transport.is_closing()
    later(wire.exchanges[1])
    wire.tick()
    assert wire.transport.is_closing()
    assert len(wire.answers()) == 2


def test_a_client_that_closes_with_nothing_asked_is_closed() -> None:
    wire = Wire()
    assert wire.connection.eof_received() is False
    tls = Wire(keep, tls=True)
    tls.feed(get(1))
    assert tls.connection.eof_received() is False


# -- refusals ------------------------------------------------------------------------------------


def test_a_malformed_request_is_answered_in_its_turn_then_nothing_more_is_taken() -> None:
    wire = Wire(keep)
    wire.feed(get(1) + b"nonsense\r\n\r\n")
    wire.feed(get(2))
    wire.tick()
    assert wire.transport.written == b""
    later(wire.exchanges[0])
    answers = wire.answers()
    assert answers[0][2] == b"/1"
    assert error_of(answers[1]) == (
        400,
        "MalformedHttpRequestException",
        "The HTTP request is malformed: Invalid method encountered.",
    )
    assert len(wire.exchanges) == 1
    assert wire.traffic.refused["malformed"] == 1


def test_a_refused_client_gets_time_to_read_why() -> None:
    wire = Wire(linger_timeout_s=2)
    wire.feed(b"nonsense\r\n\r\n")
    wire.settle()
    assert wire.transport.eof_written
    assert not wire.transport.is_closing()
    wire.feed(b"and more of it")  # discarded
    wire.traffic.sweep(0.0)
    wire.traffic.sweep(1.9)
    assert not wire.transport.is_closing()
    wire.traffic.sweep(2.0)
    assert wire.transport.is_closing()


def test_a_refused_client_that_has_closed_already_is_closed_at_once() -> None:
    wire = Wire()
    wire.feed(b"nonsense\r\n\r\n")
    assert wire.connection.eof_received() is True
    wire.settle()
    assert wire.transport.is_closing()


def test_one_connection_too_many_is_told_so() -> None:
    wire = Wire(max_connections=1)
    _, transport = wire.connect()
    wire.settle()
    answer = read_answers(bytes(transport.written))[0]
    assert error_of(answer) == (
        503,
        "ServiceUnavailable",
        "Too many connections. Try again later.",
    )
    assert wire.transport.written == b""
    assert wire.traffic.refused["too_many_connections"] == 1


def test_half_sent_bodies_of_all_connections_are_bounded_together() -> None:
    wire = Wire(max_receiving_bytes=25)
    head = b"POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: 20\r\n\r\n"
    other, other_transport = wire.connect()
    wire.feed(head + b"x" * 15)
    other.receive(head + b"x" * 10)
    assert wire.traffic.receiving_bytes == 25
    other.receive(b"x")
    assert wire.traffic.receiving_bytes == 15
    wire.feed(b"x" * 5)
    assert wire.traffic.receiving_bytes == 0
    assert [answer[0] for answer in wire.answers()] == [200]
    assert error_of(read_answers(bytes(other_transport.written))[0]) == (
        503,
        "ServiceUnavailable",
        "Too many requests in receipt. Try again later.",
    )


def test_a_body_lost_half_way_is_no_longer_counted() -> None:
    wire = Wire()
    wire.feed(b"POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: 20\r\n\r\nhalf")
    assert wire.traffic.receiving_bytes == 4
    wire.connection.connection_lost(ConnectionResetError())
    assert wire.traffic.receiving_bytes == 0


# -- depth of the pipeline and clients that do not read ------------------------------------------


@pytest.mark.parametrize("count", [40, 4_000])
def test_a_deep_pipeline_is_served_a_few_at_a_time_and_loses_nothing(count: int) -> None:
    wire = Wire(keep, max_pipeline=3)
    wire.feed(b"".join(get(number) for number in range(count)))
    wire.tick()
    assert len(wire.exchanges) == 3
    assert not wire.transport.is_reading()
    for number in range(count):
        assert len(wire.exchanges) <= number + 3
        later(wire.exchanges[number])
        wire.tick()
    assert wire.transport.is_reading()
    expected = [b"/%d" % number for number in range(count)]
    assert re.findall(rb"/\d+$", bytes(wire.transport.written)) == expected[-1:]
    assert re.findall(rb"\r\n\r\n(/\d+)", bytes(wire.transport.written)) == expected


def test_bytes_that_arrive_in_spite_of_the_pause_wait_for_their_turn() -> None:
    wire = Wire(keep, max_pipeline=1)
    wire.feed(get(0))
    wire.feed(get(1)[:9])
    wire.feed(get(1)[9:] + get(2))
    wire.tick()
    assert len(wire.exchanges) == 1
    for number in range(3):
        wire.tick()
        later(wire.exchanges[number])
        wire.tick()
    assert [body for _, _, body in wire.answers()] == [b"/0", b"/1", b"/2"]
    assert wire.transport.is_reading()


def test_a_refusal_waits_behind_a_deep_pipeline() -> None:
    wire = Wire(max_pipeline=2)
    wire.feed(b"".join(get(number) for number in range(5)) + b"nonsense\r\n\r\n")
    assert [status for status, _, _ in wire.answers()] == [200] * 5 + [400]


def test_a_client_that_does_not_read_is_asked_nothing_more_and_cut_off() -> None:
    wire = Wire(write_timeout_s=20, max_unsent_bytes=5_000)
    assert wire.transport.high_water == 5_000
    wire.connection.pause_writing()
    assert not wire.transport.is_reading()
    wire.feed(get(1))
    assert wire.exchanges == []
    wire.traffic.sweep(0.0)
    wire.traffic.sweep(19.9)
    assert not wire.transport.is_aborted()
    wire.traffic.sweep(20.0)
    assert wire.transport.is_aborted()
    assert wire.traffic.refused["unread"] == 1


def test_a_client_that_reads_again_is_served_again() -> None:
    wire = Wire(write_timeout_s=20)
    wire.connection.pause_writing()
    wire.feed(get(1))
    wire.traffic.sweep(0.0)
    wire.connection.resume_writing()
    wire.traffic.sweep(21.0)
    assert [body for _, _, body in wire.answers()] == [b"GET /1 "]
    assert wire.transport.is_reading()


# -- deadlines -----------------------------------------------------------------------------------


def test_a_slow_sender_of_headers_is_cut_off_though_it_sends_bytes_all_the_time() -> None:
    wire = Wire(header_timeout_s=10)
    for second in range(11):
        wire.feed(b"GET / HTTP/1.1\r\nX: 0"[second : second + 1])
        wire.traffic.sweep(float(second))
    assert error_of(wire.answers()[0]) == (
        408,
        "RequestTimeoutException",
        "The request was not received in time.",
    )
    assert wire.traffic.refused["timeout"] == 1
    assert wire.exchanges == []


def test_a_slow_sender_of_a_body_is_cut_off() -> None:
    wire = Wire(body_timeout_s=20)
    wire.feed(b"POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: 99\r\n\r\n")
    for second in range(20):
        wire.feed(b"x")
        wire.traffic.sweep(float(second))
    assert wire.transport.written == b""
    wire.traffic.sweep(20.0)
    assert error_of(wire.answers()[0])[0] == 408


def test_a_slow_sender_gets_the_answer_it_has_earned_first() -> None:
    wire = Wire(keep, header_timeout_s=10)
    wire.feed(get(1) + b"GET /2")
    wire.tick()
    wire.traffic.sweep(0.0)
    wire.traffic.sweep(10.0)
    later(wire.exchanges[0])
    assert [status for status, _, _ in wire.answers()] == [200, 408]


def test_a_connection_that_never_asks_is_closed_after_the_header_time() -> None:
    wire = Wire(header_timeout_s=10, idle_timeout_s=60)
    wire.traffic.sweep(0.0)
    wire.traffic.sweep(9.9)
    assert not wire.transport.is_closing()
    wire.traffic.sweep(10.0)
    assert wire.transport.is_closing()
    assert wire.transport.written == b""


def test_an_idle_connection_is_closed_after_the_idle_time() -> None:
    wire = Wire(header_timeout_s=10, idle_timeout_s=60)
    wire.traffic.sweep(0.0)
    wire.feed(get(1))
    wire.settle()
    wire.traffic.sweep(5.0)
    wire.traffic.sweep(64.9)
    assert not wire.transport.is_closing()
    wire.traffic.sweep(65.0)
    assert wire.transport.is_closing()


def test_each_request_gets_its_own_time() -> None:
    wire = Wire(header_timeout_s=10)
    for number in range(6):
        wire.feed(get(number)[5:] if number else get(number))
        wire.settle()
        wire.feed(b"GET /")
        wire.traffic.sweep(float(number * 8))
    assert wire.traffic.refused["timeout"] == 0
    assert len(wire.exchanges) == 6


def test_a_slow_handler_is_not_the_clients_fault() -> None:
    wire = Wire(keep, header_timeout_s=1, idle_timeout_s=1, max_pipeline=1)
    wire.feed(get(1) + b"GET /half")
    for second in range(100):
        wire.traffic.sweep(float(second))
    assert not wire.transport.is_closing()
    assert wire.transport.written == b""


def test_a_close_that_does_not_get_through_ends_in_an_abort() -> None:
    wire = Wire(write_timeout_s=20)
    wire.feed(b"GET / HTTP/1.0\r\n\r\n")
    wire.settle()
    assert wire.transport.is_closing()
    wire.traffic.sweep(0.0)
    wire.traffic.sweep(20.0)
    assert wire.transport.is_aborted()


def test_counters_count() -> None:
    wire = Wire()
    wire.feed(get(1) + get(2))
    written = wire.settle()
    traffic = wire.traffic
    assert (traffic.requests, traffic.answers, traffic.connections_opened) == (2, 2, 1)
    assert traffic.bytes_received == len(get(1) + get(2))
    assert traffic.bytes_sent == len(written)
