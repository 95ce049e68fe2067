"""One connection on an event loop, with a transport that only takes note."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tailrace.core.chunked import BodyError, ChunkedBody, OpenBody, SizedBody
from tailrace.core.heads import HeadError
from tailrace.transports import connection as module
from tailrace.transports.connection import AbortedError, Connection, WaitOverError
from tailrace.transports.moving_timer import MovingTimer

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.paused = self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def on_a_loop(work: Callable[[Any, Any], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that is given a connection and its transport."""

    def test() -> None:
        async def main() -> None:
            connection, transport = Connection(asyncio.get_running_loop()), Transport()
            connection.connection_made(transport)  # type: ignore[arg-type]
            await work(connection, transport)

        asyncio.run(main())

    return test


def asking(connection: Connection, wait: float | None = None) -> asyncio.Task[Any]:
    loop = asyncio.get_running_loop()
    timer = MovingTimer(loop, connection.expire)
    return asyncio.create_task(connection.ask(b"head", b"body", timer, wait))


@on_a_loop
async def test_an_answer(connection: Connection, transport: Transport) -> None:
    task = asking(connection)
    await asyncio.sleep(0)
    assert transport.written == [b"headbody"]
    connection.data_received(HEAD[:9])
    connection.data_received(HEAD[9:] + b"bo")
    head = await task
    assert (head.status, head.rest) == (200, b"bo")
    connection.begin_body(SizedBody(4), head.rest)
    connection.data_received(b"dy")
    assert (connection.take(), connection.done, connection.flowing) == (b"body", True, False)
    assert connection.rest(), "it can serve another request"


class LateArrival(module.Arrival):
    """Resumes its task in the loop's next round, as a future does."""

    def arrive(self) -> None:
        self.arrive_soon()


@on_a_loop
async def test_bytes_between_the_head_and_its_body(
    connection: Connection, transport: Transport
) -> None:
    connection.arrival = LateArrival(asyncio.get_running_loop())
    task = asking(connection)
    await asyncio.sleep(0)
    connection.data_received(HEAD)
    connection.data_received(b"one")
    assert transport.paused
    head = await task
    connection.begin_body(SizedBody(6), head.rest)
    assert not transport.paused
    connection.data_received(b"two")
    assert connection.take() == b"onetwo"


@on_a_loop
async def test_the_sender_waits_while_too_much_is_unread(
    connection: Connection, transport: Transport
) -> None:
    connection.begin_body(OpenBody(), b"")
    packet = b"x" * 1000
    for _ in range(module.READ_BUFFER // 1000):
        connection.data_received(packet)
    assert not transport.paused
    connection.data_received(packet)
    assert transport.paused
    assert len(connection.take()) == (module.READ_BUFFER // 1000 + 1) * 1000
    assert not transport.paused
    connection.data_received(packet)
    connection.data_received(packet)
    assert not transport.paused, "what was taken counts no more"


def test_what_is_unread_costs_the_same_however_many_packets_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        connection = Connection(asyncio.get_running_loop())
        connection.connection_made(Transport())  # type: ignore[arg-type]
        connection.begin_body(OpenBody(), b"")
        counted = [0]

        class Piece(bytes):
            def __len__(self) -> int:
                counted[0] += 1
                return super().__len__()

        for _ in range(1000):
            connection.data_received(Piece(b"x"))
        assert counted[0] < 5000, "each packet may be looked at a few times, not once a packet"

    monkeypatch.setattr(module, "READ_BUFFER", math.inf)
    asyncio.run(main())


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda one: one.connection_lost(ConnectionResetError()), ConnectionResetError),
        (lambda one: one.connection_lost(None), BodyError),
        (lambda one: one.data_received(b"what?\r\n"), BodyError),
        (lambda one: one.cut(), AbortedError),
    ],
)
def test_a_failure_stands_behind_what_came_before(end: Any, kind: type[Exception]) -> None:
    @on_a_loop
    async def work(connection: Connection, transport: Transport) -> None:
        connection.begin_body(ChunkedBody(), b"5\r\nbegun\r\n")
        end(connection)
        assert not connection.flowing
        assert connection.take() == b"begun"
        assert isinstance(connection.failure, kind)
        assert not connection.done
        assert not connection.rest()

    work()


def test_a_time_that_is_over_ends_a_wait_and_nothing_else() -> None:
    @on_a_loop
    async def work(connection: Connection, transport: Transport) -> None:
        connection.begin_body(ChunkedBody(), b"")
        connection.expire()
        assert connection.flowing, "nobody waited: the time was that of an earlier wait"
        task = asyncio.create_task(_wait(connection))
        await asyncio.sleep(0)
        connection.expire()
        await task
        assert not connection.flowing
        assert isinstance(connection.failure, WaitOverError)

    work()


async def _wait(connection: Connection) -> None:
    await connection.arrival


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda one: one.connection_lost(None), HeadError),
        (lambda one: one.connection_lost(ConnectionResetError()), ConnectionResetError),
        (lambda one: one.data_received(b"SSH-2.0"), HeadError),
        (lambda one: one.expire(), WaitOverError),
        (lambda one: one.cut(), AbortedError),
    ],
)
def test_a_failure_before_the_head(end: Any, kind: type[Exception]) -> None:
    @on_a_loop
    async def work(connection: Connection, transport: Transport) -> None:
        task = asking(connection)
        await asyncio.sleep(0)
        end(connection)
        with pytest.raises(kind):
            await task

    work()


@on_a_loop
async def test_the_end_of_the_connection_ends_an_open_body(
    connection: Connection, transport: Transport
) -> None:
    connection.begin_body(OpenBody(), b"all")
    connection.connection_lost(None)
    assert (connection.take(), connection.done, connection.failure) == (b"all", True, None)
    assert not connection.rest()


@on_a_loop
async def test_one_that_ended_with_its_head_has_its_body_all_the_same(
    connection: Connection, transport: Transport
) -> None:
    connection._body = SizedBody(0)  # as if an answer had been read before
    connection.connection_lost(None)
    connection.begin_body(OpenBody(), b"all")
    assert (connection.take(), connection.done) == (b"all", True)


@on_a_loop
async def test_more_than_was_asked_for_spoils_the_connection(
    connection: Connection, transport: Transport
) -> None:
    connection.begin_body(SizedBody(2), b"okHTTP/1.1 200 OK")
    connection.data_received(b"and more")
    assert connection.take() == b"ok"
    assert not connection.rest()


@on_a_loop
async def test_what_nobody_asked_for_closes_an_idle_connection(
    connection: Connection, transport: Transport
) -> None:
    connection.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert transport.aborted
    assert not connection.is_connected
