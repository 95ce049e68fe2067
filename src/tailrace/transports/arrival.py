"""Waiting for a connection, with the task resumed by the connection itself.

An `asyncio.Future` that is settled resumes its task in the loop's next round: one more pass over
the selector for each packet, which for a stream of tokens is a third of its whole cost. An
`Arrival` stands in a future's place (asyncio takes any object with `_asyncio_future_blocking`, see
`asyncio.isfuture`) and runs its task's next step at once, in the callback that brought the bytes.

That can be done where no task is running, as none is in the callbacks of a transport. Elsewhere (a
task closed the connection that another one reads from) `arrive_soon` leaves the step to the loop,
as a future would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any


class Arrival:
    """What one task at a time waits for, again and again.

    asyncio finds the loop in `_loop`, as in futures without `get_loop`.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_loop", "_resume")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._cancelled: asyncio.CancelledError | None = None
        self._context: Context | None = None
        self._loop = loop
        self._resume: Callable[[Any], object] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop whose tasks may wait."""
        return self._loop

    def arrive(self) -> None:
        """Run the task that waits, if one does; meant for callbacks of the loop."""
        resume = self._resume
        if resume is not None:
            self._resume = None
            context, self._context = self._context, None
            try:
                context.run(resume, self)  # type: ignore[union-attr]
            except RuntimeError:
                # Another task, or its context, is being run after all, so the step was not begun
                # (a task keeps its own errors to itself). No loop known does this in a callback.
                self._loop.call_soon(resume, self, context=context)

    def arrive_soon(self) -> None:
        """Let the task that waits go on, if one does, in the loop's next round."""
        resume, self._resume = self._resume, None
        context, self._context = self._context, None  # nobody's variables are kept while idle
        if resume is not None:
            self._loop.call_soon(resume, self, context=context)

    @property
    def awaited(self) -> bool:
        """Whether a task waits."""
        return self._resume is not None

    # -- what a task asks of a future ----------------------------------------------------------

    def expect(self) -> None:
        """Be ready to be yielded to a task, by `await` or by a generator that is a coroutine."""
        if self._resume is not None:
            raise RuntimeError("a reply cannot be read by two tasks at once")
        self._asyncio_future_blocking = True

    def __await__(self) -> Generator[Any, None, None]:
        self.expect()
        yield self

    def add_done_callback(self, resume: Callable[[Any], object], *, context: Context) -> None:
        """Take note of how the task that waits is resumed."""
        self._resume = resume
        self._context = context

    def cancel(self, msg: Any = None) -> bool:
        """Resume the task with `CancelledError`; whether it still waited."""
        if self._resume is None:
            return False
        self._cancelled = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self.arrive_soon()
        return True

    def result(self) -> None:
        """What the task is resumed with."""
        if self._cancelled is not None:
            cancelled, self._cancelled = self._cancelled, None
            try:
                raise cancelled
            finally:
                del cancelled  # its traceback refers to this frame
