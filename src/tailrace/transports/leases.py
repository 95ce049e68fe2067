"""Connections of blocking sockets: a pool of idle ones, and leases of those in use.

Theory of operation. A `Lease` is a connection in use. It ends once: given back when the body is
complete, else discarded. While its thread is inside the socket (`busy`) another thread may only
shut the connection down, which wakes the thread; closing a descriptor under a thread that uses it
could hit somebody else's. That thread then discards the lease itself.

A finaliser may run anywhere, even in the middle of the pool's own code, so the pool is built of
single steps that cannot be interrupted, and takes no lock.

After a fork the child needs a pool of its own (`pid` tells). What it inherited in use it leaves
alone: shutting such a connection down would cut the parent off.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Hashable
from queue import Empty, SimpleQueue
from threading import RLock
from typing import Any, NamedTuple, Protocol

from .sockets import IDLE_CONNECTION_SECONDS, shut
from .system import monotonic

KEPT = 100
"""How many idle connections are kept for one origin."""

Origin = Hashable
"""What tells one place to connect to from another."""


class Closable(Protocol):
    """Anything that can be closed."""

    def close(self) -> None:
        """Close it."""
        ...


class Connection(Closable, Protocol):
    """What the pool needs of a connection."""

    @property
    def is_connected(self) -> bool:
        """Whether it stands and nothing has come that nobody asked for."""
        ...


class _Idle(NamedTuple):
    connection: Any
    since: float


class Pool:
    """The connections of one process. There is a token for each that may be in use."""

    def __init__(self, limit: int) -> None:
        self.pid = os.getpid()
        self.closed = False
        self.leases: set[Lease] = set()
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._idle: dict[Origin, deque[_Idle]] = {}
        for _ in range(limit):
            self._tokens.put(None)

    def lease(self, key: Origin, wait: float | None) -> Lease | None:
        """A lease to put a connection in, once there may be one more; `None` after `wait` s."""
        try:
            self._tokens.get(timeout=wait)
        except Empty:
            return None
        return Lease(self, key)

    def release(self, lease: Lease) -> None:
        """Let another connection be used instead."""
        self.leases.discard(lease)
        self._tokens.put(None)

    def take(self, key: Origin) -> Any:
        """The idle connection that was used last and still stands, or `None`."""
        idle = self._idle.get(key, deque())
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while True:
                connection, since = idle.pop()
                if monotonic() - since < IDLE_CONNECTION_SECONDS and connection.is_connected:
                    return connection
                connection.close()
        return None

    def keep(self, key: Origin, connection: Connection) -> None:
        """Keep a connection for the next request, and close those that waited too long."""
        idle = self._idle.setdefault(key, deque())
        idle.append(_Idle(connection, monotonic()))
        with contextlib.suppress(IndexError):
            while (
                self.closed
                or len(idle) > KEPT
                or monotonic() - idle[0].since > IDLE_CONNECTION_SECONDS
            ):
                idle.popleft().connection.close()

    def close(self) -> None:
        """Close every connection, those in use too."""
        self.retire()
        for lease in list(self.leases):
            lease.abort()

    def retire(self) -> None:
        """Keep no connection any more; those in use are closed when they are given back."""
        self.closed = True
        self.close_idle()

    def close_idle(self) -> None:
        """Close the idle connections. A forked child closes its copies only."""
        for idle in list(self._idle.values()):
            with contextlib.suppress(IndexError):
                while True:
                    idle.pop().connection.close()


class Lease:
    """A connection in use."""

    def __init__(self, pool: Pool, key: Origin) -> None:
        self.busy = False
        """Whether the thread that has the lease is inside the socket."""
        self._pool = pool
        self._key = key
        self._connection: Connection | None = None
        self._socket: Any = None
        self._file: Closable | None = None
        self._ended = False
        self.aborted = False
        """Whether this side closed the connection before its use was over."""
        # Reentrant, since a finaliser may come while this very thread holds it.
        self._lock = RLock()
        pool.leases.add(self)

    def hold(self, connection: Connection, sock: Any) -> None:
        """Take a connection into the lease."""
        self._connection = connection
        self._socket = sock

    def hold_file(self, file: Closable) -> None:
        """Take in what keeps the socket open besides the connection."""
        self._file = file

    def give_back(self) -> None:
        """Keep the connection for the next request."""
        with self._lock:
            if self._ended or self._connection is None:
                return
            self._ended = True
            if self._file is not None:
                self._file.close()
            self._pool.keep(self._key, self._connection)
        self._pool.release(self)

    def discard(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            # At once, also where a forked child has it open too. A child only closes its own copy.
            if self._socket is not None and os.getpid() == self._pool.pid:
                shut(self._socket)
            if self._file is not None:
                self._file.close()
            if self._connection is not None:
                self._connection.close()
        self._pool.release(self)

    def abort(self) -> None:
        """Close the connection at once, from any thread."""
        with self._lock:
            if self._ended:
                return
            self.aborted = True
            if self.busy and os.getpid() == self._pool.pid:
                if self._socket is not None:
                    shut(self._socket)
                return
        self.discard()
