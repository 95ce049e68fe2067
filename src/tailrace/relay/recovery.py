"""What becomes of a log whose producer is dead, or that no producer has taken yet.

There is no sweeper: a log without an end and without a lease is repaired by the first who reads it,
as its claim says (`on_crash`). `decide` is that rule as a value; `Recovery` carries it out. Where
workers produce, a web node only asks them to (`jobs`). A question may be lost, with the newest
entries of a store or with the worker that read it; so it has a lease of a part of the time that
workers have, and is asked again after it. A log that has no producer when all of that time is over
gets an end that says so.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from .jobs import Job, Jobs
from .journal import END, Entry, Journal, Offset
from .metrics import Metrics
from .producing import Producer
from .production import Tempo
from .records import (
    ERROR,
    INTERRUPTED,
    Claim,
    End,
    Event,
    current,
    encode_record,
    events_of,
    failure,
    first_claim,
)
from .source import Source

log = logging.getLogger("tailrace.relay")

_MOST_ASKED = 10_000
_QUESTIONS = 4  # in the time that workers have


class Decision(NamedTuple):
    """What to do, and the error object that an interruption is told with, if any."""

    what: Literal["begin", "restart", "continue", "interrupt"]
    so_far: Sequence[Event] = ()
    error: Event | None = None


def decide(claim: Claim, found: list[Entry], source: Source) -> Decision:
    """What its first claim and its entries say is to be done about a log without a producer.

    A source may have `refuses(params, so_far)`, which says why it cannot go on from events there;
    then the generation is interrupted for that reason.
    """
    if claim.params is None:
        return Decision("interrupt")
    if claim.queued and len(found) == 1:
        return Decision("begin")
    if claim.on_crash == "restart":
        return Decision("restart")
    if claim.on_crash != "continue":
        return Decision("interrupt")
    so_far = events_of(current(found))
    refuses: Any = getattr(source, "refuses", None)
    why = refuses(claim.params, so_far) if refuses is not None else None
    if why is None:
        return Decision("continue", so_far)
    return Decision("interrupt", error=failure(f"the generation was interrupted: {why}"))


class Asked(NamedTuple):
    """A question to workers: where the log ended, and when it was asked first."""

    last: Offset
    since: float


class Recovery:
    """Takes over, asks workers to, or ends. `jobs` is given where workers produce.

    `wait` is how long workers have for taking a generation, in seconds of `clock`.
    """

    def __init__(
        self,
        journal: Journal,
        producer: Producer,
        source: Source,
        *,
        tempo: Tempo,
        metrics: Metrics,
        jobs: Jobs | None = None,
        wait: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._producer = producer
        self._source = source
        self._tempo = tempo
        self._metrics = metrics
        self._jobs = jobs
        self._wait = wait
        self._clock = clock
        self._asked: dict[str, Asked] = {}

    @property
    def question_lease(self) -> float:
        """How long a question to workers stands, in seconds, before it is asked again."""
        return self._wait / _QUESTIONS

    async def repair(self, place: str, *, draining: bool) -> None:
        """Repair a log that has no lease, unless it needs none. A draining node takes nothing."""
        if place in self._producer.running:
            return
        found = await read_all(self._journal, place)
        claim = first_claim(found)
        if claim is None or found[-1].at == END:
            return
        decision = decide(claim, found, self._source)
        log.info("a generation has no producer; policy %s", decision.what)
        if decision.what == "interrupt" or (draining and self._jobs is None):
            await self._interrupt(place, found, decision.error)
        elif self._jobs is not None:
            await self._ask(place, found, decision)
        else:
            await self.take_over(place, found, claim, decision)

    async def take(self, job: Job) -> bool:
        """What a worker does about a job; whether it produces now."""
        found = await read_all(self._journal, job.place)
        claim = first_claim(found)
        if claim is None or found[-1].at != job.last:
            return False
        decision = decide(claim, found, self._source)
        if decision.what == "interrupt":
            await self._interrupt(job.place, found, decision.error)
            return False
        return await self.take_over(job.place, found, claim, decision)

    async def take_over(
        self, place: str, found: list[Entry], claim: Claim, decision: Decision
    ) -> bool:
        """Become the producer of a log and go on with it; false if somebody else was first."""
        restart = decision.what == "restart"
        writer = self._producer.writer(place, found)
        again = Claim(prev=found[-1].at, on_crash=claim.on_crash, restart=restart)
        if not await self._producer.claim(writer, again):
            return False
        if decision.what != "begin":
            self._metrics.recoveries[decision.what] += 1
        stopped = any(event.get("type") == "message_stop" for event in decision.so_far)
        events = self._source(dict(claim.params or {}), decision.so_far)
        self._producer.produce(place, writer, events, stopped=stopped)
        return True

    async def ask_workers(self, place: str, last: Offset) -> None:
        """Tell workers of a log that ends at `last`, and remember since when.

        Raises `JournalUnavailableError`.
        """
        assert self._jobs is not None
        await self._jobs.put(Job(place, last, time.time()))
        known = self._asked.get(place)
        if known is None or known.last != last:  # not before: one that was not put does not count
            if len(self._asked) >= _MOST_ASKED:
                del self._asked[next(iter(self._asked))]
            self._asked[place] = Asked(last, self._clock())

    def forget(self, place: str) -> None:
        """A generation is over."""
        self._asked.pop(place, None)

    async def _ask(self, place: str, found: list[Entry], decision: Decision) -> None:
        last, known = found[-1].at, self._asked.get(place)
        new = known is None or known.last != last
        if known is None or new or self._clock() - known.since < self._wait:
            self._metrics.recoveries["queued"] += new
            await self._journal.lease(place, self.question_lease)
            await self.ask_workers(place, last)
            return
        self._metrics.recoveries["no_worker"] += 1
        why = f"no worker took the generation within {self._wait:g} seconds"
        how = ERROR if decision.what == "begin" else INTERRUPTED
        await self._end(place, found, how, failure(why, "overloaded_error", 503))

    async def _interrupt(self, place: str, found: list[Entry], error: Event | None) -> None:
        if await self._end(place, found, INTERRUPTED, error):
            self._metrics.recoveries["interrupt" if error is None else "refused"] += 1

    async def _end(self, place: str, found: list[Entry], how: str, error: Event | None) -> bool:
        last = found[-1].at
        end = End(how, last, error=error, by=secrets.token_hex(8), when=time.time())
        keep = self._tempo.keep_ended
        return await self._journal.append(place, last, END, encode_record(end), keep=keep) == END


async def read_all(journal: Journal, place: str) -> list[Entry]:
    """All entries of a log. Raises `JournalUnavailableError`."""
    found: list[Entry] = []
    while more := await journal.read(place, found[-1].at if found else None):
        found += more
    return found
