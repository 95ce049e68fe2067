"""The wires over a user's httpx2 client, against the contract of all wires."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import anyio
import httpx2
import pytest
import trio
import uvloop

from tailrace.procedures.wire import ConnectFailed, ConnectionLost, settle
from tailrace.transports.check import WIRE_CHECKS, check_wire, run_on_asyncio
from tailrace.transports.check_server import PATIENCE, Peer, Server
from tailrace.transports.check_world import Work, asking, failing, fetched, opened, whole
from tailrace.transports.over_httpx2 import AsyncHttpx2Incoming, AsyncHttpx2Wire, Httpx2Wire
from tailrace.transports.tls import context


def make_sync(**options: Any) -> Httpx2Wire:
    return Httpx2Wire(httpx2.Client(**client_options(**options)), owned=True)


def make_async(**options: Any) -> AsyncHttpx2Wire:
    return AsyncHttpx2Wire(httpx2.AsyncClient(**client_options(**options)), owned=True)


def client_options(**options: Any) -> dict[str, Any]:
    options["verify"] = tls = context(options.get("verify", True))
    if options.get("proxy", "").startswith("https"):
        options["proxy"] = httpx2.Proxy(options["proxy"], ssl_context=tls)
    return options


def run_on_trio(work: Work) -> None:
    trio.run(work)


def run_on_uvloop(work: Work) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


# An httpx2 client shares its connections with a forked child.
SYNC = [check for check in WIRE_CHECKS if check != "works_in_a_forked_child_after_use"]

# An httpx2.AsyncClient belongs to the first event loop it was used on.
ASYNC = [
    check for check in SYNC if check not in {"threads_can_share_it", "works_in_a_forked_child"}
]
LOOPS = {"asyncio": run_on_asyncio, "trio": run_on_trio, "uvloop": run_on_uvloop}


@pytest.mark.parametrize("check", SYNC)
def test_sync_wire(check: str) -> None:
    check_wire(make_sync, only=[check])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("check", ASYNC)
def test_async_wire(check: str, loop: str) -> None:
    check_wire(make_async, run=LOOPS[loop], only=[check])


@pytest.mark.parametrize(
    ("make", "client", "words"),
    [
        (Httpx2Wire, httpx2.AsyncClient(), r"must be an httpx2\.Client, .* the other"),
        (AsyncHttpx2Wire, httpx2.Client(), r"must be an httpx2\.AsyncClient, .* the other"),
        (Httpx2Wire, None, r"must be an httpx2\.Client, not builtins\.NoneType"),
        (Httpx2Wire, type("Client", (), {"__module__": "httpx._client"})(), "make it with httpx2"),
    ],
)
def test_what_is_no_client_is_refused(make: Any, client: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make(client)


def begun(peer: Peer) -> None:
    """Begin every answer and leave it there."""
    for _ in peer.requests():
        peer.head("transfer-encoding: chunked")
        peer.chunk(b"begun")


def test_the_users_client_stays_open() -> None:
    with httpx2.Client() as client:
        wire = Httpx2Wire(client)
        settle(wire.close())
        assert not client.is_closed
        assert settle(failing(ConnectFailed, opened(wire, "http://127.0.0.1:9"))).permanent

    async def work() -> None:
        async with httpx2.AsyncClient() as client:
            await AsyncHttpx2Wire(client).close()
            assert not client.is_closed

    asyncio.run(work())


def test_a_client_that_its_user_closed_is_closed() -> None:
    client = httpx2.Client()
    client.close()
    error = settle(failing(ConnectFailed, opened(Httpx2Wire(client), "http://127.0.0.1:9")))
    assert error.permanent


def test_a_mounted_transport_is_used() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["user-agent"] == "mine"
        return httpx2.Response(200, content=request.content)

    client = httpx2.Client(transport=httpx2.MockTransport(answer), headers={"user-agent": "mine"})
    assert settle(fetched(Httpx2Wire(client), "http://host")) == b"{}"
    mocked = httpx2.AsyncClient(
        transport=httpx2.MockTransport(answer), headers={"user-agent": "mine"}
    )
    asyncio.run(expect(fetched(AsyncHttpx2Wire(mocked), "http://host"), b"{}"))


async def expect(doing: Awaitable[bytes], expected: bytes) -> None:
    assert await doing == expected


@pytest.mark.parametrize("loop", LOOPS)
def test_after_a_cancelled_read_the_body_is_not_taken_for_whole(loop: str) -> None:
    async def work() -> None:
        wire = make_async()
        incoming = await opened(wire, server.url)
        assert await incoming.read(PATIENCE) == b"begun"
        with anyio.move_on_after(0.02):
            await incoming.read(PATIENCE)
        await failing(ConnectionLost, incoming.read(PATIENCE))
        await incoming.close()
        await wire.close()

    with Server(begun) as server:
        LOOPS[loop](work)


def test_the_connection_is_left_as_it_was() -> None:
    def script(peer: Peer) -> None:
        for asked in peer.requests():
            peer.answer(asked.body)

    with Server(script) as server, httpx2.Client() as client:
        wire = Httpx2Wire(client)
        incoming = settle(opened(wire, server.url))
        stream = incoming._answer.extensions["network_stream"]
        assert "read" in vars(stream)
        settle(whole(incoming))
        assert "read" not in vars(stream)
        assert client.post(server.url, content=b"mine").content == b"mine"
        assert server.connections == 1


def test_dropped_answers_are_told_to_the_pool() -> None:
    async def work() -> None:
        wire = make_async(limits=httpx2.Limits(max_connections=1))
        for _ in range(3):
            incoming = await wire.open(asking(server.url), connect=PATIENCE, wait=PATIENCE)
            del incoming
        await wire.close()

    with Server(begun) as server:
        wire = make_sync(limits=httpx2.Limits(max_connections=1))
        for _ in range(3):
            settle(wire.open(asking(server.url), connect=PATIENCE, wait=PATIENCE))
        settle(wire.close())
        asyncio.run(work())
        trio.run(work)


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_ends_another_tasks_read(loop: str) -> None:
    async def close_soon(incoming: AsyncHttpx2Incoming) -> None:
        await anyio.sleep(0.02)
        await incoming.close()
        await incoming.close()

    async def work() -> None:
        wire = make_async(limits=httpx2.Limits(max_connections=1))
        for way in (None, AsyncHttpx2Incoming.abort):
            incoming = await wire.open(asking(server.url), connect=PATIENCE, wait=PATIENCE)
            assert await incoming.read(PATIENCE) == b"begun"
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(close_soon, incoming)
                if way is not None:
                    tasks.start_soon(anyio.to_thread.run_sync, way, incoming)
                await failing(ConnectionLost, incoming.read(PATIENCE))
        await wire.close()

    with Server(begun) as server:
        LOOPS[loop](work)
