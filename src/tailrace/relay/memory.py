"""A journal in the memory of one process: for tests, and for a server that is one process.

Everything happens in one step of the event loop, so nothing needs a lock. What is past its time is
treated as absent at once, and forgotten when the next log is created.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from .journal import Entry, Offset, check_append
from .watchers import Watchers


class _Log:
    __slots__ = ("entries", "until")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.until = 0.0


class MemoryJournal:
    """A `Journal` in this process's memory. `clock` is monotonic, in seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logs: dict[str, _Log] = {}
        self._leases: dict[str, float] = {}
        self._watchers = Watchers()

    def count(self) -> int:
        """How many logs there are."""
        return sum(self._log(key) is not None for key in list(self._logs))

    def _log(self, key: str) -> _Log | None:
        log = self._logs.get(key)
        return log if log is not None and log.until > self._clock() else None

    async def append(
        self,
        key: str,
        after: Offset | None,
        at: Offset,
        data: bytes,
        *,
        keep: float,
        lease: float = 0.0,
    ) -> Offset | None:
        """As `Journal.append`."""
        check_append(after, at)
        log = self._log(key)
        last = log.entries[-1].at if log is not None else None
        if last != after:
            return last
        if log is None:
            self._forget()
            log = self._logs[key] = _Log()
        log.entries.append(Entry(at, data))
        log.until = self._clock() + keep
        if lease:
            self._leases[key] = self._clock() + lease
        self._watchers.wake(key)
        return at

    def _forget(self) -> None:
        now = self._clock()
        self._logs = {key: log for key, log in self._logs.items() if log.until > now}
        self._leases = {key: until for key, until in self._leases.items() if until > now}

    async def read(self, key: str, after: Offset | None, *, limit: int = 256) -> list[Entry]:
        """As `Journal.read`."""
        log = self._log(key)
        if log is None:
            return []
        start = 0 if after is None else _place_after(log.entries, after)
        return log.entries[start : start + limit]

    @asynccontextmanager
    async def watch(self, key: str) -> AsyncGenerator[asyncio.Event]:
        """As `Journal.watch`."""
        event = self._watchers.add(key)
        try:
            yield event
        finally:
            self._watchers.remove(key, event)

    async def lease(self, key: str, seconds: float) -> None:
        """As `Journal.lease`."""
        self._leases[key] = self._clock() + seconds

    async def leased(self, key: str) -> bool:
        """As `Journal.leased`."""
        return self._leases.get(key, 0.0) > self._clock()

    async def expire(self, key: str, seconds: float) -> None:
        """As `Journal.expire`."""
        log = self._log(key)
        if log is not None:
            log.until = self._clock() + seconds

    async def drop(self, key: str) -> None:
        """As `Journal.drop`."""
        self._logs.pop(key, None)
        self._leases.pop(key, None)
        self._watchers.wake(key)

    async def close(self) -> None:
        """As `Journal.close`."""


def _place_after(entries: list[Entry], after: Offset) -> int:
    """How many entries there are up to an offset; nearly always all of them, or all but one."""
    for place in range(len(entries), max(len(entries) - 2, 0), -1):
        if entries[place - 1].at <= after:
            return place
    return bisect_right(entries, after, key=_at)


def _at(entry: Entry) -> Offset:
    return entry.at
