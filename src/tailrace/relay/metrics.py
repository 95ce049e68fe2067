"""What a relay counts, for Prometheus and for OpenTelemetry.

Counters are plain integers that the relay's parts add to; nothing is computed and nobody is asked
before somebody reads them. They hold numbers and a few fixed words, never an owner, an id, a prompt
or a key.

    tailrace_relay_generations_started_total      began to be produced in this process
    tailrace_relay_generations_ended_total{how}   done, error, cancelled, interrupted; overtaken
    tailrace_relay_generations_running            are produced in this process now
    tailrace_relay_viewers                        follow in this process now
    tailrace_relay_viewer_lag_seconds             from reading an entry to writing it to a viewer
    tailrace_relay_recoveries_total{policy}       logs without a producer, and what was done: begun
                                                  anew (restart), gone on with (continue), ended
                                                  (interrupt, refused, no_worker), or left to
                                                  workers (queued)
    tailrace_relay_journal_seconds{operation}     how long append and read took
    tailrace_relay_journal_errors_total{operation}  how often the journal could not be reached
    tailrace_relay_draining                       1 once the process is about to stop
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

from .journal import Journal, JournalUnavailableError

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

Operation = TypeVar("Operation", bound=Callable[..., Awaitable[Any]])

PREFIX = "tailrace_relay_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The type of `Metrics.text`, Prometheus' text format."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_SAMPLED = 16  # of so many writes to viewers the lag of one is taken: a clock costs as a write does

Kind = Literal["counter", "gauge", "histogram"]


class Histogram:
    """How many values were at most so large, for each of `bounds`, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Note a value, so many times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)


class Sample(NamedTuple):
    """One number of a metric: what its name ends in, its labels, and its value."""

    suffix: str
    labels: Mapping[str, str]
    value: float


class Family(NamedTuple):
    """A metric: its name without the prefix, its kind, what it says, and its numbers."""

    name: str
    kind: Kind
    about: str
    samples: list[Sample]


class Metrics:
    """The counters of one relay. `running`, `viewers` and `draining` say how it is now."""

    def __init__(
        self,
        running: Callable[[], int] = lambda: 0,
        viewers: Callable[[], int] = lambda: 0,
        draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self.started = 0
        self.ended: Counter[str] = Counter()
        self.recoveries: Counter[str] = Counter()
        self.lag = Histogram()
        self.journal = {"append": Histogram(), "read": Histogram()}
        self.journal_errors: Counter[str] = Counter()
        self._running = running
        self._viewers = viewers
        self._draining = draining
        self._writes = 0

    def wrote(self, read_at: float, now: Callable[[], float], viewers: int) -> None:
        """Entries that were read at a time were written to so many viewers, the last just now."""
        samples = (self._writes + viewers) // _SAMPLED - self._writes // _SAMPLED
        self._writes += viewers
        if samples:
            self.lag.add(max(now() - read_at, 0.0), samples)

    def families(self) -> Iterator[Family]:
        """All there is, as of now."""
        yield _plain("generations_started", "counter", "Generations begun here.", self.started)
        yield _labelled("generations_ended", "how", "Generations ended here.", self.ended)
        yield _plain("generations_running", "gauge", "Generations under way.", self._running())
        yield _plain("viewers", "gauge", "Viewers that follow here.", self._viewers())
        yield Family(
            "viewer_lag_seconds",
            "histogram",
            "From reading an entry to writing it to a viewer; one write in 16 is measured.",
            list(_buckets(self.lag, {})),
        )
        yield _labelled("recoveries", "policy", "Logs of dead producers repaired.", self.recoveries)
        timed = [
            sample
            for operation, histogram in self.journal.items()
            for sample in _buckets(histogram, {"operation": operation})
        ]
        yield Family("journal_seconds", "histogram", "How long the journal took.", timed)
        about = "How often the journal could not be reached."
        yield _labelled("journal_errors", "operation", about, self.journal_errors)
        yield _plain("draining", "gauge", "Whether the process is to stop.", int(self._draining()))

    def text(self) -> str:
        """All of it in Prometheus' text format, version 0.0.4."""
        return "".join(line + "\n" for family in self.families() for line in _lines(family))

    def observe(self, meter: Meter) -> None:
        """Report to an OpenTelemetry meter, whenever it collects.

        OpenTelemetry has no histograms that are observed, so of those it gets sum and count. Needs
        `opentelemetry-api`.
        """
        from opentelemetry.metrics import Observation

        def reader(name: str, suffix: str) -> Callable[[Any], Iterable[Any]]:
            def read(options: Any) -> Iterable[Any]:
                samples = next(one.samples for one in self.families() if one.name == name)
                return [Observation(s.value, dict(s.labels)) for s in samples if s.suffix == suffix]

            return read

        for name, kind, about, _ in self.families():
            dotted = "tailrace.relay." + name
            if kind == "gauge":
                meter.create_observable_gauge(dotted, [reader(name, "")], description=about)
            for suffix in {"counter": ("_total",), "histogram": ("_sum", "_count")}.get(kind, ()):
                end = "" if suffix == "_total" else suffix.replace("_", ".")
                unit = "s" if suffix == "_sum" else "1"
                meter.create_observable_counter(
                    dotted + end, [reader(name, suffix)], unit=unit, description=about
                )


class MeasuredJournal:
    """A journal whose appends and reads are timed; everything else is the journal's own."""

    def __init__(
        self, journal: Journal, metrics: Metrics, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self.append = self._timed("append", journal.append)
        self.read = self._timed("read", journal.read)
        self.watch = journal.watch
        self.lease = journal.lease
        self.leased = journal.leased
        self.expire = journal.expire
        self.drop = journal.drop
        self.close = journal.close

    def _timed(self, operation: str, call: Operation) -> Operation:
        taken, clock = self._metrics.journal[operation], self._clock
        errors = self._metrics.journal_errors

        @wraps(call)
        async def timed(*arguments: Any, **named: Any) -> Any:
            began = clock()
            try:
                return await call(*arguments, **named)
            except JournalUnavailableError:
                errors[operation] += 1
                raise
            finally:
                taken.add(clock() - began)

        return cast("Operation", timed)


def _plain(name: str, kind: Kind, about: str, value: float) -> Family:
    return Family(name, kind, about, [Sample("_total" if kind == "counter" else "", {}, value)])


def _labelled(name: str, label: str, about: str, counted: Mapping[str, int]) -> Family:
    samples = [Sample("_total", {label: word}, count) for word, count in sorted(counted.items())]
    return Family(name, "counter", about, samples)


def _buckets(histogram: Histogram, labels: Mapping[str, str]) -> Iterator[Sample]:
    seen = 0
    for bound, count in zip((*histogram.bounds, None), histogram.counts, strict=True):
        seen += count
        yield Sample("_bucket", {**labels, "le": "+Inf" if bound is None else f"{bound:g}"}, seen)
    yield Sample("_sum", labels, histogram.total)
    yield Sample("_count", labels, seen)


def _lines(family: Family) -> Iterator[str]:
    name = PREFIX + family.name + ("_total" if family.kind == "counter" else "")
    yield f"# HELP {name} {family.about}"
    yield f"# TYPE {name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
        full = PREFIX + family.name + sample.suffix
        yield f"{full}{{{labels}}} {sample.value:g}" if labels else f"{full} {sample.value:g}"
