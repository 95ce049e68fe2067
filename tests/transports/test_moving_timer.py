"""A timer whose deadline moves, on a loop whose clock stands still."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.transports.moving_timer import SLACK, MovingTimer


class Handle:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """As much of an event loop as a timer needs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.handles: list[Handle] = []

    def time(self) -> float:
        return self.now

    def call_later(self, wait: float, call: Callable[..., None], *args: Any) -> Handle:
        handle = Handle(self.now + wait, lambda: call(*args))
        self.handles.append(handle)
        return handle

    def to(self, now: float) -> None:
        """Let time pass and call what is due, in order."""
        while due := [one for one in self.handles if not one.cancelled and one.when <= now]:
            first = min(due, key=lambda one: one.when)
            self.handles.remove(first)
            self.now = first.when
            first.call()
        self.now = now


def on(loop: Loop, expired: Callable[[], None]) -> MovingTimer:
    return MovingTimer(loop, expired, clock=loop.time)  # type: ignore[arg-type]


@pytest.fixture
def loop() -> Any:
    return Loop()


def test_it_expires_when_nothing_comes(loop: Any) -> None:
    expired: list[float] = []
    timer = on(loop, lambda: expired.append(loop.now))
    timer.start(5.0)
    loop.to(5.0)
    assert not expired, "it must not be early"
    loop.to(6.0)
    assert expired == [5.0 + SLACK]


def test_many_reads_set_few_timers(loop: Any) -> None:
    timer = on(loop, lambda: pytest.fail("expired"))
    set_at_once = []
    for second in range(1000):
        timer.start(10.0)
        set_at_once.append(len(loop.handles))
        loop.to(float(second))
    assert max(set_at_once) == 1
    assert not any(handle.cancelled for handle in loop.handles)


def test_a_timer_that_fires_early_is_set_again(loop: Any) -> None:
    expired: list[float] = []
    timer = on(loop, lambda: expired.append(loop.now))
    timer.start(10.0)
    loop.to(8.0)
    timer.start(10.0)
    loop.to(17.0)
    assert not expired
    loop.to(19.0)
    assert expired == [18.0 + SLACK]


def test_an_earlier_deadline_replaces_the_timer(loop: Any) -> None:
    expired: list[float] = []
    timer = on(loop, lambda: expired.append(loop.now))
    timer.start(100.0)
    timer.start(1.0)
    loop.to(200.0)
    assert expired == [1.0 + SLACK]


def test_it_expires_whether_or_not_anybody_still_waits(loop: Any) -> None:
    expired: list[float] = []
    timer = on(loop, lambda: expired.append(loop.now))
    timer.start(1.0)
    loop.to(9.0)
    assert expired == [1.0 + SLACK]
    timer.start(1.0)
    loop.to(20.0)
    assert expired == [1.0 + SLACK, 10.0 + SLACK]


def test_nothing_expires_without_a_bound_or_after_the_end(loop: Any) -> None:
    timer = on(loop, lambda: pytest.fail("expired"))
    timer.start(None)
    loop.to(1e9)
    timer.start(1.0)
    timer.cancel()
    timer.cancel()
    loop.to(2e9)


def test_for_ever_after_a_bound_is_for_ever(loop: Any) -> None:
    timer = on(loop, lambda: pytest.fail("expired"))
    timer.start(1.0)
    timer.start(None)
    loop.to(1e9)


def test_the_loop_does_not_keep_it_alive(loop: Any) -> None:
    timer = on(loop, lambda: pytest.fail("expired"))
    timer.start(1.0)
    gone = weakref.ref(timer)
    del timer
    gc.collect()
    assert gone() is None
    loop.to(2.0)
