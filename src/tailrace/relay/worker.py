"""A process that produces what web nodes ask for: `tailrace relay worker redis://…`.

The web nodes (`Relay(…, workers=True)`) only start and follow, so that their deploys and crashes
touch no generation. A worker that is full leaves jobs to others, and takes them when it has room; a
busier one lets an idler one go first. A worker that dies is noticed by who follows, and its
generations become jobs again where `on_crash` says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from .jobs import MINUTE, Job
from .journal import JournalUnavailableError
from .relay import Relay

log = logging.getLogger("tailrace.relay")

_POLL = 0.25
_RETRY_SECONDS = 0.2
_YIELD_SECONDS = 0.05


class Worker:
    """Takes jobs, at most `most` at once, and produces them with `relay`.

    Raises `ValueError` unless `most` is positive.
    """

    def __init__(self, relay: Relay, *, most: int = 200) -> None:
        if most < 1:
            raise ValueError(f"a worker must be allowed at least one generation, not {most}")
        self._relay = relay
        self._most = most
        self._waiting: list[Job] = []

    async def run(self) -> None:
        """Work until the relay drains (`relay.begin_drain()`); then call `relay.drain()`."""
        relay, jobs = self._relay, self._relay.jobs
        while not relay.draining.is_set():
            try:
                async with relay.journal.watch(jobs.key) as hint:
                    await self._work(hint, jobs.key)
            except JournalUnavailableError:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:  # one job, or one answer of the journal, must not end a worker
                log.exception("a worker of the relay failed")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _work(self, hint: asyncio.Event, key: str) -> None:
        relay = self._relay
        while relay.jobs.key == key and not relay.draining.is_set():
            hint.clear()
            self._waiting += await relay.jobs.news()
            await self._take_waiting()
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL):
                    await hint.wait()

    async def _take_waiting(self) -> None:
        """Take what there is room for; what is too old to be waited for is forgotten."""
        oldest = time.time() - MINUTE
        self._waiting = [job for job in self._waiting if job.when > oldest]
        relay = self._relay
        while self._waiting and relay.running < self._most and not relay.draining.is_set():
            if relay.running:
                await asyncio.sleep(_YIELD_SECONDS * relay.running / self._most)
            await relay.recovery.take(self._waiting[0])
            del self._waiting[0]
