"""One HTTP/1.1 connection on an event loop: a request goes out, its answer comes in.

Theory of operation. A `Connection` is the protocol of a transport, and while it is in use it holds
one answer: first the reader of its head, then the decoder of its body (`core.chunked`). Bytes are
decoded where they arrive and wait in `pieces` for the one task that reads; the transport pauses
while too many wait. What goes wrong (`failure`) is kept behind what came before it. An idle
connection on which anything arrives is closed: nothing was asked.

Nothing here refers to the answer's user, so dropping that is enough to end the connection.
"""

from __future__ import annotations

import asyncio
import select
from typing import Any, cast

from tailrace.core.chunked import Body, BodyError
from tailrace.core.heads import Head, HeadError, HeadReader, packets

from .arrival import Arrival
from .moving_timer import MovingTimer

READ_BUFFER = 262_144
"""How many bytes of a body wait to be read before the sender is made to wait."""


class WaitOverError(Exception):
    """A wait's time ran out. It never leaves the transport."""


class AbortedError(Exception):
    """This side closed the connection. It never leaves the transport."""


class Connection(asyncio.Protocol):
    """A connection: `ask`, then `begin_body`, then `take` whenever there are `pieces`.

    While `flowing` there may be more: await `arrival`, and look again.
    """

    __slots__ = (
        "_body",
        "_head",
        "_heaped",
        "_paused",
        "_reader",
        "arrival",
        "failure",
        "flowing",
        "lost",
        "pieces",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reader: HeadReader | None = None
        self._head: Head | None = None
        self._body: Body | None = None
        self._heaped = 0  # bytes, where there is more than one piece
        self._paused = False
        self.arrival = Arrival(loop)
        """What the reader waits for."""
        self.pieces: list[bytes] = []
        """What has come of the body and was not taken."""
        self.flowing = False
        """Whether more of the body may come."""
        self.failure: Exception | None = None
        """Why no more comes, if something went wrong."""
        self.transport: asyncio.Transport | None = None
        self.lost = False
        """Whether the connection is gone."""

    # -- what its user does --------------------------------------------------------------------

    async def ask(
        self, head: bytes, content: bytes, timer: MovingTimer, wait: float | None
    ) -> Head:
        """Send a request and return the head of its answer, within `wait` seconds.

        Raises `WaitOverError`, `AbortedError`, `HeadError` or `OSError`.
        """
        assert self.transport is not None
        self._reader = HeadReader()
        for packet in packets(head, content):
            self.transport.write(packet)
        timer.start(wait)
        while self._head is None:
            if self.failure is not None:
                raise self.failure
            await self.arrival
        found, self._head = self._head, None
        return found

    def begin_body(self, body: Body, rest: bytes) -> None:
        """Read the body that follows the head, of which `rest` has come."""
        self._body = body
        self.flowing = not body.done
        if self._paused:
            self._resume()
        if rest:
            self.data_received(rest)
        if self.lost and self.flowing:
            self._end_body(body)

    def begin_tunnel(self) -> None:
        """Begin anew after the answer to a `CONNECT`, whose body is somebody else's bytes."""
        self._reader = None

    @property
    def done(self) -> bool:
        """Whether the body has come whole and was taken."""
        return not self.pieces and self._body is not None and self._body.done

    def take(self) -> bytes:
        """All the bytes of the body that have come."""
        data = b"".join(self.pieces)
        self.pieces.clear()
        if self._paused:
            self._resume()
        return data

    def rest(self) -> bool:
        """Be idle after a whole answer; whether the connection can serve another request."""
        body, self._body, self._reader = self._body, None, None
        return not (self.lost or self.failure or body is None or body.extra)

    @property
    def is_connected(self) -> bool:
        """Whether it stands and nothing has come that nobody asked for."""
        if self.lost or self.failure is not None or self.transport is None:
            return False
        if self.transport.is_closing():
            return False
        poll: Any = getattr(select, "poll", None)
        sock = self.transport.get_extra_info("socket")
        if poll is None or sock is None:
            return True
        waiting = poll()
        waiting.register(sock.fileno(), select.POLLIN)
        return not waiting.poll(0)

    def fail(self, error: Exception) -> None:
        """End what is waited for with an error, if nothing has ended it."""
        self.flowing = False
        if self.failure is None:
            self.failure = error
        self.arrival.arrive_soon()

    def expire(self) -> None:
        """End what is waited for, if anything is, because its time is over."""
        if self.arrival.awaited:
            self.fail(WaitOverError())

    def cut(self) -> None:
        """Close the connection at once, ending a read; on its loop only."""
        transport = self.transport
        if transport is not None:
            transport.abort()
        self.fail(AbortedError())

    # -- what its transport tells --------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        body = self._body
        if body is not None and self.flowing:
            data = body.feed(data)
            pieces = self.pieces
            if data and not pieces:
                pieces.append(data)
            elif data:
                self._heap(data)
            if body.over:
                self.flowing = False
                self.failure = body.fault
            elif not pieces:
                return
            self.arrival.arrive()
        elif body is not None:
            body.extra += data
        elif self._reader is not None and self._head is None:
            self._feed_head(self._reader, data)
        elif self._head is not None:
            self._head = self._head._replace(rest=self._head.rest + data)
            self._pause()
        else:
            self.cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: reset with `exc`, or ended."""
        self.lost = True
        body = self._body
        if exc is not None:
            self.fail(exc)
        elif body is None:
            self._end_head()
        elif self.flowing:
            self._end_body(body)
            self.arrival.arrive()

    def _feed_head(self, reader: HeadReader, data: bytes) -> None:
        try:
            self._head = reader.feed(data)
        except HeadError as error:
            self.fail(error)
            return
        if self._head is not None:
            self.arrival.arrive()

    def _end_head(self) -> None:
        try:
            (self._reader or HeadReader()).end()
        except HeadError as error:
            self.fail(error)

    def _heap(self, data: bytes) -> None:
        """Add to what nobody has taken yet."""
        if len(self.pieces) == 1:
            self._heaped = len(self.pieces[0])
        self.pieces.append(data)
        self._heaped += len(data)
        if self._heaped > READ_BUFFER:
            self._pause()

    def _end_body(self, body: Body) -> None:
        self.flowing = False
        try:
            body.end()
        except BodyError as error:
            self.failure = error

    def _pause(self) -> None:
        if not self._paused and self.transport is not None and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
