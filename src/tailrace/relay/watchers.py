"""Who waits for which log to grow, in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator


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
