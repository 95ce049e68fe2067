"""The connections of one event loop: idle ones, and places for those in use.

All of it runs on its loop, so it takes no lock. Who finds no free place waits in line, first come
first served; a place that becomes free is handed to the first in line, not put up for grabs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from .connecting import connected
from .connection import AbortedError, Connection
from .leases import KEPT
from .routes import Route
from .sockets import IDLE_CONNECTION_SECONDS


class _Idle(NamedTuple):
    connection: Connection
    since: float


class Room:
    """What a wire has on one event loop."""

    def __init__(self, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = limit
        self._line: deque[asyncio.Future[None]] = deque()
        self._idle: dict[Route, deque[_Idle]] = {}
        self._in_use: set[Connection] = set()
        self._closed = False

    async def take(self, route: Route, connect: float | None) -> Connection:
        """A connection, idle or new, within `connect` seconds.

        Give it back with `release`. Raises `TimeoutError`, `OSError`, or `AbortedError` where the
        room was closed meanwhile.
        """
        if self._free and (connection := self._idle_one(route)) is not None:
            self._free -= 1
            self._in_use.add(connection)
            return connection
        async with asyncio.timeout(connect):
            await self._place()
            try:
                connection = self._idle_one(route) or await connected(route)
            except BaseException:
                self._leave_place()
                raise
        self._in_use.add(connection)
        if self._closed:  # while the connection was made
            self.discard(connection)
            raise AbortedError
        return connection

    def release(self, route: Route, connection: Connection) -> None:
        """Keep a connection for the next request if it can serve one, else close it."""
        if connection not in self._in_use:
            return
        self._in_use.discard(connection)
        if connection.rest() and not self._closed:
            self._keep(route, connection)
        else:
            connection.cut()
        self._leave_place()

    def discard(self, connection: Connection) -> None:
        """Close a connection."""
        if connection in self._in_use:
            self._in_use.discard(connection)
            self._leave_place()
        connection.cut()

    async def close(self) -> None:
        """Close every connection, those in use too."""
        self._closed = True
        connections = list(self._in_use)
        connections += [one.connection for idle in self._idle.values() for one in idle]
        self._idle.clear()
        for connection in connections:
            self.discard(connection)
        if connections:
            await asyncio.sleep(0)  # the loop closes the sockets in its next round

    def _idle_one(self, route: Route) -> Connection | None:
        """The idle connection that was used last and still stands."""
        idle = self._idle.get(route)
        while idle:
            connection, since = idle.pop()
            young = self._loop.time() - since < IDLE_CONNECTION_SECONDS
            if young and connection.is_connected:
                return connection
            connection.cut()
        return None

    def _keep(self, route: Route, connection: Connection) -> None:
        idle = self._idle.setdefault(route, deque())
        now = self._loop.time()
        idle.append(_Idle(connection, now))
        while len(idle) > KEPT or now - idle[0].since > IDLE_CONNECTION_SECONDS:
            idle.popleft().connection.cut()

    async def _place(self) -> None:
        """Wait for a free place and take it."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._line.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._leave_place()  # it was handed over in the moment of giving up
            else:
                self._line.remove(turn)
            raise

    def _leave_place(self) -> None:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
