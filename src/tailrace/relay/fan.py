"""New entries sent to all who wait for them, without waking anyone.

Theory of operation. Most viewers of a generation have seen all there is and wait. To wake a task
for each of them, which then sends the same bytes, costs twice what the sending costs. So a viewer
takes a `Seat` and sleeps. When the tail has grown, the fan encodes what is new once and calls each
seat's `send` itself, as far as it goes without waiting. Nearly every send goes to its end, and the
viewer sleeps on. One that has to wait, since its socket is full, is handed to the viewer to finish:
until it sits down again it gets nothing, and then all it missed at once.

Whatever else happens (an end, a cut, a drain, a heartbeat, much at once) wakes the viewers, who
look for themselves. A send runs as the viewer's own task and in its context, so that whatever
middleware does there (a span, a timeout) belongs to that viewer.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.tasks import (
    _enter_task,  # pyright: ignore[reportPrivateUsage] - documented, in "Extending asyncio"
    _leave_task,  # pyright: ignore[reportPrivateUsage]
)
from collections.abc import Callable, Generator
from contextvars import copy_context
from typing import Any, NamedTuple, cast

from .asgi import CHUNK_BYTES, Departure, Send
from .dialects import Dialect, Encoding, encoding_of
from .generation import Follower
from .metrics import Metrics
from .tail import Tail

log = logging.getLogger("tailrace.relay")


class Unfinished(NamedTuple):
    """A send that waits for `first`, and is to be gone on with by the viewer."""

    work: Generator[Any, Any, None]
    first: Any


class Seat:
    """A viewer's place in a fan; made in the viewer's task."""

    __slots__ = ("asleep", "context", "follower", "future", "send", "task")

    def __init__(self, follower: Follower, send: Send) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a viewer must be a task")
        self.task = task
        self.context = copy_context()
        self.follower = follower
        self.send = send
        self.asleep = False
        self.future: asyncio.Future[bool | Unfinished] | None = None

    def rise(self) -> None:
        """Be sent nothing more."""
        self.asleep = False

    def wake(self, found: bool | Unfinished) -> None:
        """Let the viewer go on, if nothing else has."""
        self.asleep = False
        if self.future is not None and not self.future.done():
            self.future.set_result(found)

    def fail(self, error: Exception) -> None:
        """Let the viewer have an error of its send."""
        self.asleep = False
        if self.future is not None and not self.future.done():
            self.future.set_exception(error)


class Fan:
    """Those who wait for one tail in one dialect."""

    def __init__(self, tail: Tail, encoding: Encoding, metrics: Metrics) -> None:
        self._tail = tail
        self._encoding = encoding
        self._metrics = metrics
        self._cuts = len(tail.cuts)
        self._loop = asyncio.get_running_loop()
        self._seats: list[Seat] = []
        self._grown: asyncio.Future[bool] | None = None

    def sit(self, seat: Seat, departure: Departure) -> asyncio.Future[bool | Unfinished]:
        """Have all sent that comes, until the viewer has to look for itself.

        Await the future at once, and call `seat.rise` after it. It gives `True` when something else
        than growth has happened, `False` at a heartbeat or when the client has left, and a send
        that is `Unfinished`; it raises what a send has raised.
        """
        departure.waiting = seat.future = self._loop.create_future()
        seat.asleep = True
        self._seats.append(seat)
        self._listen()
        return seat.future

    def _listen(self) -> None:
        if self._seats and self._grown is None:
            self._grown = self._tail.grown()
            self._grown.add_done_callback(self._on_growth)

    def _on_growth(self, grown: asyncio.Future[bool]) -> None:
        self._grown = None
        seats, self._seats = self._seats, []
        changed = grown.result()
        if changed and self._is_growth():
            try:
                self._seats += self._send(seats)
                self._listen()
                return
            except Exception:  # the entries cannot be told; each viewer finds that out itself
                log.exception("entries of the relay cannot be encoded")
        for seat in seats:
            seat.wake(changed)

    def _is_growth(self) -> bool:
        tail = self._tail
        return tail.end is None and not tail.gone and len(tail.cuts) == self._cuts

    def _send(self, seats: list[Seat]) -> list[Seat]:
        """Send each what it has not seen; those who sleep on.

        This runs once for each event and viewer, and is written for that.
        """
        loop, stop = self._loop, len(self._tail.entries)
        start, body = stop, b""
        asleep: list[Seat] = []
        for seat in seats:
            if not seat.asleep:
                continue  # the viewer has left
            follower = seat.follower
            if follower.place != start:
                start = follower.place
                body = self._encoding.bytes_of(start, stop)
            if len(body) > CHUNK_BYTES:
                seat.wake(True)
                continue
            follower.place = stop
            asleep.append(seat)
            if not body:
                continue
            message = {"type": "http.response.body", "body": body, "more_body": True}
            run = seat.context.run
            _enter_task(loop, seat.task)
            try:
                work = run(seat.send, message).__await__()
                first = run(next, work)
            except StopIteration:
                continue
            except Exception as error:
                seat.fail(error)
            else:
                seat.wake(Unfinished(work, first))
            finally:
                _leave_task(loop, seat.task)
            asleep.pop()
        self._metrics.wrote(self._tail.read_at, loop.time, len(asleep))
        return asleep


def fan_of(tail: Tail, make: Callable[[], Dialect], metrics: Metrics) -> Fan:
    """The tail's fan in a dialect. After a cut it is another, as the encoding is."""
    key = f"fan of {make.__name__}"
    found = tail.shared.get(key)
    if found is None:
        found = tail.shared[key] = Fan(tail, encoding_of(tail, make), metrics)
    return cast("Fan", found)
