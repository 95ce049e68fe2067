"""A journal whose appends and reads are counted and timed; the rest goes straight through."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from .journal import Entry, Journal, Offset
from .metrics import Metrics


class MeasuredJournal:
    """The `Journal` given, measured."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics

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
        work = self._journal.append(key, after, at, data, keep=keep, lease=lease)
        return await self._metrics.timed("append", work)

    async def read(self, key: str, after: Offset | None, *, limit: int = 256) -> list[Entry]:
        """As `Journal.read`."""
        return await self._metrics.timed("read", self._journal.read(key, after, limit=limit))

    def watch(self, key: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """As `Journal.watch`."""
        return self._journal.watch(key)

    async def lease(self, key: str, seconds: float) -> None:
        """As `Journal.lease`."""
        await self._journal.lease(key, seconds)

    async def leased(self, key: str) -> bool:
        """As `Journal.leased`."""
        return await self._journal.leased(key)

    async def expire(self, key: str, seconds: float) -> None:
        """As `Journal.expire`."""
        await self._journal.expire(key, seconds)

    async def drop(self, key: str) -> None:
        """As `Journal.drop`."""
        await self._journal.drop(key)

    async def close(self) -> None:
        """As `Journal.close`."""
        await self._journal.close()
