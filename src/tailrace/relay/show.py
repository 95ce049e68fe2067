"""What one viewer is sent, from where it is to the end.

Theory of operation. A viewer is a place in a tail (`generation.Follower`). It takes what is new and
sends it; once it has seen all there is, it sits down in the tail's fan, which sends it what comes
(`fan`). While its socket is full it waits in `send` and falls behind; what it missed is then sent
in one piece, so a slow viewer costs no memory.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator
from typing import Any

from .asgi import CHUNK_BYTES, HEARTBEAT, Departure, Send
from .dialects import Dialect, encoding_of
from .errors import GenerationGoneError, RewoundError
from .fan import Seat, Unfinished, fan_of
from .generation import Follower
from .metrics import Metrics

SEND_SECONDS = 30.0


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
    tail = follower.tail
    seat = Seat(follower, send)
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
            if last:
                return
            continue
        if follower.at_end:
            await _send(send, b"", more=False)
            return
        if draining.is_set():
            await asyncio.sleep(random.uniform(0, spread))  # noqa: S311 - spreads load
            return
        try:
            found = await fan_of(tail, make, metrics).sit(seat, departure)
        finally:
            seat.rise()
        if isinstance(found, Unfinished):
            await _finish(found)
        elif not found and not departure.left:
            await _send(send, HEARTBEAT)


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    """Send, but do not wait for ever for a client that reads nothing.

    Raises `TimeoutError`, upon which the server closes the connection.
    """
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _finish(send: Unfinished) -> None:
    """The rest of a send, as `_send`."""
    async with asyncio.timeout(SEND_SECONDS):
        await _Rest(send)


class _Rest:
    """What is left of something that was awaited by hand up to its first wait."""

    def __init__(self, send: Unfinished) -> None:
        self._send = send

    def __await__(self) -> Generator[Any, Any, None]:
        work, waited = self._send
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
