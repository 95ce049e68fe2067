"""An answer on a blocking socket.

One `recv` takes what is there, and the body decoder finds the body bytes of all chunks in it, so
that a read costs the same for one event as for fifty. An answer refers to its lease and never the
other way, so that dropping it unread ends the lease.
"""

from __future__ import annotations

import weakref
from typing import Any

from tailrace.core.chunked import BodyError
from tailrace.procedures.wire import ConnectionLost

from .answers import Answer, broken_off
from .failures import Border, crossed, kinds, lost, nothing_came
from .leases import Lease
from .system import monotonic

READ_SIZE = 65_536
"""How many bytes one read takes at most."""

_READING: Border = (
    (TimeoutError, nothing_came),
    (OSError, lost),
    (BodyError, broken_off),
    (ValueError, lost),  # `abort` closed the socket
)
_BROKEN = kinds(_READING)


class BlockingIncoming:
    """One answer. Its methods are `async def`, but wait for nothing except the socket."""

    def __init__(
        self,
        answer: Answer,
        lease: Lease,
        sock: Any,
    ) -> None:
        self.response = answer.response
        self._body = answer.body
        self._inflate = answer.inflate
        self._lease = lease
        self._rest = answer.rest
        self._socket = sock
        self._asked: float | None = -1.0  # no wait, so that the first one is set
        self._armed: float | None = -1.0
        self._reusable = answer.reusable
        self._over = False
        self._broken = False
        # Called also where the answer is in a cycle, before its socket would complain.
        self._unread = weakref.finalize(self, lease.discard)
        if answer.body.done:
            self._complete()

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the body; see `Incoming`."""
        lease: Any = self._lease  # its state changes under other threads
        if self._over or lease.aborted:
            return self._after_the_end()
        lease.busy = True
        try:
            if wait != self._asked:
                self._arm(wait)
            data = self._step() or self._step_on(wait)
        except _BROKEN as error:
            self._broken = True
            self._give_up()
            raise (_aborted() if lease.aborted else crossed(error, _READING)) from error
        finally:
            lease.busy = False
        if lease.aborted:
            self._give_up()
            raise _aborted()
        return data

    async def close(self) -> None:
        """Be done with the answer; see `Incoming`. A read in another thread is ended."""
        self._over = True
        if self._lease.busy:
            self.abort()
        else:
            self._give_up()

    def abort(self) -> None:
        """Close the connection at once; see `Incoming`."""
        self.response.is_closed = True
        self._lease.abort()

    def _after_the_end(self) -> bytes:
        if self._lease.aborted:
            raise _aborted()
        if self._broken:
            raise ConnectionLost("the connection was lost before")
        return b""

    def _step(self) -> bytes:
        """One `recv`: the body bytes in it, and the end of the body if that is in it too."""
        body = self._body
        if body.fault is not None:
            raise body.fault
        if self._rest:
            raw, self._rest = self._rest, b""
        else:
            raw = self._socket.recv(READ_SIZE)
        if raw:
            data = body.feed(raw)
        else:
            body.end()
            data = b""
        if self._inflate is not None:
            data = self._inflate.feed(data)
            if body.done:
                self._inflate.end()
        if body.done:
            self._complete()
        return data

    def _step_on(self, wait: float | None) -> bytes:
        """Go on where a step gave nothing: part of a size line came, or the end."""
        until = None if wait is None else monotonic() + wait
        data = b""
        while not data and not self._over:
            self._arm(None if until is None else max(until - monotonic(), 0.0))
            data = self._step()
        return data

    def _arm(self, wait: float | None) -> None:
        """Set the socket's timeout, which costs a system call, only if it has changed.

        Never shorter than `wait`, so that whoever set the clock finds it run out.
        """
        armed = self._armed
        self._asked = wait
        if wait is None:
            if armed is not None:
                self._armed = None
                self._socket.settimeout(None)
        elif armed is None or not wait <= armed <= wait + 0.001:
            self._armed = max(wait, 0.0) + 0.0005
            self._socket.settimeout(self._armed)

    def _complete(self) -> None:
        """The body is whole: the connection may serve another request."""
        self._over = True
        self.response.is_closed = True
        self._unread.detach()
        if self._reusable and not self._body.extra and not self._lease.aborted:
            self._lease.give_back()
        else:
            self._lease.discard()

    def _give_up(self) -> None:
        self._over = True
        self.response.is_closed = True
        self._unread.detach()
        self._lease.discard()


def _aborted() -> ConnectionLost:
    return ConnectionLost("the connection was closed by this side")
