"""An alarm that costs no timer for each time it is put off."""

from __future__ import annotations

import asyncio

from tailrace.relay.watchers import Alarm


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when, callback):
        timer = (when, callback)
        self.timers.append(timer)
        return self._Handle(self, timer)

    class _Handle:
        def __init__(self, clock, timer) -> None:
            self.clock, self.timer = clock, timer

        def cancel(self) -> None:
            self.clock.timers.remove(self.timer)

    def go_to(self, now: float) -> None:
        self.now = now
        for timer in [timer for timer in self.timers if timer[0] <= now]:
            self.timers.remove(timer)
            timer[1]()


def test_it_rings_when_nobody_has_put_it_off() -> None:
    clock, event = Clock(), asyncio.Event()
    alarm = Alarm(event, 1.0, clock=clock)
    clock.go_to(0.9)
    assert not event.is_set()
    clock.go_to(1.0)
    assert event.is_set()
    assert alarm.rang


def test_it_counts_from_the_last_time_it_was_put_off_with_one_timer() -> None:
    clock, event = Clock(), asyncio.Event()
    alarm = Alarm(event, 1.0, clock=clock)
    for tenth in range(1, 30):
        clock.go_to(tenth / 10)
        alarm.put_off()
        assert len(clock.timers) == 1
    assert not event.is_set()
    clock.go_to(3.8)
    assert not event.is_set()
    clock.go_to(3.9)
    assert event.is_set()


def test_it_rings_again() -> None:
    clock, event = Clock(), asyncio.Event()
    alarm = Alarm(event, 1.0, clock=clock)
    clock.go_to(1.0)
    alarm.put_off()
    event.clear()
    assert not alarm.rang
    clock.go_to(2.0)
    assert alarm.rang


def test_closed_it_never_rings() -> None:
    clock, event = Clock(), asyncio.Event()
    Alarm(event, 1.0, clock=clock).close()
    clock.go_to(9.0)
    assert not event.is_set()
    assert clock.timers == []
