"""One generation, as any process sees it: follow it, cancel it, have its message."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, NoReturn, Self, cast

from tailrace.core.accumulate import Accumulator
from tailrace.core.content import Message
from tailrace.core.events import RawMessageStreamEvent, wire_event

from .cursors import AT_END, END_CURSOR, Cursor, format_cursor, parse_cursor
from .errors import GenerationGoneError, RewoundError, ended_error
from .journal import BEFORE_END, END, NOWHERE, Entry, Journal
from .records import (
    CANCELLED,
    DONE,
    DROPPED,
    End,
    Event,
    decode_record,
    encode_record,
    record_events,
)
from .tail import Hub, Tail

if TYPE_CHECKING:
    from .production import Tempo


class Follower:
    """A place in a tail: what has been taken, and whether there is more.

    `close` it when done. `skip` is how many events of the next entry were delivered before.
    """

    __slots__ = ("_cuts", "_hub", "_tail", "place", "skip", "tail")

    def __init__(self, hub: Hub, tail: Tail) -> None:
        self._hub = hub
        self._tail: Tail | None = tail
        self.tail = tail
        self.place = 0
        self.skip = 0
        self._cuts = 0

    async def seek(self, after: Cursor | None) -> None:
        """Go to a place, once the log has been read.

        Raises `GenerationGoneError` where there is no log, `RewoundError` where the place is not
        in it.
        """
        tail = self.tail
        await tail.load()
        self._cuts = len(tail.cuts)
        if tail.gone and not tail.entries:
            raise GenerationGoneError("the generation is past its time")
        if after is None:
            return
        place = tail.place_after(after.at)
        if place is None and tail.end is None:
            await tail.refresh()  # whoever gave out this cursor may have read more than we have
            self._cuts = len(tail.cuts)
            place = tail.place_after(after.at)
        if place is None:
            raise RewoundError("the place to go on from is no longer part of the reply")
        self.place, self.skip = (place, 0) if after is AT_END else (place - 1, after.k + 1)

    def take(self, most: int = 2**62) -> list[Entry]:
        """The entries that came since, at most so many bytes of them but at least one if any.

        Raises `RewoundError` or `GenerationGoneError`.
        """
        tail = self.tail
        if tail.end is not None and tail.end.end == DROPPED:
            raise GenerationGoneError("the generation was dropped")
        if len(tail.cuts) > self._cuts:
            if tail.cut_since(self._cuts, self.place + bool(self.skip)):
                raise RewoundError("part of what was delivered is no longer part of the reply")
            self._cuts = len(tail.cuts)
        start, size = self.place, 0
        while self.place < len(tail.entries) and (size == 0 or size < most):
            size += len(tail.entries[self.place].data)
            self.place += 1
        if start == self.place and tail.gone and tail.end is None:
            raise GenerationGoneError("the generation is past its time")
        return tail.entries[start : self.place]

    def rewind(self) -> None:
        """Go back to the start."""
        self.place = self.skip = 0
        self._cuts = len(self.tail.cuts)

    @property
    def at_end(self) -> bool:
        """Whether everything was taken and nothing will follow."""
        tail = self.tail
        uncut = len(tail.cuts) == self._cuts
        return uncut and tail.end is not None and self.place >= len(tail.entries)

    def close(self) -> None:
        """Follow no more."""
        tail, self._tail = self._tail, None
        if tail is not None:
            self._hub.leave(tail)

    def __del__(self) -> None:
        self.close()


class Following:
    """The events of a generation, from wherever one asked for them: `async for event in …`.

    Iterating ends when the reply is complete. Otherwise it raises what ended it: a
    `GenerationEndedError`, `GenerationGoneError` or `RewoundError`. `cursor` is the place after the
    last event that was given, to go on from in any process.
    """

    def __init__(self, follower: Follower, after: Cursor | None) -> None:
        self._follower = follower
        self._after = after
        self._sought = False
        self._events: list[tuple[str, Event]] = []
        self.cursor: str | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RawMessageStreamEvent:
        """The next event."""
        follower = self._follower
        if not self._sought:
            await follower.seek(self._after)
            self._sought = True
        while not self._events:
            entries = follower.take()
            if not entries:
                if follower.at_end:
                    self._finish()
                await follower.tail.grown()
                continue
            self._events = [item for entry in entries for item in self._unpack(entry)]
            self._events.reverse()
        self.cursor, event = self._events.pop()
        return wire_event(event)

    def _unpack(self, entry: Entry) -> list[tuple[str, Event]]:
        events = record_events(decode_record(entry.data))
        skip, self._follower.skip = self._follower.skip, 0
        return [(format_cursor(entry.at, k), event) for k, event in enumerate(events) if k >= skip]

    def _finish(self) -> NoReturn:
        end = self._follower.tail.end
        self.cursor = END_CURSOR
        self._follower.close()
        if end is not None and end.end != DONE:
            raise ended_error(end.end, end.error)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Follow no more. The generation goes on."""
        self._follower.close()


class Generation:
    """A handle on one generation: an id and its owner. Making one costs nothing.

    `created` says whether the call that gave this handle began the generation.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - what it is
        owner: str,
        *,
        key: str,
        journal: Journal,
        hub: Hub,
        tempo: Tempo,
        created: bool = False,
    ) -> None:
        self.id = id
        self.owner = owner
        self.created = created
        self._key = key
        self._journal = journal
        self._hub = hub
        self._tempo = tempo

    def __repr__(self) -> str:
        return f"Generation({self.id!r}, created={self.created})"

    def follow(self, after: str | None = None) -> Following:
        """The events after a cursor (`None`: all of them), live until the end.

        Raises `ValueError` where `after` is no cursor.
        """
        return Following(self.follower(), None if after is None else parse_cursor(after))

    def follower(self) -> Follower:
        """A place in the log, for those who encode entries themselves."""
        return Follower(self._hub, self._hub.follow(self._key))

    async def message(self) -> Message:
        """Wait for the end and give the complete message; raises as following does."""
        accumulator = Accumulator()
        async for event in self.follow():
            accumulator.apply(event)
        accumulator.finish()
        return cast("Message", accumulator.snapshot())

    async def ended(self) -> str | None:
        """How it ended (`"done"`, `"error"`, `"cancelled"`, `"interrupted"`), `None` if it goes on.

        Raises `GenerationGoneError` where there is no log (any more).
        """
        end = await self._end()
        if end is None and not await self._journal.read(self._key, None, limit=1):
            raise GenerationGoneError("the generation is past its time")
        return None if end is None else end.end

    async def ended_before(self, when: float) -> bool:
        """Whether it had ended at a moment, in Unix time."""
        end = await self._end()
        return end is not None and end.when < when

    async def exists(self) -> bool:
        """Whether there is a log of it."""
        return bool(await self._journal.read(self._key, None, limit=1))

    async def cancel(self) -> bool:
        """End it, wherever it is produced; whether it ended as cancelled.

        Of a cancel and a finish that race, exactly one takes place. Raises `GenerationGoneError`
        where there is no log (any more).
        """
        return await self._close(CANCELLED) == CANCELLED

    async def drop(self) -> None:
        """Cancel it and forget what it said, at once. Does nothing where there is no log.

        A mark that it was dropped stays for a while, so that its producer does not write it anew.
        """
        keep = self._tempo.keep_running
        mark = encode_record(End(DROPPED))
        try:
            await self._close(DROPPED)
        except GenerationGoneError:
            return
        while True:
            await self._journal.drop(self._key)
            if await self._journal.append(self._key, None, END, mark, keep=keep) == END:
                entries = await self._journal.read(self._key, None, limit=2)
                if len(entries) == 1:
                    return

    async def _close(self, how: str) -> str:
        """Store an end; the one that is there then."""
        by, after = secrets.token_hex(8), NOWHERE
        while after != END:
            data = encode_record(End(how, after, by=by, when=time.time()))
            last = await self._journal.append(
                self._key, after, END, data, keep=self._tempo.keep_ended
            )
            if last is None:
                raise GenerationGoneError("the generation is past its time")
            after = last
        end = await self._end()
        return how if end is None else end.end

    async def _end(self) -> End | None:
        found = await self._journal.read(self._key, BEFORE_END, limit=1)
        return cast("End", decode_record(found[0].data)) if found else None
