"""A clock for reads on an event loop: one timer, whose deadline moves on with every read.

Setting a timer for each read and cancelling it again would cost more than the read. This one stays
set: a read only notes its new deadline, and a timer that fires before it is set again.
"""

from __future__ import annotations

import asyncio
import math
import time
import weakref
from collections.abc import Callable

SLACK = 0.002
"""Seconds by which it is late on purpose: uvloop's clock ticks in milliseconds, and whoever set the
time must find it over."""


class MovingTimer:
    """Calls `expired` when the time of the wait that `start` began last is over.

    Whether anybody still waits then is for `expired` to say. The loop refers to it weakly, so it
    keeps nothing alive.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_deadline",
        "_expired",
        "_fires",
        "_handle",
        "_loop",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        expired: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._expired = expired
        self._deadline = math.inf
        self._fires = math.inf
        self._handle: asyncio.TimerHandle | None = None

    def start(self, wait: float | None) -> None:
        """Begin a wait of at most `wait` seconds; `None` is for ever."""
        self.start_until(math.inf if wait is None else self._clock() + wait)

    def start_until(self, when: float) -> None:
        """Begin a wait that ends at a time of its clock."""
        self._deadline = when
        if when < self._fires:
            self.cancel()
            self._set()

    def cancel(self) -> None:
        """Be done."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._fires = math.inf

    def _set(self) -> None:
        self._fires = self._deadline
        left = max(self._deadline - self._clock() + SLACK, 0.0)
        self._handle = self._loop.call_later(left, _fire, weakref.ref(self))

    def _fire(self) -> None:
        self._handle = None
        self._fires = math.inf
        if self._deadline < math.inf:
            if self._clock() >= self._deadline:
                self._expired()
            else:
                self._set()


def _fire(reference: Callable[[], MovingTimer | None]) -> None:
    timer = reference()
    if timer is not None:
        timer._fire()
