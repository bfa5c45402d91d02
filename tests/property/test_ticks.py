"""Whatever order bytes, ticks, late answers, faults and losses come in, every request of a
connection that lives gets one answer, its own, in its turn; and no tick is left undone.
"""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from regionkms.wire.http_connection import PlainConnection
from regionkms.wire.http_exchange import Exchange, Traffic
from regionkms.wire.http_limits import HttpLimits
from regionkms.wire.http_response import format_response
from tests.support.http_wire import MemoryTransport, read_answers

CLIENTS = 3
MALFORMED = b"BAD\0 / HTTP/1.1\r\n\r\n"
clients = st.integers(0, CLIENTS - 1)
sizes = st.sampled_from([10_000, 10_000, 10_000, 90, 40, 1])
rarely = st.sampled_from([False] * 9 + [True])


class Client:
    """One connection, what its client has yet to send, and what it has asked for."""

    def __init__(self, number: int, traffic: Traffic) -> None:
        self.number = number
        self.connection = PlainConnection(traffic, "http")
        self.transport = MemoryTransport()
        self.connection.connection_made(self.transport)
        self.unsent = b""
        self.asked: list[tuple[str, bytes]] = []
        self.malformed = 0
        self.done = False
        self.lost = False

    def ask(self, method: str, *, close: bool) -> None:
        mark = b"/%d/%d" % (self.number, len(self.asked))
        last = b"Connection: close\r\n" if close else b""
        self.unsent += b"%b %b HTTP/1.1\r\nHost: kms\r\n%bContent-Length: %d\r\n\r\n%b" % (
            method.encode(),
            mark,
            last,
            len(mark),
            mark,
        )
        self.asked.append((method, mark))
        self.done = close

    def deliver(self, size: int) -> None:
        if self.unsent and not self.lost and not self.transport.is_closing():
            data, self.unsent = self.unsent[:size], self.unsent[size:]
            self.connection.data_received(data)


class Ticks(RuleBasedStateMachine):
    """Clients of one loop, whose ticks end when the test says."""

    @initialize(max_pipeline=st.sampled_from([1, 2, 8]))
    def start(self, max_pipeline: int) -> None:
        self.soon: list[object] = []
        self.kept: list[Exchange] = []
        self.served: list[Exchange] = []
        self.plan: list[str] = []
        self.records_fail = False
        self.faults = 0
        self.traffic = Traffic(
            serve=self.serve,
            before_answers=lambda: not self.records_fail,
            call_soon=self.soon.append,
            limits=HttpLimits(max_pipeline=max_pipeline),
        )
        self.clients = [Client(number, self.traffic) for number in range(CLIENTS)]

    def serve(self, exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            self.served.append(exchange)
            match self.plan.pop() if self.plan else "now":
                case "later":
                    self.kept.append(exchange)
                case "fault":
                    self.faults += 1
                    raise ValueError("a fault of ours")
                case _:
                    answer(exchange)

    @rule(
        who=clients,
        methods=st.lists(st.sampled_from(["POST", "POST", "HEAD"]), min_size=1, max_size=5),
        size=sizes,
        end=rarely,
    )
    def ask(self, who: int, methods: list[str], size: int, *, end: bool) -> None:
        client = self.clients[who]
        if not client.done:
            for method in methods[:-1]:
                client.ask(method, close=False)
            client.ask(methods[-1], close=end)
        client.deliver(size)

    @rule(who=clients, really=rarely)
    def ask_nonsense(self, who: int, *, really: bool) -> None:
        client = self.clients[who]
        if really and not client.done:
            client.unsent += MALFORMED
            client.malformed, client.done = 1, True

    @rule(who=clients, size=sizes)
    def deliver(self, who: int, size: int) -> None:
        self.clients[who].deliver(size)

    @rule(plan=st.lists(st.sampled_from(["now", "later", "later", "fault"]), max_size=6))
    def tick(self, plan: list[str]) -> None:
        self.plan = plan
        self.end_tick()
        self.plan = []

    @rule()
    def fail_the_records_of_a_tick(self) -> None:
        self.records_fail, self.faults = True, self.faults + 1
        self.end_tick()
        self.records_fail = False

    @rule(which=st.integers(0, 100))
    def answer_late(self, which: int) -> None:
        if self.kept:
            answer(self.kept.pop(which % len(self.kept)))

    @rule(who=clients, really=rarely)
    def lose(self, who: int, *, really: bool) -> None:
        client = self.clients[who]
        if really and not client.lost:
            client.lost = True
            client.transport.abort()
            client.connection.connection_lost(None)

    @rule(who=clients)
    def stop_reading(self, who: int) -> None:
        if not self.clients[who].transport.is_closing():
            self.clients[who].connection.pause_writing()

    def end_tick(self) -> None:
        soon, self.soon[:] = self.soon[:], []
        for callback in soon:
            callback()  # type: ignore[operator]  # what Traffic gives call_soon

    def teardown(self) -> None:
        if not hasattr(self, "traffic"):
            return
        for _ in range(2 + sum(2 + len(client.asked) for client in self.clients)):
            for client in self.clients:
                if not client.lost and not client.transport.is_closing():
                    client.connection.resume_writing()
                    client.deliver(10_000 if client.transport.is_reading() else 0)
            while self.kept:
                answer(self.kept.pop())
            self.end_tick()
        traffic = self.traffic
        assert (self.soon, traffic.due, traffic.held, traffic.arrived) == ([], False, [], [])
        assert len(self.served) == len({id(exchange) for exchange in self.served})
        for client in self.clients:
            if not client.lost:
                self.check(client)

    def check(self, client: Client) -> None:
        methods = tuple(method for method, _ in client.asked)
        answers = read_answers(bytes(client.transport.written), methods)
        assert len(answers) == len(client.asked) + client.malformed
        for (method, mark), (status, _, body) in zip(client.asked, answers, strict=False):
            if status == 500:
                assert self.faults
            else:
                assert (status, body) == (200, b"" if method == "HEAD" else mark + mark)


def answer(exchange: Exchange) -> None:
    """Answer with what was asked, unless a fault has answered already."""
    if not exchange.answered:
        exchange.respond(format_response(200, b"", exchange.target + exchange.body))


TestTicks = Ticks.TestCase
TestTicks.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
