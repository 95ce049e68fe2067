"""Many at once: paced replies on one event loop; CPU for each event and how late it comes."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.measure import Row, Target, column
from benchmarks.scenarios.live import many_tasks

TITLE = "Many at once"
ABOUT = """
Replies of 50 events a second each, every event in a packet of its own, all read as `text_stream`
on one loop in one process. An event holds the time at which the server sent it; the lag is how much
later the caller had its text. All contestants of a row are on the same loop. Rows with more than
100 streams, of which nothing was asked, are measured once, and so is LiteLLM.

Who needs all of a core is *saturated* and falls ever further behind: the lag is then only that of
the first seconds, and CPU per event is too kind, because bytes that have piled up are read many
events at a time. The floor's lag is what the machine and the server add. The floor decodes
nothing, wakes no task and sets no timer; of what Tailrace adds to it, finding the text and waking
the task that reads are more than half.
"""

RATE = 50
PEERS = ("tailrace", "official", "official_aiohttp", "litellm", "floor")
SKIPPED_IF_QUICK = {"official_aiohttp", "litellm"}
TARGETS = {
    ("asyncio", False): [Target("official", 1 / 4), Target("floor", 1.4)],
    ("uvloop", False): [Target("official", 1 / 8), Target("floor", 2)],
    ("asyncio", True): [Target("official", 1 / 3), Target("floor", 1.4)],
    ("uvloop", True): [Target("official", 1 / 5), Target("floor", 1.4)],
}


def run(bench: Bench) -> list[Row]:
    """100 streams on either loop, plain and TLS; more of them in the full mode."""
    rows = _rows(bench, 100, "asyncio") + _rows(bench, 100, "uvloop")
    if bench.quick:
        return rows
    for loop in ("asyncio", "uvloop"):
        if bench.addresses.https:
            rows += _rows(bench, 100, loop, tls=True)
    rows += _rows(bench, 100, "asyncio", way="raw", rounds=2)
    for loop in ("asyncio", "uvloop"):
        rows += _rows(bench, 500, loop, rounds=1) + _rows(bench, 2000, loop, rounds=1)
        if bench.addresses.https:
            rows += _rows(bench, 500, loop, tls=True, rounds=1)
    return rows


def _rows(
    bench: Bench,
    streams: int,
    loop: str,
    *,
    tls: bool = False,
    way: str = "text",
    rounds: int = 3,
) -> list[Row]:
    jobs: dict[str, dict[str, Any]] = {
        name: {
            "url": bench.addresses.url(f"live/{RATE}", tls),
            "streams": streams,
            "seconds": bench.pick(1.5, 3),
            "patience": bench.pick(4, 10),
            "way": way,
            "loop": loop,
        }
        for name in PEERS
        if name != "litellm" or (loop == "asyncio" and not tls and streams == 100)
        if name not in {"litellm", "floor"} or way == "text"
        if name not in SKIPPED_IF_QUICK or not bench.quick
    }
    results = bench.alternate("many", jobs, bench.pick(2, rounds), once={"litellm"})
    kind = f"{streams} streams, {loop}{', TLS' if tls else ''}"
    kind += "" if way == "text" else ", create(stream=True)"
    targets = TARGETS[loop, tls] if streams == 100 and way == "text" else []
    rows = [
        Row(f"{kind}: CPU", "µs/event", column(results, "cpu", 1e6), targets),
        Row(f"{kind}: of a core", "%", column(results, "load", 100), plotted=False),
        Row(f"{kind}: lag p50", "ms", column(results, "p50", 1e3), plotted=False),
        Row(f"{kind}: lag p99", "ms", column(results, "p99", 1e3)),
    ]
    if streams > 100:
        received = column(results, "rate", 1 / RATE / streams * 100)
        rows.append(Row(f"{kind}: of the events sent, taken", "%", received, plotted=False))
    return rows


measured = many_tasks
