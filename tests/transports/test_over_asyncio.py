"""The asynchronous wire, against the contract of all wires."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from typing import Any

import pytest
import uvloop

from tailrace.procedures.wire import ConnectFailed, ConnectionLost, ConnectTimedOut
from tailrace.transports.check import WIRE_CHECKS, check_wire
from tailrace.transports.check_server import PATIENCE, Peer, Server
from tailrace.transports.check_world import Work, asking, failing, fetched, opened, whole
from tailrace.transports.over_asyncio import AsyncioWire

COMPLAINTS: list[object] = []


def on(factory: Callable[[], asyncio.AbstractEventLoop] | None, *, debug: bool = False) -> Any:
    """A way to run work on a loop whose complaints are kept."""

    async def main(work: Work) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: COMPLAINTS.append(context))
        await work()

    def run(work: Work) -> None:
        with asyncio.Runner(debug=debug, loop_factory=factory) as runner:
            runner.run(main(work))

    return run


LOOPS = {"asyncio": on(None), "debug": on(None, debug=True), "uvloop": on(uvloop.new_event_loop)}


@pytest.fixture(autouse=True)
def _nobody_complains() -> Iterator[None]:
    """Neither a loop nor the garbage collector finds anything left open."""
    COMPLAINTS.clear()
    gc.freeze()  # what was there before need not be looked through
    yield
    gc.collect()
    gc.unfreeze()
    assert not COMPLAINTS


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("check", WIRE_CHECKS)
def test_wire(check: str, loop: str) -> None:
    check_wire(AsyncioWire, run=LOOPS[loop], only=[check])


def polite(peer: Peer) -> None:
    for asked in peer.requests():
        peer.answer(asked.body)


def begun(peer: Peer) -> None:
    """Begin every answer and leave it there."""
    for _ in peer.requests():
        peer.head("transfer-encoding: chunked")
        peer.chunk(b"begun")


@pytest.mark.parametrize("loop", LOOPS)
def test_one_client_outlives_loops(loop: str) -> None:
    with Server(polite) as server:
        wire = AsyncioWire()
        for _ in range(3):
            LOOPS[loop](partial(fetched, wire, server.url))
        assert server.connections == 3


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_may_be_dropped_while_its_loop_runs(loop: str) -> None:
    gone: list[bool] = []

    def script(peer: Peer) -> None:
        for asked in peer.requests():
            peer.answer(asked.body)
        gone.append(True)

    async def work() -> None:
        await fetched(AsyncioWire(), server.url)
        gc.collect()
        for _ in range(500):
            if gone:
                return
            await asyncio.sleep(0.01)

    with Server(script) as server:
        LOOPS[loop](work)
    assert gone == [True]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_read_takes_nothing(loop: str) -> None:
    go_on = Event()

    def script(peer: Peer) -> None:
        for _ in peer.requests():
            peer.head("transfer-encoding: chunked")
            assert go_on.wait(PATIENCE)
            peer.chunk(b"begun")

    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        reading = asyncio.create_task(incoming.read(PATIENCE))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        go_on.set()
        assert await incoming.read(PATIENCE) == b"begun"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(incoming.read(PATIENCE), 0.01)
        await incoming.close()
        await opened(wire, server.url)
        assert server.connections == 2, "a connection in use was used again"
        await wire.close()

    with Server(script) as server:
        LOOPS[loop](work)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_open_leaves_nothing(loop: str) -> None:
    asked = Event()
    closed: list[bool] = []

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        closed.append(peer.client_closed())

    async def work() -> None:
        wire = AsyncioWire()
        opening = asyncio.create_task(opened(wire, server.url))
        while not asked.is_set():
            await asyncio.sleep(0.005)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await wire.close()

    with Server(script) as server:
        LOOPS[loop](work)
    assert closed == [True]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_task_can_abort_another_ones_read(loop: str) -> None:
    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        assert await incoming.read(PATIENCE) == b"begun"
        asyncio.get_running_loop().call_soon(incoming.abort)
        await failing(ConnectionLost, incoming.read(PATIENCE))
        await wire.close()

    with Server(begun) as server:
        LOOPS[loop](work)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_came_before_a_break_is_not_lost_on_a_slow_reader(loop: str) -> None:
    broken = Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.head("transfer-encoding: chunked")
        for _ in range(100):
            peer.chunk(b"x" * 100)
        peer.close()
        broken.set()

    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        assert broken.wait(PATIENCE)
        await asyncio.sleep(0.05)  # now all of it is there, break and all, before the first read
        assert len(await incoming.read(PATIENCE)) == 10_000
        await failing(ConnectionLost, incoming.read(PATIENCE))
        await wire.close()

    with Server(script) as server:
        LOOPS[loop](work)


@pytest.mark.parametrize("loop", LOOPS)
def test_all_that_is_there_comes_in_one_read(loop: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.head("transfer-encoding: chunked")
        peer.chunk(*[b"data: {}\n\n"] * 50)
        peer.last_chunk()

    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        await asyncio.sleep(0.05)
        assert await incoming.read(PATIENCE) == b"data: {}\n\n" * 50
        await wire.close()

    with Server(script) as server:
        LOOPS[loop](work)


@pytest.mark.parametrize("loop", LOOPS)
def test_an_idle_connection_that_is_reset_is_nobodys_complaint(loop: str) -> None:
    reset = Event()

    def script(peer: Peer) -> None:
        asked = peer.request()
        assert asked is not None
        peer.answer(asked.body)
        if peer.number == 1:
            peer.reset()
            reset.set()
        else:
            peer.client_closed()

    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        assert await whole(incoming) == b"{}"
        assert reset.wait(PATIENCE)
        await asyncio.sleep(0.05)
        assert await fetched(wire, server.url) == b"{}"
        assert incoming.response.is_closed
        await wire.close()

    with Server(script) as server:
        LOOPS[loop](work)


@pytest.mark.parametrize("loop", LOOPS)
def test_many_tasks_share_a_wire(loop: str) -> None:
    async def one(wire: AsyncioWire, number: int) -> None:
        content = f"task {number}".encode()
        request = asking(server.url, content=content)
        incoming = await wire.open(request, connect=PATIENCE, wait=PATIENCE)
        assert await whole(incoming) == content

    async def work() -> None:
        wire = AsyncioWire(max_connections=4)
        await asyncio.gather(*(one(wire, number) for number in range(40)))
        await wire.close()
        assert server.connections == 4

    with Server(polite) as server:
        LOOPS[loop](work)


def test_beyond_its_connections_a_wire_waits_for_one() -> None:
    async def work() -> None:
        wire = AsyncioWire(max_connections=1)
        incoming = await opened(wire, server.url)
        waiting = wire.open(asking(server.url), connect=0.02, wait=PATIENCE)
        await failing(ConnectTimedOut, waiting)
        await incoming.close()
        await opened(wire, server.url)
        await wire.close()

    with Server(begun) as server:
        asyncio.run(work())


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_ends_another_tasks_read(loop: str) -> None:
    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        assert await incoming.read(PATIENCE) == b"begun"
        reading = asyncio.create_task(incoming.read(PATIENCE))
        await asyncio.sleep(0)
        await incoming.close()
        await failing(ConnectionLost, reading)
        await wire.close()

    with Server(begun) as server:
        LOOPS[loop](work)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Who are you?\r\ncontent-length: 0\r\n\r\n", "the proxy answered 407"),
        (b"SSH-2.0\r\n\r\n", "through the proxy: the answer is not HTTP/1.1"),
        (b"", "through the proxy: the connection ended before its headers"),
    ],
)
def test_what_a_proxy_says_is_passed_on(answer: bytes, words: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)

    async def work() -> None:
        wire = AsyncioWire(proxy=server.url)
        error = await failing(ConnectFailed, opened(wire, "https://127.0.0.1:9"))
        assert words in str(error)
        await wire.close()

    with Server(script) as server:
        LOOPS["asyncio"](work)


def test_an_answer_that_was_aborted_leaves_no_timer_behind() -> None:
    async def work() -> None:
        wire = AsyncioWire()
        incoming = await opened(wire, server.url)
        assert await incoming.read(PATIENCE) == b"begun"
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(incoming.read(PATIENCE), 0.001)  # sets the timer
        incoming.abort()
        await incoming.close()
        assert incoming._timer._handle is None
        await wire.close()

    with Server(begun) as server:
        LOOPS["asyncio"](work)
