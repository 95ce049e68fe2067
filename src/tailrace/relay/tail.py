"""The newest end of a log, read once per process and shared by all who follow it here.

Theory of operation. A tail reads its log whenever it is hinted at, and once a second in any case,
and keeps the entries while anyone follows. A follower is a place in that list, not a queue: one
that is slow costs nothing and later gets all it missed at once. Between two reads that found
something is a tick at least, so that a burst of appends is one wake-up.

Entries that are no longer part of the reply are cut off: those after the `prev` of a newer claim,
and those that a journal which lost its tail holds otherwise now (checked whenever it is quiet).
Followers who are past a cut learn it. A log that is not ended and has had no lease for `grace`
seconds is handed to `recover`.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Awaitable, Callable

import msgspec

from .journal import END, Entry, Journal, JournalUnavailableError, Offset
from .records import Claim, End, current, decode_record, follows, is_special, left_by
from .watchers import Alarm

log = logging.getLogger("tailrace.relay")

TICK, POLL = 0.02, 1.0
_RETRY_SECONDS = 0.2
_LIMIT = 256


class Pulse(msgspec.Struct, frozen=True):
    """The tempo of following: all in seconds.

    `tick`: the least time between two reads. `poll`: how long a tail is quiet before it looks by
    itself. `grace`: how long a lease must be missing before the producer counts as dead.
    """

    tick: float = TICK
    poll: float = POLL
    grace: float = 3.0


class Tail:
    """The entries of one log, as far as this process has read them."""

    def __init__(
        self, journal: Journal, key: str, recover: Callable[[Tail], Awaitable[None]], pulse: Pulse
    ) -> None:
        self.journal = journal
        self.key = key
        self.entries: list[Entry] = []
        self.end: End | None = None
        self.gone = False
        """Whether the log is not there (any more)."""
        self.cuts: list[int] = []
        """The number of entries left by each cut so far."""
        self.shared: dict[str, object] = {}
        """What followers make of the entries once and for all: one value per dialect."""
        self.followers = 0
        self.read_at = 0.0
        """When the newest entries were read, in the loop's time."""
        self._recover = recover
        self._pulse = pulse
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[bool]] = []
        self._loaded = asyncio.Event()
        self._unleased: float | None = None
        self._task: asyncio.Task[None] | None = None

    # -- for followers -------------------------------------------------------------------------

    async def load(self) -> None:
        """Wait until the log has been read once."""
        await self._loaded.wait()

    def grown(self) -> asyncio.Future[bool]:
        """Done when something has changed (with `True`), or at a heartbeat (with `False`)."""
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting.append(future)
        return future

    def wake(self, changed: bool) -> None:
        """Let those who wait go on."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(changed)

    def place_after(self, at: Offset) -> int | None:
        """How many entries there are up to the one at `at`; `None` if it is not among them."""
        place = bisect_left(self.entries, at, key=_at)
        known = place < len(self.entries) and self.entries[place].at == at
        return place + 1 if known else None

    def cut_since(self, cuts: int, place: int) -> bool:
        """Whether a follower who knows of `cuts` cuts and is at `place` has passed a later one."""
        return any(left < place for left in self.cuts[cuts:])

    # -- reading -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()

    async def refresh(self) -> None:
        """Read what there is now. Raises `JournalError`."""
        while await self._read():
            pass

    async def _run(self) -> None:
        while not (self.end or self.gone):
            try:
                async with self.journal.watch(self.key) as hint:
                    await self._keep_reading(hint)
            except Exception:  # a journal that cannot be watched may be in a moment
                log.exception("a log of the relay cannot be watched")
                await asyncio.sleep(_RETRY_SECONDS)

    async def _keep_reading(self, hint: asyncio.Event) -> None:
        alarm = Alarm(hint, self._pulse.poll)
        try:
            while not (self.end or self.gone):
                hint.clear()
                try:
                    await self._step(hint, alarm)
                except JournalUnavailableError:
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:  # an entry that cannot be read: better gone than silent for ever
                    log.exception("a log of the relay cannot be read")
                    self.gone = True
                    self._loaded.set()
                    self.wake(True)
        finally:
            alarm.close()

    async def _step(self, hint: asyncio.Event, alarm: Alarm) -> None:
        while await self._read():
            pass
        if not self._loaded.is_set():
            self.gone = not self.entries
            self._loaded.set()
            if self.gone:
                self.wake(True)
        if self.end or self.gone:
            return
        alarm.put_off()
        await hint.wait()
        if alarm.rang:
            await self._look()
        early = self.read_at + self._pulse.tick - self._loop.time()
        if early > 0:
            await asyncio.sleep(early)

    async def _read(self) -> bool:
        """Take the next entries; whether there may be more."""
        after = self.entries[-1].at if self.entries else None
        found = await self.journal.read(self.key, after, limit=_LIMIT)
        if not self._absorb(found):
            await self._compare()
        return len(found) == _LIMIT

    def _absorb(self, found: list[Entry]) -> bool:
        """Take entries; false if one of them does not follow what there is."""
        for entry in found:
            last = self.entries[-1].at if self.entries else None
            if last is not None and entry.at <= last:
                continue  # another reader of this tail was faster
            record = decode_record(entry.data) if is_special(entry.data) else None
            if isinstance(record, (Claim, End)):
                if last and record.prev and self.place_after(record.prev) is None:
                    return False
                self._cut(left_by(record, self.entries))
            elif not follows(entry, last):
                return False
            self.entries.append(entry)
            if isinstance(record, End):
                self.end = record
        if found:
            self._unleased = None
            self.read_at = self._loop.time()
            self.wake(True)
        return True

    def _cut(self, left: int) -> None:
        if left < len(self.entries):
            del self.entries[left:]
            self.cuts.append(left)
            self.shared.clear()

    async def _look(self) -> None:
        """It has been quiet: is what was read still there, and does anyone produce?"""
        last = self.entries[-1].at
        before = Offset(last.epoch, last.seq - 1) if last.seq else Offset(last.epoch - 1, END.seq)
        found = await self.journal.read(self.key, before, limit=2)
        if (not found or found[0].at != last) and not await self._compare():
            return
        if self.end:
            return
        if await self.journal.leased(self.key):
            self._unleased = None
            return
        now = asyncio.get_running_loop().time()
        self._unleased = self._unleased or now
        if now - self._unleased >= self._pulse.grace:
            self._unleased = None
            await self.refresh()
            if not self.end:
                await self._recover(self)

    async def _compare(self) -> bool:
        """The last entry is missing: read all again, and cut where the log says otherwise.

        Whether there is a log at all.
        """
        found: list[Entry] = []
        while True:
            more = await self.journal.read(self.key, found[-1].at if found else None, limit=_LIMIT)
            found += more
            if len(more) < _LIMIT:
                break
        if not found:
            await self._disappear()
            return False
        found = current(found)
        pairs = zip(self.entries, found, strict=False)
        same = next((n for n, (ours, theirs) in enumerate(pairs) if ours != theirs), None)
        if same is not None:  # else the log is a part of what we have: its writer will mend it
            self._cut(same)
            self._absorb(found[same:])
        return True

    async def _disappear(self) -> None:
        """The whole log is missing. Its writer, while it lives, brings it back."""
        if await self.journal.leased(self.key):
            self._unleased = None
            return
        now = asyncio.get_running_loop().time()
        self._unleased = self._unleased or now
        if now - self._unleased >= self._pulse.grace:
            self.gone = True
            self.wake(True)


def _at(entry: Entry) -> Offset:
    return entry.at


class Hub:
    """The tails of one process, and its heartbeat."""

    def __init__(
        self,
        journal: Journal,
        recover: Callable[[Tail], Awaitable[None]],
        *,
        pulse: Pulse,
        heartbeat: float,
    ) -> None:
        self._journal = journal
        self._recover = recover
        self._pulse = pulse
        self._heartbeat = heartbeat
        self._tails: dict[str, Tail] = {}
        self._beating: asyncio.Task[None] | None = None

    def follow(self, key: str) -> Tail:
        """The tail of a log, with one more follower; `leave` it when done."""
        tail = self._tails.get(key)
        if tail is None or tail.gone:
            tail = self._tails[key] = Tail(self._journal, key, self._recover, self._pulse)
            tail.start()
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        tail.followers += 1
        return tail

    def leave(self, tail: Tail) -> None:
        """One follower less; the last one stops the reading."""
        tail.followers -= 1
        if tail.followers <= 0:
            tail.stop()
            if self._tails.get(tail.key) is tail:
                del self._tails[tail.key]

    @property
    def followers(self) -> int:
        """How many follow something in this process."""
        return sum(tail.followers for tail in self._tails.values())

    def wake_all(self) -> None:
        """Let every follower look around, as when the process begins to drain."""
        for tail in self._tails.values():
            tail.wake(False)

    async def close(self) -> None:
        """Stop reading."""
        tasks = [tail._task for tail in self._tails.values()] + [self._beating]
        for tail in self._tails.values():
            tail.gone = True
            tail.wake(True)
        self._tails.clear()
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _beat(self) -> None:
        while self._tails:
            await asyncio.sleep(self._heartbeat)
            self.wake_all()
