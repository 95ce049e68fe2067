"""The few ASGI messages the relay speaks, without a framework between.

Theory of operation. One small task awaits `receive()`, the only way to learn that the client left.
A response that must not look complete is *broken*: the application returns without the last
`http.response.body`, and the server closes the connection (curl: "transfer closed", browsers: a
network error), upon which clients come back with their cursor. It is never ended politely.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from tailrace.core.framing import encode_comment

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

SSE_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"private, no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

HEARTBEAT = encode_comment("heartbeat")
CHUNK_BYTES = 64 * 1024
"""The most that is sent to a viewer in one piece, unless one entry is larger."""


def opening(retry: int) -> bytes:
    """The first bytes of an event stream: they make proxies flush, and say when to come back."""
    return encode_comment("ok") + b"retry: %d\n\n" % retry


class Departure:
    """Notices that the client has left, while something else is awaited."""

    __slots__ = ("_task", "left", "waiting")

    def __init__(self, receive: Receive) -> None:
        self._task = asyncio.create_task(self._watch(receive), name="client leaves")
        self.waiting: asyncio.Future[Any] | None = None
        """What is to be settled with `False` when the client leaves."""
        self.left = False

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(False)

    async def unless_left(self, future: asyncio.Future[Any]) -> Any:
        """The result of a future that nobody else awaits; `False` if the client leaves first."""
        if self.left:
            return False
        self.waiting = future
        try:
            return await future
        finally:
            self.waiting = None

    def close(self) -> None:
        """Watch no more."""
        self._task.cancel()


async def start_stream(send: Send, headers: Iterable[Header], *, retry: int = 1000) -> None:
    """Begin an event stream."""
    head = {"type": "http.response.start", "status": 200, "headers": [*SSE_HEADERS, *headers]}
    await send(head)
    await send({"type": "http.response.body", "body": opening(retry), "more_body": True})


async def break_off(send: Send, *, retry: int) -> None:
    """Say "come back in a moment" to a reader of events, in the one way EventSource survives.

    Any status but 200 would close it for good, so it is a 200 that breaks.
    """
    await start_stream(send, (), retry=retry)


async def answer(
    send: Send,
    status: int,
    body: Any = None,
    *,
    headers: Iterable[Header] = (),
    content_type: bytes = b"application/json",
) -> None:
    """Send a whole answer: JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    all_headers = [*headers, (b"cache-control", b"private, no-store")]
    if status != 204:
        all_headers += [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(data)),
            (b"x-content-type-options", b"nosniff"),
        ]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": data})


async def answer_error(
    send: Send, status: int, kind: str, message: str, *, headers: Iterable[Header] = ()
) -> None:
    """Send an error as the Claude API does."""
    error = {"type": "error", "error": {"type": kind, "message": message}}
    await answer(send, status, error, headers=headers)


class BodyTooLargeError(Exception):
    """The request's body is over the limit."""


class ClientLeftError(Exception):
    """The client left before its request was complete."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The request's body, at most `limit` bytes of it."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise BodyTooLargeError
        if not message.get("more_body"):
            return b"".join(parts)
