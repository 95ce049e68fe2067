"""The wire of an asynchronous client, on the transports of asyncio or uvloop.

A stream of tokens is many small packets, and what a general HTTP client does for each of them costs
more than all the rest. So the connection itself (`connection`) decodes its bytes where they arrive
and resumes the task that reads (`arrival`). Connections belong to an event loop; there is a room of
them for each loop the wire is used on, so a client may be made before any loop and outlive several.

What ends a waiting read, be it a clock or `abort`, is a failure put into the connection, so no task
is ever cancelled to end a wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import ssl
import weakref
from functools import partial

from tailrace.core.chunked import BodyError
from tailrace.core.heads import HeadError
from tailrace.core.http import Request
from tailrace.procedures.wire import ConnectFailed, ConnectionLost

from .answers import Answer, answer_of, broken_off, unreadable
from .connection import AbortedError, Connection, WaitOverError
from .failures import (
    Border,
    connecting_took_too_long,
    crossed,
    impossible,
    kinds,
    lost,
    no_connection,
    nothing_came,
)
from .moving_timer import MovingTimer
from .per_loop import PerLoop
from .proxies import Proxies
from .redirects import following
from .rooms import Room
from .routes import Route, head_of, route_to
from .sockets import shut
from .system import SystemTime, monotonic
from .tls import Verify, check_verify

DEFAULT_MAX_CONNECTIONS = 1000
"""How many connections a wire has in use at once on each loop, unless told otherwise."""


def _no_proxy(error: Exception) -> ConnectFailed:
    return ConnectFailed(f"could not connect through the proxy: {error}")


def _aborted(error: Exception) -> ConnectionLost:
    return ConnectionLost("the connection was closed by this side")


_CONNECTING: Border = (
    (ssl.SSLCertVerificationError, no_connection),
    (TimeoutError, connecting_took_too_long),
    (AbortedError, _aborted),
    (WaitOverError, connecting_took_too_long),
    (HeadError, _no_proxy),
    (OSError, no_connection),
    (ValueError, impossible),
)
_AWAITING: Border = (
    (WaitOverError, nothing_came),
    (AbortedError, _aborted),
    (HeadError, unreadable),
    (BodyError, unreadable),
    (OSError, lost),
    (ValueError, impossible),
)
_READING: Border = (
    (WaitOverError, nothing_came),
    (AbortedError, _aborted),
    (BodyError, broken_off),
    (OSError, lost),
)
_NOT_CONNECTED, _NOT_ANSWERED, _BROKEN = map(kinds, (_CONNECTING, _AWAITING, _READING))


class AsyncioIncoming:
    """One answer."""

    def __init__(
        self,
        answer: Answer,
        connection: Connection,
        timer: MovingTimer,
        room: Room,
        route: Route,
    ) -> None:
        self.response = answer.response
        self._connection = connection
        self._timer = timer
        self._room = room
        self._route = route
        self._reusable = answer.reusable
        self._over = False
        self._failed: Exception | None = None
        self._inflate = answer.inflate
        self.arrival = connection.arrival
        self.direct = answer.inflate is None
        self._unread = weakref.finalize(self, _cut_off, os.getpid(), connection, room)
        if connection.done:
            self._complete()

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the body; see `Incoming`. A read that is cancelled takes nothing."""
        until = math.inf if wait is None else monotonic() + wait
        while (data := self.take(until)) is None:
            await self.arrival
        return data

    def take(self, until: float) -> bytes | None:
        """What has come, or `None` once it waits on `arrival`; see `DirectIncoming`."""
        connection = self._connection
        if self._over or not connection.flowing:
            return self._last(connection)
        pieces = connection.pieces
        if pieces:
            return pieces.pop() if len(pieces) == 1 else connection.take()
        self._timer.start_until(until)
        self.arrival.expect()
        return None

    async def close(self) -> None:
        """Be done with the answer; see `Incoming`."""
        self._timer.cancel()
        if not self._over:
            self._give_up(AbortedError())
        if self._failed is not None:
            await asyncio.sleep(0)  # the loop closes the socket in its next round

    def abort(self) -> None:
        """Close the connection at once; see `Incoming`."""
        if self._over:
            return
        self._over = True
        self._failed = AbortedError()
        self.response.is_closed = True
        self._unread()

    def _after_the_end(self) -> bytes:
        if self._failed is not None:
            raise crossed(self._failed, _READING) from self._failed
        return b""

    def _last(self, connection: Connection) -> bytes:
        """What there is where no more will come: bytes, the proper end, or what went wrong."""
        if self._over:  # somebody closed the answer meanwhile
            return self._after_the_end()
        if connection.pieces:
            data = connection.take()
            if connection.done:
                self._complete()
            return data
        if connection.failure is not None:
            self._give_up(connection.failure)
            return self._after_the_end()
        self._complete()
        return b""

    def _complete(self) -> None:
        """The body is whole: the connection may serve another request."""
        self._end()
        if self._reusable:
            self._room.release(self._route, self._connection)
        else:
            self._room.discard(self._connection)

    def _give_up(self, why: Exception) -> None:
        """Close the connection; whoever reads is told."""
        self._failed = why
        self._end()
        self._room.discard(self._connection)

    def _end(self) -> None:
        self._over = True
        self.response.is_closed = True
        self._unread.detach()
        self._timer.cancel()


class _InflatedIncoming(AsyncioIncoming):
    """An answer whose body is compressed although nobody asked for it."""

    async def read(self, wait: float | None) -> bytes:
        """The next bytes, reading on until the compressed ones give something."""
        inflate = self._inflate
        assert inflate is not None
        while data := await super().read(wait):
            try:
                found = inflate.feed(data)
                if self._over:
                    inflate.end()
            except BodyError as error:
                self._give_up(error)
                return self._after_the_end()
            if found:
                return found
        return b""


def _cut_off(pid: int, connection: Connection, room: Room) -> None:
    """Close an answer's connection at once, from any thread or finaliser."""
    if pid != os.getpid():
        return  # a forked child leaves its parent's connections alone
    loop = connection.arrival.loop
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop:
        room.discard(connection)
        return
    try:
        loop.call_soon_threadsafe(room.discard, connection)
    except RuntimeError:  # the loop is closed
        _cut_without_loop(connection)


def _cut_without_loop(connection: Connection) -> None:
    transport = connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    if transport is None or sock is None:
        return
    shut(sock)
    with contextlib.suppress(RuntimeError):
        transport.abort()


class AsyncioWire(SystemTime):
    """A wire for asynchronous clients; tasks, loops and threads may share it.

    `verify` says which certificates to trust, `proxy` is the URL of the proxy to use; without one,
    `trust_env` has the environment's used. At most `max_connections` are in use at once on a loop;
    beyond that `open` waits for one, as long as for connecting. Raises `TypeError`, `ValueError` or
    `FileNotFoundError` for settings that cannot work.
    """

    def __init__(
        self,
        *,
        verify: Verify = True,
        proxy: str | None = None,
        trust_env: bool = True,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
    ) -> None:
        check_verify(verify)
        if max_connections < 1:
            raise ValueError(f"max_connections must be at least 1, not {max_connections}")
        self._verify: Verify = verify
        self._proxies = Proxies(proxy, trust_env)
        self._closed = False
        self._rooms = PerLoop(partial(Room, max_connections), Room.close)

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> AsyncioIncoming:
        """Send a request and return the answer once its headers are there; see `Wire`."""

        async def exchange(request: Request) -> AsyncioIncoming:
            return await self._exchange(request, connect, wait)

        return await following(exchange, request)

    async def sleep(self, seconds: float) -> None:
        """Pause for a time in seconds."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close every connection, those in use too. May be called again.

        Those on another loop are closed by that loop, soon.
        """
        self._closed = True
        await self._rooms.close()

    async def _exchange(
        self, request: Request, connect: float | None, wait: float | None
    ) -> AsyncioIncoming:
        if self._closed:
            raise ConnectFailed("the client is closed", permanent=True)
        try:
            route = route_to(request.url, self._proxies, self._verify)
            head = head_of(route, request)
        except (ValueError, OSError) as error:
            raise ConnectFailed(str(error), permanent=True) from error
        room = await self._rooms.get()
        try:
            connection = await room.take(route, connect)
        except _NOT_CONNECTED as error:
            raise crossed(error, _CONNECTING) from error
        loop = asyncio.get_running_loop()
        timer = MovingTimer(loop, connection.expire, clock=monotonic)
        began = loop.time()
        try:
            found = await connection.ask(head, request.content, timer, wait)
            answer = answer_of(request, found, loop.time() - began)
            connection.begin_body(answer.body, answer.rest)
        except BaseException as error:
            timer.cancel()
            room.discard(connection)
            if isinstance(error, _NOT_ANSWERED):
                raise crossed(error, _AWAITING) from error
            raise
        if answer.inflate is None:
            return AsyncioIncoming(answer, connection, timer, room, route)
        return _InflatedIncoming(answer, connection, timer, room, route)
