"""Large: how the cost grows with a tool's input, a text, citations, and the size of one event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contestants import load
from benchmarks.measure import Row, column, exponent
from benchmarks.reading import reader
from benchmarks.usage import cpu

TITLE = "Large"
ABOUT = """
Replies that show how cost grows. Tool input comes in fragments of 20 characters and each event's
`snapshot` is there for the taking; in the rows *asked at each*, it is taken. Text comes in pieces
of 200 characters, and the events of `stream()` are read. The *growth* of a contestant is the
exponent of its cost: 1 is linear in the size, 2 is quadratic. Sizes that would take the official
SDK minutes are left out for it.
"""

FRAGMENT, PIECE = 20, 200
OTHERS = {
    "100 citations": "citations/100",
    "1,000 citations": "citations/1000",
    "an event of 1 MB": "large/1000000",
    "an event of 8 MB": "large/8000000",
}
QUICK = {"100 citations", "an event of 8 MB"}


def run(bench: Bench) -> list[Row]:
    """Sizes that double or grow tenfold."""
    tools = {10_000: True, 100_000: True, 1_000_000: False}
    texts = {400_000: True, 4_000_000: not bench.quick}
    reply = f"tool/{{}}/{FRAGMENT}"
    rows = _growth(bench, "tool input of {} kB, asked at each", tools, reply, "asked")
    if not bench.quick:
        rows += _growth(bench, "tool input of {} kB", tools, reply, "events")
    rows += _growth(bench, "text of {} kB", texts, f"pieces/{{}}/{PIECE}", "events")
    for label, reply in OTHERS.items():
        if not bench.quick or label in QUICK:
            rows.append(_row(bench, label, reply, "events", official=True))
    return rows


def _growth(bench: Bench, label: str, sizes: dict[int, bool], reply: str, way: str) -> list[Row]:
    what = label.replace(" of {} kB", "")
    rows = [
        replace(
            _row(bench, label.format(f"{size // 1000:,}"), reply.format(size), way, official),
            series=what,
            size=size,
        )
        for size, official in sizes.items()
    ]
    growth: dict[str, list[float]] = {}
    for name in ("tailrace", "official"):
        found = [
            (size, row.values[name])
            for size, row in zip(sizes, rows, strict=True)
            if name in row.values
        ]
        if len(found) < 2:
            continue
        growth[name] = [
            exponent([size for size, _ in found], costs)
            for costs in zip(*(values for _, values in found), strict=True)
        ]
    return [*rows, Row(f"{what}: growth", "exponent", growth, plotted=False)]


def _row(bench: Bench, label: str, reply: str, way: str, official: bool) -> Row:
    names = ("tailrace", "official") if official else ("tailrace",)
    jobs: dict[str, dict[str, Any]] = {
        name: {
            "url": bench.addresses.url(reply),
            "warm": bench.addresses.url(f"{reply.partition('/')[0]}/1000/20"),
            "way": way,
        }
        for name in names
    }
    results = bench.alternate("large", jobs, rounds=bench.pick(1, 3))
    return Row(label, "ms", column(results, "cpu", 1e3))


def _nothing(event: Any) -> None:
    """What a reader does that is only there for the last event."""


def _ask(event: Any) -> None:
    """What a reader does that shows a tool's input while it grows."""
    if event.type == "input_json":
        _ = event.snapshot


def measured(*, contestant: str, url: str, warm: str, way: str) -> dict[str, float]:
    """CPU seconds for the reply."""
    program = load(contestant)
    with reader(program, sync=True, way="keep", url=warm) as read:
        read(_ask)
    with reader(program, sync=True, way="keep", url=url) as read:
        before = cpu()
        read(_ask if way == "asked" else _nothing)
        return {"cpu": cpu() - before}
