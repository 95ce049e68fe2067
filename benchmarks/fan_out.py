"""The servers of the relay's scenario: events of a few sources, each sent to many viewers.

    python -m benchmarks.fan_out starlette asyncio 20 20 [journal]

That is who serves, the loop, how many sources, and how many events a second each makes; then, for
the relay, its journal (`memory:` if none is named). It prints its port and serves until its
standard input ends; it ends at once with the code `ABSENT` where what it needs is not installed.
`GET /7` follows source 7. All say the same: Claude's text deltas with an
`id:`, the number of the event and the time it was made in the text. At the rate 0 nothing comes.

Each server does it as its documentation has it. The peers' sources put an event into one queue a
viewer, ready-made bytes where the server takes bytes; the relay journals it first.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from benchmarks.reading import runner
from benchmarks.servers import many_files
from benchmarks.worker import ABSENT

Event = dict[str, Any]
App = Callable[..., Awaitable[None]]
HEADS: list[Event] = [
    {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
]
HEADS[0]["message"] |= {"content": [], "model": "m", "stop_reason": None, "usage": {}}


def event(number: int) -> Event:
    """One event, made now."""
    delta = {"type": "text_delta", "text": f"w{number} {time.monotonic():.6f} "}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def framed(number: int) -> bytes:
    """One event as it is sent."""
    data = msgspec.json.encode(event(number))
    return b"event: content_block_delta\nid: 1-%d.0\ndata: %b\n\n" % (number, data)


async def numbers(rate: float) -> AsyncIterator[int]:
    """Numbers at a rate, whatever else the process does meanwhile; at the rate 0 none."""
    number, due = 0, time.monotonic()
    while True:
        due += 1 / rate if rate else 3600
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield number
        number += 1


class Sources:
    """A queue for each viewer, and a task for each source that fills the queues of its viewers."""

    def __init__(self, make: Callable[[int], Any], rate: float) -> None:
        self._make = make
        self._rate = rate
        self._queues: dict[str, list[asyncio.Queue[Any]]] = defaultdict(list)
        self._tasks: list[asyncio.Task[None]] = []

    def follow(self, source: str) -> asyncio.Queue[Any]:
        """A new viewer's queue."""
        if source not in self._queues:
            self._tasks.append(asyncio.create_task(self._fill(source)))
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._queues[source].append(queue)
        return queue

    async def _fill(self, source: str) -> None:
        async for number in numbers(self._rate):
            made = self._make(number)
            for queue in self._queues[source]:
                queue.put_nowait(made)


def relay(rate: float, sources: int, journal: str) -> App:
    """`Relay.app`; source 7 is one of its generations."""
    from tailrace.relay import Relay

    async def claude(params: Event, so_far: Any) -> AsyncIterator[Event]:
        for head in HEADS:
            yield head
        async for number in numbers(rate):
            yield event(number)

    async def owner(request: Any) -> str:
        return "everybody"

    relay = Relay(journal, source=claude, secret="s", owner_generations=10**6)
    app = relay.app(owner=owner, owner_viewers=10**6)
    paths: dict[str, str] = {}

    async def first(scope: Any, receive: Any, send: Any) -> None:
        params = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
        started = await relay.start(params, key=scope["path"], owner="everybody")
        paths[scope["path"]] = f"/v1/messages/{started.id}"
        await by_number(scope, receive, send)

    async def nothing() -> None:
        """No lifespan."""

    def by_number(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return nothing()
        path = paths.get(scope["path"])
        if path is None:
            return first(scope, receive, send)
        scope["path"] = path
        return app(scope, receive, send)

    return by_number


def starlette(rate: float, sources: int, journal: str) -> App:
    """`StreamingResponse` over ready-made bytes."""
    from starlette.applications import Starlette
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    fed = Sources(framed, rate)

    async def follow(request: Any) -> StreamingResponse:
        queue = fed.follow(request.path_params["source"])

        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield await queue.get()

        return StreamingResponse(pieces(), media_type="text/event-stream")

    return Starlette(routes=[Route("/{source}", follow)])


def sse_starlette(rate: float, sources: int, journal: str) -> App:
    """sse-starlette's `EventSourceResponse` over ready-made bytes, which it passes on."""
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.routing import Route

    fed = Sources(framed, rate)

    async def follow(request: Any) -> EventSourceResponse:
        queue = fed.follow(request.path_params["source"])

        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield await queue.get()

        return EventSourceResponse(pieces())

    return Starlette(routes=[Route("/{source}", follow)])


def fastapi_sse(rate: float, sources: int, journal: str) -> App:
    """FastAPI's own server-sent events."""
    from fastapi import FastAPI
    from fastapi.sse import EventSourceResponse, ServerSentEvent

    def made(number: int) -> ServerSentEvent:
        return ServerSentEvent(data=event(number), event="content_block_delta", id=f"1-{number}.0")

    fed = Sources(made, rate)
    app = FastAPI()

    async def follow(source: str) -> AsyncIterator[ServerSentEvent]:
        queue = fed.follow(source)
        while True:
            yield await queue.get()

    app.get("/{source}", response_class=EventSourceResponse)(follow)
    return app


SERVERS: dict[str, Callable[[float, int, str], App]] = {
    "tailrace": relay,
    "starlette": starlette,
    "sse_starlette": sse_starlette,
    "fastapi_sse": fastapi_sse,
}


class Bare(asyncio.Protocol):
    """The floor: one write to each transport, without a server between."""

    def __init__(self, viewers: dict[bytes, list[asyncio.WriteTransport]]) -> None:
        self._viewers = viewers

    def connection_made(self, transport: Any) -> None:
        """Somebody connected."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request; whatever it is, it follows a source."""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        self._transport.write(head + b"transfer-encoding: chunked\r\n\r\n")
        self._viewers[data.split(b" ", 2)[1]].append(self._transport)


async def bare(rate: float, bound: socket.socket) -> None:
    """Serve the floor."""
    viewers: dict[bytes, list[asyncio.WriteTransport]] = defaultdict(list)
    await asyncio.get_running_loop().create_server(lambda: Bare(viewers), sock=bound, backlog=4096)
    async for number in numbers(rate):
        for source in list(viewers.values()):
            made = framed(number)
            chunk = b"%x\r\n%b\r\n" % (len(made), made)
            for transport in source:
                transport.write(chunk)


def main() -> None:
    """Serve until standard input ends."""
    many_files()
    name, loop, sources, rate, *journal = sys.argv[1:]
    bound = socket.create_server(("127.0.0.1", 0), backlog=4096)
    try:
        serve = prepared(name, loop, float(rate), int(sources), *(journal or ["memory:"]))
    except ModuleNotFoundError as missing:
        print(missing, file=sys.stderr)
        sys.exit(ABSENT)
    print(bound.getsockname()[1], flush=True)
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    serve(bound)


def prepared(
    name: str, loop: str, rate: float, sources: int, journal: str
) -> Callable[[socket.socket], None]:
    """What serves on a socket, with all that it needs imported."""
    running = runner(loop)
    if name == "floor":
        return lambda bound: running.run(bare(rate, bound))
    import uvicorn

    app = SERVERS[name](rate, sources, journal)
    config = uvicorn.Config(
        app, interface="asgi3", loop=loop, log_level="error", access_log=False, backlog=4096
    )
    return lambda bound: uvicorn.Server(config).run([bound])


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
