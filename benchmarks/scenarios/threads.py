"""Threads: paced replies, each read by a thread."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.measure import Row, Target, column
from benchmarks.scenarios.live import many_threads

TITLE = "Threads"
ABOUT = """
As *many at once*, but each reply is read by a thread with the synchronous client, which they share
(the floor has a connection of `http.client` in each thread).
"""

RATE = 50
PEERS = ("tailrace", "official", "floor")


def run(bench: Bench) -> list[Row]:
    """20 threads, and 100."""
    rows = []
    for streams in bench.pick((20,), (20, 100)):
        jobs: dict[str, dict[str, Any]] = {
            name: {
                "url": bench.addresses.url(f"live/{RATE}"),
                "streams": streams,
                "seconds": bench.pick(1.5, 3),
                "way": "text",
            }
            for name in PEERS
        }
        results = bench.alternate("threads", jobs, rounds=bench.pick(1, 3))
        rows += [
            Row(
                f"{streams} threads: CPU",
                "µs/event",
                column(results, "cpu", 1e6),
                [Target("official", 1 / 4)] if streams == 20 else [],
            ),
            Row(f"{streams} threads: lag p50", "ms", column(results, "p50", 1e3), plotted=False),
            Row(f"{streams} threads: lag p99", "ms", column(results, "p99", 1e3), plotted=False),
        ]
    return rows


measured = many_threads
