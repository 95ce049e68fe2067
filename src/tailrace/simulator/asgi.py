"""The simulator as an ASGI app, to mount in an application or to serve with any ASGI server.

    app.mount("/anthropic", SimulatorApp("Hello"))

Pace, scripts and assertions are as with `Simulator`. What ASGI has no words for is as near as it
gets: every body that does not end well (`close`, `half_chunk`, `reset`) ends with an exception,
after which servers drop the connection; the bytes of half a chunk are sent; chunks are the
server's own; connections are not refused, and heads do not drip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tailrace.simulator.acts import Fate
from tailrace.simulator.http import MAX_BODY, BadHttp, HttpRequest
from tailrace.simulator.pieces import Piece, Response, until_fate
from tailrace.simulator.received import Received
from tailrace.simulator.server import CLIENT_LEFT
from tailrace.simulator.simulator import Simulator

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class BrokenReplyError(ConnectionError):
    """The script broke the reply off; the ASGI server is to drop the connection."""


class SimulatorApp(Simulator):
    """A `Simulator` that is an ASGI app instead of a port; its settings are the same."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            request = await _read(scope, receive)
            if request is not None:
                response, received = self.api.respond(request)
                await self._play(response, received, receive, send)

    async def _play(
        self, response: Response, received: Received, receive: Receive, send: Send
    ) -> None:
        """Send the response at its pace, and stop when the client leaves or somebody cuts it."""
        hand = _Hand()
        playing = asyncio.ensure_future(_send(response, received, send, hand))
        leaving = asyncio.ensure_future(_left(receive))
        self.api.began(received, hand)
        try:
            ends: set[asyncio.Future[Any]] = {playing, leaving, hand.fate}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                received.ended = playing.result().value
            elif hand.fate.done():
                broken = received.sized or not received.sent
                received.ended = Fate.CLOSE if broken else hand.fate.result().value
        finally:
            for task in (playing, leaving):
                task.cancel()
            await asyncio.gather(playing, leaving, return_exceptions=True)
            received.ended = received.ended or CLIENT_LEFT
            self.api.finished(received)
        if hand.fate.done() and received.ended == Fate.END:
            await send({"type": "http.response.body", "body": b""})
        if received.ended in (Fate.CLOSE, Fate.HALF_CHUNK, Fate.RESET):
            raise BrokenReplyError(f"the script ended the reply with {received.ended!r}")


class _Hand:
    """A reply under way, in somebody's hand."""

    def __init__(self) -> None:
        self.fate: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self.going = asyncio.Event()
        self.going.set()

    @property
    def held(self) -> bool:
        """Whether it was told to wait."""
        return not self.going.is_set()

    def hold(self) -> None:
        """Send nothing until `go_on`."""
        self.going.clear()

    def go_on(self) -> None:
        """Send what is due."""
        self.going.set()

    def cut(self, fate: Fate) -> None:
        """End it here; before its head only by breaking it off."""
        if not self.fate.done():
            self.fate.set_result(fate)


async def _send(response: Response, received: Received, send: Send, hand: _Hand) -> Fate:
    loop = asyncio.get_running_loop()
    due = loop.time()
    started = False
    for piece in _from_head(response):
        due += piece.after
        await asyncio.sleep(max(due - loop.time(), 0.0))
        await hand.going.wait()
        if not started and response.status:
            await send(_start(response))
            started = True
        fate = piece.fate
        if piece.data or fate is Fate.END:
            more = fate is not Fate.END
            await send({"type": "http.response.body", "body": piece.data, "more_body": more})
            received.sent += len(piece.data)
            received.chunks += bool(piece.data)
        if fate is Fate.HOLD:
            await asyncio.Event().wait()
        if fate is not None:
            return fate
    raise AssertionError("a body ends with a fate")


def _from_head(response: Response) -> Iterable[Piece]:
    """The body's pieces, after one without bytes for the time before the head."""
    yield Piece(response.head_after, b"")
    yield from until_fate(response.body)


def _start(response: Response) -> MutableMapping[str, Any]:
    headers = dict(response.headers)
    if response.length is not None:
        headers.setdefault("content-length", str(response.length))
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": response.status, "headers": encoded}


async def _read(scope: Scope, receive: Receive) -> HttpRequest | BadHttp | None:
    """The whole request; `None` where the client left before it was complete."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
    query = scope.get("query_string", b"").decode("latin-1")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        head = HttpRequest(scope["method"], path, query, dict(pairs))
        if len(body) > MAX_BODY:
            return BadHttp(413, "Request exceeds the maximum size", head)
        if not message.get("more_body"):
            return HttpRequest(head.method, path, query, head.headers, bytes(body))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
