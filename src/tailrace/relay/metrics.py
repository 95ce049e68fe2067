"""What a relay counts and times, for Prometheus and OpenTelemetry.

Theory of operation. On the hot path there are plain integers and nothing else: an append or a read
of the journal costs two clock readings and one search in a short table. What can be known when
somebody asks (what runs, who follows, how far behind) is not kept but looked up then. `families`
gives everything as values; `exposition` writes them as Prometheus reads them, `otel` hands them to
OpenTelemetry. No sample and no label holds a prompt, a reply, a key, an owner or an id.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from .relay import Relay

T = TypeVar("T")

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""The upper bounds of a histogram's buckets, in seconds."""

Kind = Literal["counter", "gauge", "histogram"]


class Sample(NamedTuple):
    """One number: what follows the family's name, its labels, its value."""

    suffix: str
    labels: Mapping[str, str]
    value: float


class Family(NamedTuple):
    """One metric with its samples. A counter's samples have the suffix `_total`."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample]


class Histogram:
    """Durations in seconds, counted by size."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def samples(self, labels: Mapping[str, str]) -> Iterator[Sample]:
        """As Prometheus has it: each bucket counts what is not longer than its bound."""
        total = 0
        for bound, count in zip([*map(str, BOUNDS), "+Inf"], self.counts, strict=True):
            total += count
            yield Sample("_bucket", {**labels, "le": bound}, total)
        yield Sample("_sum", labels, self.sum)
        yield Sample("_count", labels, total)


class Metrics:
    """The numbers of one relay since it was made. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.started = 0
        """Generations that were begun through this process."""
        self.ended: Counter[str] = Counter()
        """Generations whose production here is over, by how; `overtaken`: goes on elsewhere."""
        self.recoveries: Counter[str] = Counter()
        """Takings over from producers that died, by what was done."""
        self.journal_seconds = {"append": Histogram(), "read": Histogram()}
        self.journal_errors: Counter[str] = Counter()

    async def timed(self, operation: str, work: Awaitable[T]) -> T:
        """The result of an operation of the journal, which is counted and timed."""
        begun = self._clock()
        try:
            result = await work
        except Exception:
            self.journal_errors[operation] += 1
            raise
        self.journal_seconds[operation].observe(self._clock() - begun)
        return result


HOW_ENDED = ("done", "error", "cancelled", "interrupted", "dropped", "overtaken", "failed")
RECOVERIES = ("interrupted", "restarted", "continued", "refused", "queued", "lost", "no_worker")


def families(relay: Relay) -> list[Family]:
    """Everything a relay can say about itself now."""
    metrics, lags = relay.metrics, relay.hub.lags()
    timings = metrics.journal_seconds.items()
    latency = [s for name, times in timings for s in times.samples({"operation": name})]
    return [
        _gauge("generations_running", "Generations that are produced here.", relay.running),
        _counter("generations_started", "Generations begun here.", {"": metrics.started}, ""),
        _counter(
            "generations_ended",
            "Generations whose production here is over, by how it ended.",
            {how: metrics.ended[how] for how in HOW_ENDED},
            "how",
        ),
        _gauge("viewers", "Those who follow a generation here.", len(lags)),
        _gauge(
            "viewer_lag_seconds_max",
            "How long the oldest entry has waited that a viewer has not taken.",
            max(lags, default=0.0),
        ),
        _gauge("viewer_lag_seconds_sum", "The same, added up over all viewers.", sum(lags)),
        _counter(
            "recoveries",
            "Generations whose producer had died, by what was done here.",
            {outcome: metrics.recoveries[outcome] for outcome in RECOVERIES},
            "outcome",
        ),
        Family(
            "tailrace_relay_journal_seconds",
            "histogram",
            "How long the journal took to answer.",
            latency,
        ),
        _counter(
            "journal_errors",
            "Operations of the journal that failed.",
            {name: metrics.journal_errors[name] for name in metrics.journal_seconds},
            "operation",
        ),
        _gauge("draining", "1 once this process is about to stop.", relay.draining.is_set()),
    ]


def _gauge(name: str, text: str, value: float) -> Family:
    return Family(f"tailrace_relay_{name}", "gauge", text, [Sample("", {}, float(value))])


def _counter(name: str, text: str, values: Mapping[str, int], label: str) -> Family:
    samples = [
        Sample("_total", {label: key} if label else {}, count) for key, count in values.items()
    ]
    return Family(f"tailrace_relay_{name}", "counter", text, samples)
