"""One reply to one client, without a journal.

Theory of operation. A pump takes what the stream brings and encodes it; the response sends what
there is, whole, and waits for more, for a heartbeat, or for the client to leave. The pump waits
while much is unsent, so that a slow client slows the upstream and memory stays bounded. When the
client leaves, the pump is cancelled wherever it is, also before the first token, and that closes
the upstream's connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Any, cast

from tailrace.core.framing import encode

from .asgi import (
    CHUNK_BYTES,
    HEARTBEAT,
    Departure,
    Header,
    Receive,
    Send,
    answer,
    start_stream,
)
from .dialects import Dialect
from .records import DONE, ERROR, End, Event
from .source import error_object
from .ui import DIALECTS

_STOPS = {"content_block_stop": ("type", "index"), "message_stop": ("type",)}

_TEXT_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"private, no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)


async def play_text(
    stream: Any, receive: Receive, send: Send, status: int, headers: Iterable[Header]
) -> None:
    """Send the text of a stream; break the connection where the reply was cut."""
    pump = _Pump(_texts(stream), receive)
    begun = False
    try:
        while True:
            body = await pump.take(None)
            if pump.left:
                return
            if pump.failed and not begun and not body:
                failure = error_object(pump.failed)
                error = {"type": failure["type"], "message": failure["message"]}
                await answer(send, failure["status"], {"type": "error", "error": error})
                return
            if not begun:
                begun = True
                named = [*_TEXT_HEADERS, *headers]
                await send({"type": "http.response.start", "status": status, "headers": named})
            over = pump.over and not pump.failed
            if body or over:
                await send({"type": "http.response.body", "body": body, "more_body": not over})
            if pump.over:
                return
    finally:
        await pump.close()


async def play_events(
    stream: Any,
    receive: Receive,
    send: Send,
    *,
    format: str,  # noqa: A002 - as in URLs
    heartbeat: float,
    headers: Iterable[Header],
) -> None:
    """Send a stream as server-sent events; say in them how it ended."""
    dialect = DIALECTS[format]()
    pump = _Pump(_frames(stream, dialect), receive)
    try:
        await start_stream(send, [*dialect.headers, *headers])
        while True:
            body = await pump.take(heartbeat)
            if pump.left:
                return
            if pump.over:
                error = None if pump.failed is None else error_object(pump.failed)
                last = dialect.end(End(DONE if error is None else ERROR, error=error))
                body += b"".join(encode(name, data) for name, data in last)
            await send({"type": "http.response.body", "body": body, "more_body": not pump.over})
            if pump.over:
                return
    finally:
        await pump.close()


class _Pump:
    """Bytes from an iterator, as far as they have come, and whether the client is still there."""

    def __init__(self, pieces: AsyncIterator[bytes], receive: Receive) -> None:
        self._pieces = pieces
        self._parts: list[bytes] = []
        self._size = 0
        self._news: asyncio.Future[bool] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._departure = Departure(receive)
        self._task = asyncio.create_task(self._run())
        self.over = False
        self.failed: Exception | None = None

    @property
    def left(self) -> bool:
        """Whether the client has left."""
        return self._departure.left

    async def take(self, heartbeat: float | None) -> bytes:
        """What has come; a heartbeat if nothing has for so many seconds; nothing at the end."""
        if self._nothing():
            loop = asyncio.get_running_loop()
            self._news = loop.create_future()
            timer = None if heartbeat is None else loop.call_later(heartbeat, self._tell)
            try:
                await self._departure.unless_left(self._news)
            finally:
                if timer is not None:
                    timer.cancel()
            if self._nothing():
                return HEARTBEAT
        parts, self._parts, self._size = self._parts, [], 0
        self._room.set()
        return b"".join(parts)

    def _nothing(self) -> bool:
        return not (self._parts or self.over or self.left)

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(True)

    async def _run(self) -> None:
        try:
            async for piece in self._pieces:
                self._parts.append(piece)
                self._size += len(piece)
                self._tell()
                if self._size > CHUNK_BYTES:
                    self._room.clear()
                    await self._room.wait()
        except Exception as error:
            self.failed = error
        finally:
            self.over = True
            self._tell()

    async def close(self) -> None:
        """Stop, and close the upstream."""
        self._departure.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def _entered(stream: Any, stack: AsyncExitStack) -> Any:
    """The stream itself: what `messages.stream()` returns has to be entered first."""
    if hasattr(stream, "__aenter__"):
        return await stack.enter_async_context(stream)
    close = getattr(stream, "aclose", None)
    if close is not None:
        stack.push_async_callback(close)
    return stream


async def _texts(stream: Any) -> AsyncIterator[bytes]:
    async with AsyncExitStack() as stack:
        entered = await _entered(stream, stack)
        async for item in getattr(entered, "text_stream", entered):
            text = item if isinstance(item, str) else _text_of(item)
            if text:
                yield text.encode("utf-8", "replace")


def _text_of(event: Any) -> str:
    delta: Any = cast("Event", event).get("delta") if isinstance(event, dict) else None
    text = cast("dict[str, Any]", delta).get("text") if isinstance(delta, dict) else None
    return text if isinstance(text, str) else ""


async def _frames(stream: Any, dialect: Dialect) -> AsyncIterator[bytes]:
    async with AsyncExitStack() as stack:
        entered = await _entered(stream, stack)
        async for item in entered:
            if isinstance(item, str):
                event = _text_event(item)
            elif isinstance(item, dict):
                event = _as_sent(cast("Event", item))
            else:
                continue  # a derived event says again what a wire event said
            for name, data in dialect.event(event):
                yield encode(name, data)


def _as_sent(event: Event) -> Event:
    """An event as the API sends it: the helper's stops also carry what they completed."""
    fields = _STOPS.get(str(event.get("type")))
    return event if fields is None else {name: event[name] for name in fields}


def _text_event(text: str) -> dict[str, Any]:
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": delta}
