"""What `test_closing` shows of threads, for tasks: on asyncio, on uvloop and on trio.

asyncio runs in its debug mode, and whatever it would hand to its exception handler is a failure.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import anyio
import pytest
from tests.corpus import body, starts, text
from tests.e2e.readers import ASKED, SUSPENDED, saying
from tests.e2e.stream_server import Play, StreamServer

from tailrace import AsyncAnthropic, AsyncMessageStream, StreamClosedError, StreamTruncatedError

BEGUN = Play(body([starts(), *text(0, "Half", " a reply")[:-1]]), end="stall")
SLOW = 60.0  # seconds after which asyncio's debug mode would complain of a slow step

Work = Callable[[AsyncAnthropic], Awaitable[None]]


class Stop(Exception):
    """What the body of a `with` raises here."""


class World(NamedTuple):
    """An asynchronous client of a kind, on an event loop of a kind."""

    backend: str
    options: dict[str, Any]
    over_httpx2: bool
    server: StreamServer

    def run(self, work: Work) -> None:
        """Run some work with a client."""
        anyio.run(self._main, work, backend=self.backend, backend_options=self.options)

    async def left(self, connections: int = 1) -> bool:
        """Whether the server sees so many connections left, within seconds."""
        return await anyio.to_thread.run_sync(self.server.wait_until_left, connections)

    async def _main(self, work: Work) -> None:
        complaints = _complaints() if self.backend == "asyncio" else []
        options: dict[str, Any] = {
            "base_url": self.server.url,
            "api_key": "k",
            "max_retries": 0,
        }
        if self.over_httpx2:
            import httpx2

            async with httpx2.AsyncClient() as http:
                await work(AsyncAnthropic(http_client=http, **options))
        else:
            async with AsyncAnthropic(**options) as client:
                await work(client)
        await anyio.sleep(0)
        assert not complaints


def _complaints() -> list[Any]:
    """Whatever the event loop would log, from now on."""
    complaints: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = SLOW
    loop.set_exception_handler(lambda loop, context: complaints.append(context))
    return complaints


ASYNCIO = {
    "asyncio": ({"debug": True}, False),
    "uvloop": ({"debug": True, "use_uvloop": True}, False),
    "httpx2": ({"debug": True}, True),
}


@pytest.fixture(params=[*ASYNCIO, pytest.param("httpx2-trio", marks=SUSPENDED)])
def world(request: pytest.FixtureRequest, server: StreamServer) -> World:
    if "httpx2" in request.param:
        pytest.importorskip("httpx2")
    if "trio" in request.param:
        pytest.importorskip("trio")
        return World("trio", {}, True, server)
    return World("asyncio", *ASYNCIO[request.param], server)


@pytest.fixture(params=ASYNCIO)
def on_asyncio(request: pytest.FixtureRequest, server: StreamServer) -> World:
    if "httpx2" in request.param:
        pytest.importorskip("httpx2")
    return World("asyncio", *ASYNCIO[request.param], server)


async def read_to_the_stall(stream: AsyncMessageStream) -> None:
    assert await anext(stream.text_stream) + await anext(stream.text_stream) == "Half a reply"


def arrived(stream: AsyncMessageStream) -> str:
    return stream.current_message_snapshot.content[0].text


async def say(client: AsyncAnthropic, said: str) -> str:
    async with client.messages.stream(**saying(said)) as stream:
        return await stream.get_final_text()


# -- left by the reader ------------------------------------------------------------------------


def test_a_break(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            async for _ in stream.text_stream:
                break
        assert await world.left()
        assert arrived(stream) == "Half"

    world.server.play(BEGUN)
    world.run(work)


def test_an_exception(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        for begun in (client.messages.stream(**ASKED), await raw_stream(client)):
            with pytest.raises(Stop):
                await fail_in(begun)
        assert await world.left(2)

    world.server.play(BEGUN, BEGUN)
    world.run(work)


async def raw_stream(client: AsyncAnthropic) -> Any:
    return await client.messages.create(stream=True, **ASKED)


async def fail_in(stream: Any) -> None:
    async with stream:
        raise Stop


def test_cancelling_while_a_read_waits(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await read_to_the_stall(stream)
            with anyio.move_on_after(0.02) as scope:
                await anext(stream.text_stream)
            assert scope.cancelled_caught
            assert await world.left()  # without leaving the `with`
        assert arrived(stream) == "Half a reply"

    world.server.play(BEGUN)
    world.run(work)


def test_cancelling_while_the_answer_is_awaited(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(raw_stream, client)
            await anyio.to_thread.run_sync(world.server.wait_for_requests)
            tasks.cancel_scope.cancel()
        assert await world.left()

    world.server.play(Play(end="silent"))
    world.run(work)


def test_asyncio_timeout_around_a_read(on_asyncio: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await read_to_the_stall(stream)
            with pytest.raises(TimeoutError):
                await timed(anext(stream.text_stream))
            assert await on_asyncio.left()
        assert arrived(stream) == "Half a reply"

    on_asyncio.server.play(BEGUN)
    on_asyncio.run(work)


async def timed(read: Awaitable[Any]) -> None:
    async with asyncio.timeout(0.02):
        await read


def test_a_cancelled_task(on_asyncio: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        stream = await client.messages.stream(**ASKED).__aenter__()
        await read_to_the_stall(stream)
        task = asyncio.create_task(stream.get_final_message())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await on_asyncio.left()
        assert arrived(stream) == "Half a reply"

    on_asyncio.server.play(BEGUN)
    on_asyncio.run(work)


def test_ctrl_c_while_a_read_waits(on_asyncio: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await read_to_the_stall(stream)
            main = threading.main_thread().ident
            asyncio.get_running_loop().call_later(0.02, signal.pthread_kill, main, signal.SIGINT)
            await anext(stream.text_stream)

    on_asyncio.server.play(BEGUN)
    with pytest.raises(KeyboardInterrupt):
        on_asyncio.run(work)
    assert on_asyncio.server.wait_until_left()


@pytest.mark.parametrize("how", ["events", "text", "raw", "for", "manager"])
def test_the_last_reference_is_dropped(world: World, how: str, no_collector: None) -> None:
    async def work(client: AsyncAnthropic) -> None:
        await drop(client, how)
        assert await world.left()

    world.server.play(BEGUN)
    world.run(work)


async def drop(client: AsyncAnthropic, how: str) -> None:
    """Begin to read in one of several ways, and let go of everything."""
    manager = client.messages.stream(**ASKED)
    if how == "raw":
        await anext(await raw_stream(client))
    elif how == "for":
        async for _ in await raw_stream(client):
            break
    elif how == "text":
        pieces = (await manager.__aenter__()).text_stream
        del manager
        assert await anext(pieces) == "Half"
    else:
        stream = await manager.__aenter__()
        if how == "events":
            del manager
        await anext(stream)


def test_dropped_after_its_loop_has_ended(server: StreamServer, no_collector: None) -> None:
    async def main() -> Any:
        return await AsyncAnthropic(base_url=server.url, api_key="k").messages.create(
            stream=True, **ASKED
        )

    server.play(BEGUN)
    stream = asyncio.run(main(), debug=True)
    assert server.wait_until_left()  # the client was dropped, and its loop has ended
    del stream


def test_a_reply_that_failed_is_over_for_a_client_of_your_own(world: World) -> None:
    """Once its `with` is left, not when the next request is made."""
    if not world.over_httpx2:
        pytest.skip("only a client of your own outlives Tailrace's")

    async def work(client: AsyncAnthropic) -> None:
        with pytest.raises(StreamTruncatedError):
            async with client.messages.stream(**ASKED) as stream:
                await stream.until_done()
        wire: Any = client._shared.wire()
        assert wire._client._transport._pool.connections == []

    world.server.play(BEGUN._replace(end="reset"))
    world.run(work)


# -- closed ------------------------------------------------------------------------------------


def test_close_from_another_task_ends_a_read(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await read_to_the_stall(stream)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(close_soon, stream)
                with pytest.raises(StreamClosedError) as caught:
                    await anext(stream.text_stream)
        assert await world.left()
        assert caught.value.partial is not None
        assert caught.value.partial.content[0].text == "Half a reply"

    world.server.play(BEGUN)
    world.run(work)


async def close_soon(stream: AsyncMessageStream) -> None:
    await anyio.sleep(0.02)
    await stream.close()


def test_closing_twice_is_closing_once(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await anext(stream)
            await stream.close()
            assert await world.left()
            await stream.aclose()
        assert len(world.server.connections) == 1

    world.server.play(BEGUN)
    world.run(work)


def test_a_closed_client_can_be_used_again(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        for _ in range(2):
            assert await say(client, "Hello") == "Hello"
            await client.close()
            assert client.is_closed

    world.run(work)


# -- reused ------------------------------------------------------------------------------------


def test_a_complete_reply_leaves_its_connection_to_the_next(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        assert [await say(client, said) for said in ("a", "b", "c")] == ["a", "b", "c"]
        assert [connection.requests for connection in world.server.connections] == [3]

    world.run(work)


def test_an_incomplete_reply_does_not(world: World) -> None:
    async def work(client: AsyncAnthropic) -> None:
        async with client.messages.stream(**ASKED) as stream:
            await anext(stream)
        assert await say(client, "Hello") == "Hello"
        assert [connection.requests for connection in world.server.connections] == [1, 1]

    world.server.play(BEGUN)
    world.run(work)


def test_tasks_share_a_client(world: World) -> None:
    said = [f"task {number} says {number**5}" for number in range(50)]
    heard: dict[str, str] = {}

    async def work(client: AsyncAnthropic) -> None:
        async def ask(one: str) -> None:
            heard[one] = await say(client, one)

        async with anyio.create_task_group() as tasks:
            for one in said:
                tasks.start_soon(partial(ask, one))

    world.run(work)
    assert heard == {one: one for one in said}


def test_a_client_outlives_its_event_loops(server: StreamServer) -> None:
    client = AsyncAnthropic(base_url=server.url, api_key="k", max_retries=0)
    for said in ("one", "two", "three"):
        assert asyncio.run(say(client, said), debug=True) == said
    assert server.wait_until_left(3)  # each loop took its connection with it
