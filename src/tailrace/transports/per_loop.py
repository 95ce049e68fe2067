"""Something for each event loop it is used on, closed with the loop.

Theory of operation. Before a loop ends it closes the asynchronous generators begun on it:
`asyncio.run`, servers and test runners all see to that (`loop.shutdown_asyncgens`). So each thing
is held by a generator that waits at its one `yield` and closes the thing when it is closed. A
generator that is dropped is handed to its loop, which closes it in the same way.

What is on the loop that runs is closed at once; on another loop, soon, by that loop. On a loop that
was closed without care there is nothing left to wait for, and closing runs in one step.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")
Close = Callable[[Thing], Coroutine[Any, Any, None]]

_closing: set[asyncio.Task[None]] = set()  # a loop refers to its tasks weakly


class _Held(Generic[Thing]):
    """A thing on its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, thing: Thing, close: Close[Thing]) -> None:
        self.pid = os.getpid()
        self.loop = loop
        self.thing = thing
        self.closed = False
        self._close = close
        self.keeper = self._keep()

    async def _keep(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.closed = True
            await self._close(self.thing)

    def abandon(self) -> None:
        """Close the thing, soon, from any thread or finaliser."""
        if self.closed or self.pid != os.getpid():
            return
        try:
            self.loop.call_soon_threadsafe(self._close_soon)
        except RuntimeError:  # the loop is closed
            self.closed = True
            closing = self._close(self.thing)
            with contextlib.suppress(StopIteration, RuntimeError):
                closing.send(None)
            closing.close()

    def _close_soon(self) -> None:
        task = self.loop.create_task(self.aclose())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    async def aclose(self) -> None:
        """Close the thing, on its loop."""
        await self.keeper.aclose()


class PerLoop(Generic[Thing]):
    """One thing for each loop, made by the first `get` there."""

    def __init__(self, make: Callable[[], Thing], close: Close[Thing]) -> None:
        self._make = make
        self._close = close
        self._held: dict[asyncio.AbstractEventLoop, _Held[Thing]] = {}
        weakref.finalize(self, _abandon, self._held)

    async def get(self) -> Thing:
        """The thing of the running loop."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None or held.closed:
            for ended in [other for other in list(self._held) if other.is_closed()]:
                self._held.pop(ended).abandon()
            held = self._held[loop] = _Held(loop, self._make(), self._close)
            await anext(held.keeper)
        return held.thing

    async def close(self) -> None:
        """Close all; those of other loops, soon."""
        own = self._held.pop(asyncio.get_running_loop(), None)
        _abandon(self._held)
        self._held.clear()
        if own is not None:
            await own.aclose()


def _abandon(held: dict[asyncio.AbstractEventLoop, _Held[Any]]) -> None:
    for one in list(held.values()):
        one.abandon()
