"""One generation being produced here: from the upstream, through the merger, into the journal.

Theory of operation. Three tasks. The pump takes events from the source and merges them; it is never
slowed by the journal or by followers, only bounded (`max_bytes`). The main task stores what was
merged, at once the first time and then every `flush` seconds, and the end as soon as there is one;
while the journal is unavailable it keeps trying, the text waiting in memory. The watcher notices
that somebody closed the log (a cancel), which ends the pump at once.

The log is the truth about how it ended. Finish and cancel may race: each tries to store an end, the
journal lets one of them, and both read which one it was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, cast

import msgspec

from .journal import BEFORE_END, Journal, JournalUnavailableError
from .merge import Merger
from .records import (
    DONE,
    ERROR,
    INTERRUPTED,
    Batch,
    End,
    Event,
    decode_record,
    encode_record,
    failure,
    raw_json,
)
from .source import error_object
from .watchers import Alarm
from .writer import OvertakenError, Writer

log = logging.getLogger("tailrace.relay")

_RETRY_SECONDS = 0.2
_WATCH_PAUSE, _WATCH_SECONDS = 0.5, 1.0
_STOP = {"type": "message_stop"}


class Tempo(msgspec.Struct, frozen=True):
    """How a generation is written: times in seconds, sizes in bytes.

    `flush`: the least time between two entries. `keep_running` and `keep_ended`: how long a log is
    kept after its last sign of life, and after its end. `lease`: how long one says that the
    producer is alive; it is renewed every third of it. `max_bytes`: the largest log.
    """

    flush: float = 0.04
    keep_running: float = 900.0
    keep_ended: float = 600.0
    lease: float = 6.0
    max_bytes: int = 8 * 1024 * 1024


class Production:
    """Runs one generation to its end; `run` returns how it ended, `None` if somebody took over."""

    def __init__(
        self,
        journal: Journal,
        key: str,
        writer: Writer,
        events: AsyncIterator[Event],
        *,
        tempo: Tempo,
        by: str,
        stopped: bool = False,
    ) -> None:
        self.key = key
        self._journal = journal
        self._writer = writer
        self._events = events
        self._tempo = tempo
        self._by = by
        self._merger = Merger()
        self._news = asyncio.Event()
        """There is something to store."""
        self._last = asyncio.Event()
        """There is nothing to wait for any more."""
        self._closed = False
        self._size = 0
        self._stopped = stopped
        self._interrupted = False

    async def run(self) -> End | None:
        """Produce, and store; cancelled, it stops at once and stores nothing more."""
        pump = asyncio.create_task(self._pump())
        watcher = asyncio.create_task(self._watch())
        pump.add_done_callback(lambda _: self._hurry())
        try:
            return await self._store_all(pump)
        finally:
            pump.cancel()
            watcher.cancel()
            await asyncio.gather(pump, watcher, return_exceptions=True)

    def interrupt(self) -> None:
        """End the generation here and now, as interrupted: what there is is kept."""
        self._interrupted = True
        self._close()

    def _close(self) -> None:
        self._closed = True
        self._hurry()

    def _hurry(self) -> None:
        self._last.set()
        self._news.set()

    # -- from the source -----------------------------------------------------------------------

    async def _pump(self) -> None:
        events: Any = self._events
        try:
            async for event in events:
                self._merger.add(event)
                self._stopped = self._stopped or event.get("type") == "message_stop"
                self._size += _size(event)
                if self._size > self._tempo.max_bytes:
                    raise OverflowError
                self._news.set()
        finally:
            close: Callable[[], Any] | None = getattr(events, "aclose", None)
            if close is not None:
                await close()

    async def _watch(self) -> None:
        """Notice that somebody else has closed the log.

        While entries are stored the journal's answers say so, too; this is for the time between.
        """
        async with self._journal.watch(self.key) as hint:
            alarm = Alarm(hint, _WATCH_SECONDS)
            try:
                while not await self._is_ended():
                    await asyncio.sleep(_WATCH_PAUSE)
                    alarm.put_off()
                    await hint.wait()
                    hint.clear()
            finally:
                alarm.close()
        self._close()

    async def _is_ended(self) -> bool:
        try:
            return bool(await self._journal.read(self.key, BEFORE_END, limit=1))
        except JournalUnavailableError:
            return False

    # -- into the journal ----------------------------------------------------------------------

    async def _store_all(self, pump: asyncio.Task[None]) -> End | None:
        clock = asyncio.get_running_loop().time
        next_entry = clock()
        while True:
            await self._news.wait()
            if next_entry > clock():  # more may come to go with it, unless this is the last
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(next_entry):
                        await self._last.wait()
            self._news.clear()
            if pump.done() or self._closed:
                break
            if self._merger:
                self._writer.add(encode_record(Batch(self._merger.take())))
            if not await self._store():
                return await self._outcome()
            next_entry = clock() + self._tempo.flush
        if not pump.done():
            pump.cancel()  # the upstream is left before anything else is awaited
            await asyncio.gather(pump, return_exceptions=True)
        if self._closed and not self._interrupted:
            return await self._outcome()
        return await self._finish(self._how_it_ended(pump))

    def _how_it_ended(self, pump: asyncio.Task[None]) -> End:
        events, prev = self._merger.take(), self._writer.last
        if pump.cancelled():
            return End(INTERRUPTED, prev, events, by=self._by, when=time.time())
        error = pump.exception()
        if isinstance(error, OverflowError):
            text = f"the reply grew over the relay's limit of {self._tempo.max_bytes} bytes"
            return End(ERROR, prev, events, failure(text), by=self._by, when=time.time())
        if error is not None:
            if not isinstance(error, Exception):
                raise error
            log.info("a generation failed: %s", type(error).__name__)
            return End(ERROR, prev, events, error_object(error), by=self._by, when=time.time())
        if not self._stopped:  # the client takes a clean end after a stop_reason as one
            events.append(raw_json(_STOP))
        return End(DONE, prev, events, by=self._by, when=time.time())

    async def _finish(self, end: End) -> End | None:
        data = encode_record(end)
        while True:
            try:
                await self._writer.close(data, keep=self._tempo.keep_ended)
                break
            except OvertakenError:
                break
            except JournalUnavailableError:
                await asyncio.sleep(_RETRY_SECONDS)
        return await self._outcome()

    async def _store(self) -> bool:
        """Store what waits; false if the log is not ours any more."""
        while self._writer.waiting:
            try:
                await self._writer.store()
            except OvertakenError:
                return False
            except JournalUnavailableError:
                if self._writer.size > 2 * self._tempo.max_bytes:
                    return False
                await asyncio.sleep(_RETRY_SECONDS)
        return True

    async def _outcome(self) -> End | None:
        """The end that is in the log."""
        while True:
            try:
                ends = await self._journal.read(self.key, BEFORE_END, limit=1)
            except JournalUnavailableError:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            end = decode_record(ends[0].data) if ends else None
            return end if isinstance(end, End) else None


def _size(event: Event) -> int:
    """About how many bytes an event is worth: exact for text, which is what grows."""
    delta = event.get("delta")
    if not isinstance(delta, dict):
        return 64
    values = cast("Event", delta).values()
    return sum(len(value) for value in values if isinstance(value, str))
