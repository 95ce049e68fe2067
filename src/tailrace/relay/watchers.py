"""Who waits for which log to grow, in one event loop; and for how long at most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol


class Watchers:
    """The events of those who watch keys, in one event loop."""

    def __init__(self) -> None:
        self._events: dict[str, set[asyncio.Event]] = {}

    def __bool__(self) -> bool:
        return bool(self._events)

    def __contains__(self, key: str) -> bool:
        return key in self._events

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._events))

    def add(self, key: str) -> asyncio.Event:
        """One more event for a key."""
        event = asyncio.Event()
        self._events.setdefault(key, set()).add(event)
        return event

    def remove(self, key: str, event: asyncio.Event) -> None:
        """Forget an event."""
        events = self._events[key]
        events.discard(event)
        if not events:
            del self._events[key]

    def wake(self, key: str) -> None:
        """Set the events of a key."""
        for event in self._events.get(key, ()):
            event.set()

    def wake_all(self) -> None:
        """Set every event: a hint may have been lost."""
        for key in self._events:
            self.wake(key)


class Clock(Protocol):
    """What an event loop knows of time."""

    def time(self) -> float:
        """Now, in seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        """Call it at a time."""
        ...


class Alarm:
    """Sets an event that nobody else has set for so many seconds.

    `put_off` it whenever the event is about to be waited for. That costs no timer: the one there is
    looks, when it fires, how long it has been.
    """

    def __init__(self, event: asyncio.Event, seconds: float, *, clock: Clock | None = None) -> None:
        self.rang = False
        """Whether it was this that set the event."""
        self._event = event
        self._seconds = seconds
        self._clock = clock or asyncio.get_running_loop()
        self._until = self._clock.time() + seconds
        self._timer = self._clock.call_at(self._until, self._look)

    def put_off(self) -> None:
        """Begin to count anew."""
        self.rang = False
        self._until = self._clock.time() + self._seconds

    def close(self) -> None:
        """Never ring again."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._clock.time() >= self._until:
            self.rang = True
            self._event.set()
            self._until = self._clock.time() + self._seconds
        self._timer = self._clock.call_at(self._until, self._look)
