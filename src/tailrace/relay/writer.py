"""The producer's pen: appends in order, and rewrites what the store forgot.

Theory of operation. A writer keeps every entry it has stored, those it found when it took over
included. Each append names the entry before it, so the journal's answer tells where the log really
ends: at the new entry (stored), at an earlier entry of ours (the store lost its tail: go back and
store what follows), or elsewhere (overtaken, or closed). There is nothing to do in the second case
but the same loop again, which is why a lost tail needs no code of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from .journal import END, Entry, Journal, Offset


class OvertakenError(Exception):
    """Somebody else produces this generation now, or it was closed; nothing more can be written."""


class Writer:
    """Writes one epoch of one log.

    `found` are the entries the log had when it was taken over. `keep` and `lease` are in seconds.
    """

    def __init__(
        self,
        journal: Journal,
        key: str,
        epoch: int,
        *,
        found: Iterable[Entry] = (),
        keep: float,
        lease: float,
    ) -> None:
        self._journal = journal
        self._key = key
        self._epoch = epoch
        self._keep = keep
        self._lease = lease
        self._entries = list(found)
        self._places = {entry.at: place for place, entry in enumerate(self._entries)}
        self._stored = len(self._entries)
        self._seq = 0
        self.size = sum(len(entry.data) for entry in self._entries)
        """The bytes of all entries."""

    @property
    def last(self) -> Offset | None:
        """Where the newest entry is, stored or not."""
        return self._entries[-1].at if self._entries else None

    @property
    def waiting(self) -> bool:
        """Whether entries wait to be stored."""
        return self._stored < len(self._entries)

    def add(self, data: bytes, *, end: bool = False) -> Offset:
        """Put an entry after the last one; `store` stores it."""
        at = END if end else Offset(self._epoch, self._seq)
        self._seq += 1
        self._places[at] = len(self._entries)
        self._entries.append(Entry(at, data))
        self.size += len(data)
        return at

    async def store(self) -> None:
        """Store what waits, and what the journal has lost.

        Raises `OvertakenError`, and `JournalUnavailableError`, after which it can be called again.
        """
        while self.waiting:
            at, data = self._entries[self._stored]
            after = self._entries[self._stored - 1].at if self._stored else None
            lease = self._lease if at.seq == 0 else 0.0
            last = await self._journal.append(
                self._key, after, at, data, keep=self._keep, lease=lease
            )
            if last == at:
                self._stored += 1
            elif last is None:
                self._stored = 0
            elif last == END or last not in self._places:
                raise OvertakenError
            else:
                self._stored = self._places[last] + 1

    async def close(self, data: bytes, *, keep: float) -> None:
        """Store the end, which is then kept for `keep` seconds; as `store`.

        Somebody else's end may stand there instead: whoever needs to know reads it.
        """
        if not self._entries or self._entries[-1].at != END:
            self.add(data, end=True)
        self._keep = keep
        await self.store()
