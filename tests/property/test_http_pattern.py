"""A head that is read by its pattern gives what the parser gives, for whatever bytes come."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_receiver import RequestRefusedError
from tests.support.http_receiver import Request, receiver_into

DATE = b"20261124T230805Z"
SIGNATURE = b"3f" * 32
INVOCATION = b"3d3d1f0e-6bd7-4c0f-9f0c-0c5a9ad3d1c1"
LEARNT_BODY = b'{"KeyId":"1234abcd"}'


def request(
    *,
    date: bytes = DATE,
    signature: bytes = SIGNATURE,
    invocation: bytes = INVOCATION,
    body: bytes = LEARNT_BODY,
    length: bytes | None = None,
    target: bytes = b"TrentService.Encrypt",
) -> bytes:
    return b"\r\n".join(
        (
            b"POST / HTTP/1.1",
            b"Host: kms.example.com",
            b"X-Amz-Target: " + target,
            b"User-Agent: Boto3/1.44.8",
            b"X-Amz-Date: " + date,
            b"Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261124/eu-west-1/kms/aws4_request,"
            b" SignedHeaders=host;x-amz-date, Signature=" + signature,
            b"amz-sdk-invocation-id: " + invocation,
            b"Content-Length: " + (length or b"%d" % len(body)),
            b"",
            body,
        )
    )


class Seen:
    """What a receiver makes of slices: requests, then perhaps a refusal."""

    def __init__(self, *, learnt: bool, limits: HttpLimits | None = None) -> None:
        self.requests: list[Request] = []
        self.receiver = receiver_into(self.requests, limits)
        if learnt:
            self.receiver.feed(request())
            assert len(self.receiver._patterns) == (0 if limits else 1)
            self.requests.clear()

    def of(self, *slices: bytes) -> tuple[object, ...]:
        refusal = None
        try:
            for data in slices:
                self.receiver.feed(data)
        except RequestRefusedError as refused:
            refusal = (refused.refusal, refused.message)
        requests = [
            (method, target, tuple(headers.items()), body, marks)
            for method, target, headers, body, marks in self.requests
        ]
        return requests, refusal, self.receiver.state


def both(*slices: bytes) -> None:
    assert Seen(learnt=True).of(*slices) == Seen(learnt=False).of(*slices)


VALUE = st.text(alphabet="0123456789abcdefXYZ-_ \t\r\n:,;", min_size=1, max_size=66).map(str.encode)


@given(
    date=st.one_of(st.just(DATE), VALUE.map(lambda v: v.ljust(16, b"0")[:16])),
    signature=st.one_of(st.just(SIGNATURE), VALUE.map(lambda v: v.ljust(64, b"a")[:64])),
    invocation=st.one_of(st.just(INVOCATION), VALUE.map(lambda v: v.ljust(36, b"-")[:36])),
    body=st.binary(min_size=10, max_size=99),
    length=st.one_of(st.none(), st.sampled_from([b"19", b"20", b"21", b"-1", b"+9", b"1_", b" 9"])),
)
@settings(max_examples=400, deadline=None)
def test_values_that_differ_are_read_as_the_parser_reads_them(**parts: Any) -> None:
    both(request(**parts))


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_changed_byte_is_read_as_the_parser_reads_it(data: st.DataObject) -> None:
    whole = bytearray(request())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b"\r\n :-0aZ")))
    both(bytes(whole))


@given(cuts=st.lists(st.integers(0, 2 * len(request())), max_size=4))
@settings(max_examples=200, deadline=None)
def test_slices_that_are_no_whole_request_are_read_as_the_parser_reads_them(
    cuts: list[int],
) -> None:
    stream = request() + request(body=b'{"KeyId":"other key"}')
    bounds = sorted({0, *cuts, len(stream)})
    slices = [stream[start:end] for start, end in pairwise(bounds) if end > start]
    both(*slices)


def test_a_request_that_fits_its_pattern_does_not_enter_the_parser() -> None:
    seen = Seen(learnt=True)
    in_parser = seen.receiver._slice
    seen.receiver.feed(request(date=b"20270101T000000Z", signature=b"0a" * 32, body=b"x" * 55))
    assert len(seen.requests) == 1
    assert seen.receiver._slice is in_parser


def test_no_pattern_is_learnt_where_bodies_are_bounded_below_a_slice() -> None:
    limits = HttpLimits(max_body_bytes=100)
    slices = (request(body=b"y" * 101),)
    learnt, fresh = Seen(learnt=True, limits=limits), Seen(learnt=False, limits=limits)
    assert learnt.of(*slices) == fresh.of(*slices)


def test_a_header_that_comes_twice_is_never_part_of_a_pattern() -> None:
    twice = request().replace(b"\r\nUser-Agent", b"\r\nX-Amz-Date: 1\r\nUser-Agent")
    seen = Seen(learnt=False)
    seen.receiver.feed(twice)
    assert not seen.receiver._patterns


def test_a_client_whose_heads_always_differ_is_learnt_a_bounded_number_of_times() -> None:
    seen = Seen(learnt=False)
    for number in range(300):
        seen.receiver.feed(request(target=b"TrentService.%s" % (b"E" * (number % 40 + 1))))
    assert seen.receiver._learnt == 64
    assert len(seen.receiver._patterns) <= 8
