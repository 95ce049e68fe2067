"""Streams held: the most that one process reads with a lag below 50 ms."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from benchmarks.bench import Bench
from benchmarks.measure import Row, Target
from benchmarks.scenarios.live import many_tasks

TITLE = "Streams held"
ABOUT = """
The most replies of 50 events a second that one process reads with 99 of 100 events less than 50 ms
late, found by halving a ladder of numbers of streams (a step is 1.1 to 1.5 times the one before).
The ladder ends where the server, on one core itself, has enough to do.
"""

LADDER = (
    *(10, 15, 20, 30, 40, 50, 60, 80),
    *(100, 125, 150, 175, 200, 250, 300, 350, 400, 500, 600, 700, 800),
    *(1000, 1200, 1400, 1700, 2000, 2400),
)
RATE = 50
LATE = 0.050
ROUNDS = 2
PEERS = ("tailrace", "official", "official_aiohttp", "floor")


def run(bench: Bench) -> list[Row]:
    """On either loop; only in the full mode."""
    if bench.quick:
        return []
    rows = []
    for loop, factor in (("asyncio", 6.0), ("uvloop", 10.0)):
        values: dict[str, list[float]] = {name: [] for name in PEERS}
        for _ in range(ROUNDS):
            for name in PEERS:
                values[name].append(_most(bench, name, loop))
        targets = [Target("official", factor, at_least=True)]
        rows.append(Row(f"streams held, {loop}", "streams", values, targets))
    return rows


def _most(bench: Bench, name: str, loop: str) -> float:
    def late(streams: int) -> bool:
        job: dict[str, Any] = {
            "url": bench.addresses.url(f"live/{RATE}"),
            "streams": streams,
            "seconds": 2,
            "way": "text",
            "loop": loop,
        }
        found = bench.alternate("held", {name: job}, rounds=1).get(name)
        if not found:
            return True
        return found[0]["p99"] >= LATE or found[0]["opened"] < streams

    first_late = bisect_left(LADDER, True, key=late)
    return float(LADDER[first_late - 1]) if first_late else 0.0


measured = many_tasks
