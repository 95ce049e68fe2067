"""Kept events: what the process grows by when a user keeps every event of a reply."""

from __future__ import annotations

import gc
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contestants import load
from benchmarks.measure import Row, Target, column
from benchmarks.reading import reader
from benchmarks.usage import resident

TITLE = "Kept events"
ABOUT = """
Every event of `stream()` is put into a list, as one does to look at them later. The reply is text
in pieces of 20 characters. What the process has grown by is read from its resident memory.
"""

PIECE = 20


def run(bench: Bench) -> list[Row]:
    """Replies of growing length."""
    rows = []
    for size in bench.pick((100_000,), (100_000, 200_000, 400_000)):
        jobs = {
            name: {"url": bench.addresses.url(f"pieces/{size}/{PIECE}")}
            for name in ("tailrace", "official")
        }
        results = bench.alternate("kept", jobs, rounds=bench.pick(1, 3))
        rows.append(
            Row(
                f"{size // 1000} kB of text, every event kept",
                "MB",
                column(results, "grown", 1e-6),
                [Target("official", 1 / 50)] if size == 400_000 else [],
            )
        )
    return rows


def measured(*, contestant: str, url: str) -> dict[str, float]:
    """Bytes of growth; a first, dropped reply warms up whatever grows once."""
    program = load(contestant)
    kept: list[Any] = []
    with reader(program, sync=True, way="text", url=url) as read:
        read(len)
    with reader(program, sync=True, way="keep", url=url) as read:
        gc.collect()
        before = resident()
        read(kept.append)
        grown = resident() - before
    return {"grown": grown, "events": len(kept)}
