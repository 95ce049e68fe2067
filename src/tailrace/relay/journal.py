"""The journal: where a generation is written down, and the one operation everything rests on.

Theory of operation. A generation is a log of entries, each at an `Offset` (epoch, seq). The only
way to write is *compare-and-append*: store an entry at `at` if the log's last offset is `after`,
and return the log's last offset either way. From that alone follow

- creation and de-duplication: append after `None`; who gets back their own offset produces;
- fencing: a takeover moves the last offset, so a paused producer that wakes up cannot write;
- the end: an entry at `END`, after which nothing can be appended; the first closer wins, for ever;
- repair: a store that lost its newest entries answers with an older offset than its writer knows,
  and the writer appends those entries again, with the same offsets and the same bytes.

Epochs are unique (`new_epoch`), so an offset never names two contents. A lease says that a producer
is probably alive; it is a hint, and safety never depends on it. Watching is a hint too: events may
be set for nothing and may be missed. Reading never creates anything. Whatever can do this is a
journal; `check.check_journal` says whether it does.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

_MAX = 2**64 - 1


class Offset(NamedTuple):
    """A place in a log: two unsigned 64-bit integers, ordered as a pair."""

    epoch: int
    seq: int


END = Offset(_MAX, _MAX)
"""The offset of the entry that ends a log."""

BEFORE_END = Offset(_MAX, 0)
"""Reading after this gives the ending entry alone, or nothing."""

NOWHERE = Offset(0, 0)
"""An offset no entry has: appending after it stores nothing and tells the log's last offset."""

CLOCK_BITS = 16


class Entry(NamedTuple):
    """One entry of a log."""

    at: Offset
    data: bytes


class JournalError(Exception):
    """Something is wrong between the relay and its journal."""


class JournalUnavailableError(JournalError):
    """The journal cannot be reached now. The operation may or may not have taken place; every
    operation may be repeated."""


class Journal(Protocol):
    """Logs of entries, shared by all who open the same journal.

    Keys are short ASCII strings without spaces. Times are in seconds. Any method may raise
    `JournalUnavailableError`, and may then be called again with the same arguments.
    """

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
        """Store an entry at `at` if the log's last offset is `after` (`None`: there is no log).

        Returns the log's last offset as it then is; `None` if there is no log. So the result is
        `at` exactly if the entry is in the log and the last one, be it by this call or by an
        earlier one that got no answer. What is stored is kept for `keep` seconds from now, the
        whole log with it; `lease`, if given, is taken in the same step. Raises `ValueError` where
        `at` does not come after `after`.
        """
        ...

    async def read(self, key: str, after: Offset | None, *, limit: int = 256) -> list[Entry]:
        """At most `limit` entries after an offset (`None`: from the start), in order.

        Never waits for more, and creates nothing.
        """
        ...

    def watch(self, key: str) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set soon after the log has grown; whoever waits for it clears it.

        A hint: it may be set for nothing, and may fail to be set. Creates nothing in the journal.
        """
        ...

    async def lease(self, key: str, seconds: float) -> None:
        """Say that a producer is alive, for so many seconds from now; 0 takes it back."""
        ...

    async def leased(self, key: str) -> bool:
        """Whether a lease is in force."""
        ...

    async def expire(self, key: str, seconds: float) -> None:
        """Keep a log, if it is there, for so many seconds from now."""
        ...

    async def drop(self, key: str) -> None:
        """Forget a log and its lease at once."""
        ...

    async def close(self) -> None:
        """Let go of connections and threads. What is stored stays."""
        ...


def check_append(after: Offset | None, at: Offset) -> None:
    """Raise `ValueError` where an entry at `at` could not follow `after`."""
    if at <= (after or NOWHERE) or at > END:
        raise ValueError(f"an entry at {tuple(at)} cannot follow {after and tuple(after)}")


def new_epoch(last: Offset | None, now: float, chance: int) -> int:
    """An epoch after `last` that nobody else takes.

    `now` is Unix time in seconds, `chance` a random integer of 16 bits. Two that are made in the
    same millisecond from the same place differ but for one chance in 65,536, and then the journal
    still lets only one of them in, as both would append after the same offset; the chance is that
    of a zombie not noticing that it was overtaken.
    """
    clock = (int(now * 1000) << CLOCK_BITS) | (chance & 0xFFFF)
    return clock if last is None else max(last.epoch + 1, clock)
