"""What is produced in this process: claims, productions, and the leases that say so."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable

from .journal import Entry, Journal, JournalUnavailableError, new_epoch
from .metrics import Metrics
from .production import Production, Tempo
from .records import Claim, Event, encode_record
from .writer import OvertakenError, Writer

log = logging.getLogger("tailrace.relay")

_TRIES = 3
_RETRY_SECONDS = 0.2


class Producer:
    """Runs productions, and renews their leases while there are any."""

    def __init__(self, journal: Journal, tempo: Tempo, metrics: Metrics) -> None:
        self.running: dict[str, tuple[Production, asyncio.Task[None]]] = {}
        """By the keys of their logs."""
        self._journal = journal
        self._tempo = tempo
        self._metrics = metrics
        self._beating: asyncio.Task[None] | None = None

    def writer(
        self, place: str, found: list[Entry] | None, *, lease: float | None = None
    ) -> Writer:
        """A pen for a new epoch of a log, of which `found` is what is there.

        `lease` is how long its claim holds, in seconds; a producer's own if not given.
        """
        last = found[-1].at if found else None
        epoch = new_epoch(last, time.time(), secrets.randbits(16))
        held = self._tempo.lease if lease is None else lease
        keep = self._tempo.keep_running
        return Writer(self._journal, place, epoch, found=found or (), keep=keep, lease=held)

    async def claim(self, writer: Writer, claim: Claim) -> bool:
        """Store a claim; false if somebody else was first. Raises `JournalUnavailableError`."""
        writer.add(encode_record(claim))
        for left in reversed(range(_TRIES)):
            try:
                await writer.store()
                return True
            except OvertakenError:
                return False
            except JournalUnavailableError:
                if not left:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
        raise AssertionError("the last try returns or raises")

    def produce(
        self,
        place: str,
        writer: Writer,
        events: AsyncIterator[Event],
        *,
        on_done: Callable[[], None] | None = None,
        stopped: bool = False,
    ) -> None:
        """Run a generation whose claim is stored. `stopped`: it has its `message_stop` already."""
        by = secrets.token_hex(8)
        production = Production(
            self._journal, place, writer, events, tempo=self._tempo, by=by, stopped=stopped
        )
        task = asyncio.create_task(self._run(production))
        if on_done is not None:
            task.add_done_callback(lambda _: on_done())
        self.running[place] = (production, task)
        self._metrics.started += 1
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())

    async def _run(self, production: Production) -> None:
        how = "failed"
        try:
            end = await production.run()
            how = "overtaken" if end is None else end.end
        except Exception:
            log.exception("a production of the relay failed")
        finally:
            self._metrics.ended[how] += 1
            running = self.running.get(production.key)
            if running is not None and running[0] is production:
                del self.running[production.key]

    async def _beat(self) -> None:
        """Renew the leases and the time of the logs that are written here."""
        tempo = self._tempo
        while self.running:
            await asyncio.sleep(tempo.lease / 3)
            places = list(self.running)
            renewals = [self._journal.lease(place, tempo.lease) for place in places]
            renewals += [self._journal.expire(place, tempo.keep_running) for place in places]
            await asyncio.gather(*renewals, return_exceptions=True)

    async def drain(self, seconds: float, others: Iterable[asyncio.Task[None]] = ()) -> None:
        """Let generations end; interrupt those that have not after `seconds`.

        `others` is what has to be done after that, for which there are two seconds more.
        """
        tasks = [task for _, task in self.running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for production, _ in list(self.running.values()):
            production.interrupt()
        tasks += others
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)

    async def close(self) -> None:
        """Stop at once, storing nothing more."""
        tasks = [task for _, task in self.running.values()]
        if self._beating is not None:
            tasks.append(self._beating)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
