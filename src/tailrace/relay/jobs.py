"""How web nodes tell workers that a generation waits for a producer.

Theory of operation. A job is a note, not a lock: it names a log and the offset it ended at when the
note was written. Whoever reads it tries to append a claim after that offset, and the journal lets
one of them. So a job may be read by all workers, twice, late, or after its generation is over, and
nothing goes wrong; and it holds nothing of the request, which is in the log's first claim.

Notes are entries of logs of their own, one a minute (`jobs-<minute>`), so that old ones go by
themselves. Readers look at the minutes around now: clocks may differ by one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import msgspec

from .journal import Journal, Offset, new_epoch

MINUTE = 60.0
_KEEP = 3 * MINUTE
_TRIES = 1000


class Job(msgspec.Struct, frozen=True):
    """A log that has no producer, as long as its last offset is `last`. `when` is Unix time."""

    place: str
    last: Offset
    when: float


_decode = msgspec.json.Decoder(Job).decode


class Jobs:
    """The notes in a journal. `clock` is Unix time, in seconds."""

    def __init__(self, journal: Journal, *, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock
        self._read: dict[str, Offset] = {}
        self._written: tuple[str, Offset | None] = ("", None)

    @property
    def key(self) -> str:
        """The log that jobs are written to now; watch it."""
        return _key(self._clock() // MINUTE)

    async def put(self, job: Job) -> None:
        """Leave a note. Raises `JournalUnavailableError`, upon which there may be one or not."""
        data, key = msgspec.json.encode(job), self.key
        after = self._written[1] if self._written[0] == key else None
        for _ in range(_TRIES):
            epoch = new_epoch(after, self._clock(), secrets.randbits(16))
            at = Offset(epoch, secrets.randbits(62))  # nobody else's, so the answer is clear
            last = await self._journal.append(key, after, at, data, keep=_KEEP)
            self._written = (key, last)
            if last == at:
                return
            after = last
        raise RuntimeError("a job could not be written: too many are written at once")

    async def news(self) -> list[Job]:
        """The notes that were not read here before. Raises `JournalUnavailableError`."""
        minute = self._clock() // MINUTE
        keys = [_key(minute + n) for n in (-1, 0, 1)]
        self._read = {key: at for key, at in self._read.items() if key in keys}
        jobs: list[Job] = []
        for key in keys:
            while found := await self._journal.read(key, self._read.get(key)):
                self._read[key] = found[-1].at
                jobs += [_decode(entry.data) for entry in found]
        return jobs


def _key(minute: float) -> str:
    return f"jobs-{int(minute)}"
