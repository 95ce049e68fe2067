"""The few ASGI messages the relay speaks, without a framework between.

Theory of operation. A viewer is a place in a tail (`generation.Follower`). While its socket is full
it waits in `send` and falls behind; what it missed is then sent in one piece, so a slow viewer
costs no memory. One small task awaits `receive()`, the only way to learn that the client left.

A response that must not look complete is *broken*: the application returns without the last
`http.response.body`, and the server closes the connection (curl: "transfer closed", browsers: a
network error), upon which clients come back with their cursor. It is never ended politely.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from typing import Any

import msgspec

from tailrace.core.framing import encode_comment

from .dialects import Dialect, encoding_of
from .errors import GenerationGoneError, RewoundError
from .generation import Follower
from .metrics import Metrics

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
SEND_SECONDS = 30.0


def opening(retry: int) -> bytes:
    """The first bytes of an event stream: they make proxies flush, and say when to come back."""
    return encode_comment("ok") + b"retry: %d\n\n" % retry


class Departure:
    """Notices that the client has left, while something else is awaited."""

    def __init__(self, receive: Receive) -> None:
        self._task = asyncio.create_task(self._watch(receive))
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


async def show(
    follower: Follower,
    make: Callable[[], Dialect],
    send: Send,
    departure: Departure,
    *,
    draining: asyncio.Event,
    spread: float,
    metrics: Metrics,
) -> None:
    """Send what a follower sees until it ends, the client leaves, or the connection is broken.

    A drain breaks it at a random moment within `spread` seconds, so that not all come back at once.
    """
    tail, time = follower.tail, asyncio.get_running_loop().time
    live = False  # whether it waited for what is sent now, so that its lag says something
    while not departure.left:
        start, skip = follower.place, follower.skip
        try:
            entries = follower.take(CHUNK_BYTES)
        except RewoundError:
            reset = make().reset
            if reset is None:
                return
            await _send(send, reset)
            follower.rewind()
            continue
        except GenerationGoneError:
            return
        if entries:
            follower.skip = 0
            body = encoding_of(tail, make).bytes_of(start, follower.place, skip)
            last = follower.at_end
            if body or last:
                await _send(send, body, more=not last)
                if live:
                    metrics.wrote(tail.read_at, time)
                    live = False
            if last:
                return
            continue
        if follower.at_end:
            await _send(send, b"", more=False)
            return
        if draining.is_set():
            await asyncio.sleep(random.uniform(0, spread))  # noqa: S311 - spreads load
            return
        departure.waiting = future = tail.grown()
        live = await future
        if not live and not departure.left:
            await _send(send, HEARTBEAT)


def _send(send: Send, body: bytes, *, more: bool = True) -> Awaitable[None]:
    """Send, but do not wait for ever for a client that reads nothing.

    Raises `TimeoutError`, upon which the server closes the connection.
    """
    return _Sending(send({"type": "http.response.body", "body": body, "more_body": more}))


class _Sending:
    """A send with a clock that is only set if the send has to wait.

    Nearly every send returns without waiting, and a timer for each would cost as much as the send;
    so its coroutine is run by hand up to its first wait, and only from there under a timeout.
    """

    __slots__ = ("_work",)

    def __init__(self, work: Awaitable[None]) -> None:
        self._work = work.__await__()

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            first = next(self._work)
        except StopIteration:
            return
        yield from _rest(self._work, first).__await__()


async def _rest(work: Generator[Any, Any, None], first: Any) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await _Resumed(work, first)


class _Resumed:
    """The rest of something that was awaited by hand, and now waits for `first`."""

    __slots__ = ("_first", "_work")

    def __init__(self, work: Generator[Any, Any, None], first: Any) -> None:
        self._work = work
        self._first = first

    def __await__(self) -> Generator[Any, Any, None]:
        waited, work = self._first, self._work
        while True:
            try:
                try:
                    value = yield waited
                except BaseException as error:
                    waited = work.throw(error)
                else:
                    waited = work.send(value)
            except StopIteration:
                return


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
