"""Reading an answer from a blocking socket."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tailrace.core.chunked import Body, ChunkedBody, OpenBody, SizedBody
from tailrace.core.http import Response
from tailrace.procedures.wire import ConnectionLost, WaitTimedOut, settle
from tailrace.transports import blocking
from tailrace.transports.answers import Answer
from tailrace.transports.blocking import BlockingIncoming
from tailrace.transports.inflate import inflate_for
from tailrace.transports.leases import Pool

KEY = ("http", "host", 80)


class Fake:
    """A socket, its file, its connection and its answer, all in one; `packets` are to come."""

    def __init__(self, *packets: bytes | Exception, buffered: bytes = b"") -> None:
        self.packets = list(packets)
        self.fp = self
        self.buffered = buffered
        self.will_close = False
        self.is_connected = True
        self.closed = 0
        self.timeouts: list[float | None] = []
        self.received = 0

    def recv(self, size: int) -> bytes:
        self.received += 1
        packet = self.packets.pop(0) if self.packets else b""
        if isinstance(packet, Exception):
            raise packet
        return packet

    def read1(self, size: int) -> bytes:
        buffered, self.buffered = self.buffered, b""
        return buffered or self.recv(size)

    def settimeout(self, seconds: float | None) -> None:
        self.timeouts.append(seconds)

    def close(self) -> None:
        self.closed += 1

    def fileno(self) -> int:
        return -1


def incoming(fake: Any, body: Body, pool: Pool | None = None, **options: Any) -> BlockingIncoming:
    lease = (pool or Pool(1)).lease(KEY, 0.0)
    assert lease is not None
    lease.hold(fake, fake)
    reusable = not (fake.will_close or isinstance(body, OpenBody))
    answer = Answer(Response(200), body, options.get("inflate"), fake.buffered, reusable)
    return BlockingIncoming(answer, lease, fake)


def read(answer: BlockingIncoming, wait: float | None = 5.0) -> bytes:
    return settle(answer.read(wait))


EVENT = b"16\r\nevent: ping\ndata: {}\n\n\r\n"


def test_all_chunks_of_a_packet_come_in_one_read() -> None:
    fake = Fake(EVENT * 50, EVENT + b"0\r\n\r\n", buffered=EVENT * 2)
    answer = incoming(fake, ChunkedBody())
    assert [len(read(answer)) // 22 for _ in range(4)] == [2, 50, 1, 0]
    assert fake.received == 2, "at its end nothing more may be asked of the socket"


def test_what_is_no_data_is_not_returned_as_if_it_were_the_end() -> None:
    answer = incoming(Fake(b"16", b"\r\n", b"event", buffered=b"1\r\nx\r\n"), ChunkedBody())
    assert [read(answer), read(answer)] == [b"x", b"event"]


def test_the_timeout_is_set_only_when_it_changes() -> None:
    fake = Fake(*[b"x"] * 10, buffered=b"x")
    answer = incoming(fake, OpenBody())
    for wait in (5.0, 5.0, 5.0000001, 4.9999999, 4.9996):
        read(answer, wait)
    assert len(fake.timeouts) == 1
    for wait in (None, None, 0.0, 60.0):
        read(answer, wait)
    assert fake.timeouts[1] is None
    assert all((seconds or 1) > 0 for seconds in fake.timeouts), "0 would mean not to wait at all"
    assert len(fake.timeouts) == 4


@pytest.mark.parametrize("wait", [0.0, 0.01, 5.0, 4.9994, 5.0006, 4.0, 6.0])
def test_the_timeout_is_never_shorter_than_the_wait(wait: float) -> None:
    fake = Fake(*[b"x"] * 10, buffered=b"x")
    answer = incoming(fake, OpenBody())
    read(answer, 5.0)
    read(answer, wait)
    assert wait <= (fake.timeouts[-1] or 0.0) <= wait + 0.001


def test_a_whole_body_gives_the_connection_back_at_once() -> None:
    fake, pool = Fake(b"12345"), Pool(1)
    answer = incoming(fake, SizedBody(5), pool)
    assert read(answer) == b"12345"
    assert answer.response.is_closed
    assert pool.take(KEY) is fake
    settle(answer.close())
    answer.abort()
    assert read(answer) == b""
    assert fake.closed == 0


def test_a_body_of_nothing_gives_it_back_unread() -> None:
    fake, pool = Fake(), Pool(1)
    answer = incoming(fake, SizedBody(0), pool)
    assert pool.take(KEY) is fake
    assert (read(answer), fake.received) == (b"", 0)


@pytest.mark.parametrize("flaw", ["extra", "will_close", "open"])
def test_not_every_whole_body_leaves_the_connection_usable(flaw: str) -> None:
    fake, pool = Fake(b"12345" + b"extra" * (flaw == "extra")), Pool(1)
    fake.will_close = flaw == "will_close"
    answer = incoming(fake, OpenBody() if flaw == "open" else SizedBody(5), pool)
    assert [read(answer), read(answer)] == [b"12345", b""]
    assert pool.take(KEY) is None
    assert fake.closed == 1


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (TimeoutError("timed out"), WaitTimedOut),
        (ConnectionResetError(104, "Connection reset by peer"), ConnectionLost),
        (b"", ConnectionLost),
    ],
)
def test_after_a_failure_it_stays_lost(failure: Any, error: type[Exception]) -> None:
    fake = Fake(b"\r\n" + EVENT[:5], failure, buffered=b"2\r\nok")
    answer = incoming(fake, ChunkedBody())
    assert (read(answer), read(answer)) == (b"ok", b"e")
    with pytest.raises(error) as caught:
        read(answer)
    assert caught.value.__cause__ is not None
    with pytest.raises(ConnectionLost):
        read(answer)
    assert (fake.closed, answer.response.is_closed) == (1, True)


def test_what_came_before_malformed_framing_is_not_lost() -> None:
    answer = incoming(Fake(EVENT + b"nonsense\r\n"), ChunkedBody())
    assert read(answer) == EVENT[4:-2]
    with pytest.raises(ConnectionLost, match="size line"):
        read(answer)


def test_a_compressed_body_cut_short_is_lost() -> None:
    answer = incoming(Fake(b"\x1f\x8b\x08"), SizedBody(3), inflate=inflate_for("gzip"))
    with pytest.raises(ConnectionLost, match="compressed"):
        read(answer)


def test_size_lines_that_drip_do_not_set_the_wait_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    fake = Fake(*[b"0"] * 8, buffered=b"1\r\nx\r\n")
    answer = incoming(fake, ChunkedBody())
    monkeypatch.setattr(blocking, "monotonic", lambda: clock.append(clock[-1] + 1) or clock[-1])
    assert read(answer) == b"x"
    with pytest.raises(ConnectionLost):
        read(answer, 5.0)
    shrinking = fake.timeouts[1:]
    assert shrinking == sorted(shrinking, reverse=True)
    assert shrinking[-1] < 0.01


def test_a_key_pressed_while_reading_leaves_it_closable() -> None:
    fake = Fake(buffered=b"x")
    answer = incoming(fake, OpenBody())
    assert read(answer) == b"x"

    def interrupted(size: int) -> bytes:
        raise KeyboardInterrupt

    fake.recv = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        read(answer)
    answer.abort()
    assert fake.closed == 1


def test_dropping_it_unread_closes_the_connection() -> None:
    near, far = socket.socketpair()
    with near, far:
        fake: Any = Fake()
        fake.fileno = near.fileno
        answer: BlockingIncoming | None = incoming(fake, OpenBody())
        assert answer is not None
        answer = None
        assert far.recv(1) == b""
        assert fake.closed == 1
