"""The ratchet's ratios: Tailrace to the official SDK, from rows that the quick mode measures.

A busy machine makes every round dearer, but not every round equally: so the lowest of one side is
divided by the lowest of the other, and a scenario with a ratio that is too high is measured again
before it is called worse. What is left to chance is in the tolerances, which are wide: a ratio may
be half as much again as recorded, or double where its parts are small. Rows whose ratio hangs on
when something happens (lags, time to first token) or on a contestant that is not installed with the
tests are not among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from benchmarks.bench import Bench
from benchmarks.measure import SUBJECT, Row
from benchmarks.scenarios import load

AGAINST = "official"
TRIES = 3
ROWS = {
    "burst": (
        "sync text_stream, 1 event a packet",
        "sync stream() events, 1 event a packet",
        "async text_stream, 1 event a packet",
        "async stream() events, 1 event a packet",
    ),
    "startup": ("sync client: CPU", "sync client: memory"),
    "kept": ("100 kB of text, every event kept",),
    "many": ("100 streams, asyncio: CPU", "100 streams, uvloop: CPU"),
    "request": ("400 messages, 0.8 MB, sync",),
    "idle": ("memory of an idle stream",),
}
"""The judged rows of each scenario, by their labels."""

Values = dict[str, list[float]]


def label(scenario: str, row: str) -> str:
    """What a ratio is recorded as."""
    return f"{scenario}: {row}"


LABELS = [label(scenario, row) for scenario, rows in ROWS.items() for row in rows]


def ratio(values: Values) -> float | None:
    """The lowest of Tailrace by the lowest of the official SDK; `None` where one is missing."""
    ours, theirs = values.get(SUBJECT), values.get(AGAINST)
    return min(ours) / min(theirs) if ours and theirs and min(theirs) > 0 else None


def measured(
    bench: Bench, worse: Callable[[str, float], bool], scenarios: Iterable[str] = ROWS
) -> dict[str, float]:
    """The ratios, by label; one that could not be measured is left out.

    `worse` says whether a ratio is too high, and so to be measured again.
    """
    found: dict[str, float] = {}
    for scenario in scenarios:
        run = load(scenario).run
        found |= settled(scenario, lambda run=run: run(bench), worse)
    return found


def settled(
    scenario: str, run: Callable[[], list[Row]], worse: Callable[[str, float], bool]
) -> dict[str, float]:
    """The ratios of one scenario, which is run again while one of them is too high."""
    values: dict[str, Values] = {row: defaultdict(list) for row in ROWS[scenario]}
    found: dict[str, float] = {}
    for _ in range(TRIES):
        for row in run():
            for name, some in row.values.items() if row.label in values else ():
                values[row.label][name] += some
        ratios = {label(scenario, row): ratio(seen) for row, seen in values.items()}
        found = {name: value for name, value in ratios.items() if value is not None}
        if not any(worse(name, value) for name, value in found.items()):
            break
    return found
