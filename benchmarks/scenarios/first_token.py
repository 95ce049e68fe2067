"""Time to first token: how much later it comes than it could."""

from __future__ import annotations

import time
from statistics import median
from types import ModuleType
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contestants import load
from benchmarks.measure import Results, Row, Target, column
from benchmarks.reading import reader, runner

TITLE = "Time to first token"
ABOUT = """
From the call to the first text, when the server answers at once: what is left is the client's own
time. *Warm* calls use a connection again; *cold* ones make a client and a connection each time. A
figure is the median of many calls on the wall clock; *added* is what it is above the floor's of the
same round.
"""

PEERS = ("floor", "tailrace", "official")


def run(bench: Bench) -> list[Row]:
    """Warm, cold, and cold with TLS."""
    kinds = [("warm", False), ("cold", False)]
    if bench.addresses.https:
        kinds += [("cold", True)]
    rows = []
    for sync in (True, False):
        for kind, tls in kinds if not bench.quick else kinds[:1]:
            jobs: dict[str, dict[str, Any]] = {
                name: {
                    "url": bench.addresses.url("text/5/1", tls),
                    "warm": kind == "warm",
                    "sync": sync,
                    "times": bench.pick(100, 200 if kind == "warm" else 30),
                }
                for name in PEERS
            }
            results = bench.alternate("first_token", jobs)
            label = f"{kind}{', TLS' if tls else ''}, {'sync' if sync else 'async'}"
            rows += _rows(label, results, kind == "warm")
    return rows


def _rows(label: str, results: Results, warm: bool) -> list[Row]:
    took = column(results, "first", 1e3)
    floor = took.get("floor", [])
    added = {
        name: [max(a - b, 1e-6) for a, b in zip(found, floor, strict=False)]
        for name, found in took.items()
        if name != "floor"
    }
    targets = [Target("official", 1 / 4)] if warm else []
    return [
        Row(f"{label}: call to first text", "ms", took, plotted=False),
        Row(f"{label}: added to the floor", "ms", added, targets),
    ]


def measured(*, contestant: str, url: str, warm: bool, sync: bool, times: int) -> dict[str, float]:
    """The median time to the first text, in seconds."""
    program = load(contestant)
    call = _warm if warm else _cold
    call(program, sync, url, 5)
    return {"first": median(call(program, sync, url, times))}


class _First:
    """Notes when it is first called."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.after: float | None = None

    def took(self, piece: Any) -> None:
        if self.after is None:
            self.after = time.perf_counter() - self._began


def _warm(program: ModuleType, sync: bool, url: str, times: int) -> list[float]:
    found = []
    with reader(program, sync=sync, way="text", url=url) as read:
        read(len)
        for _ in range(times):
            first = _First()
            read(first.took)
            assert first.after is not None
            found.append(first.after)
    return found


def _cold(program: ModuleType, sync: bool, url: str, times: int) -> list[float]:
    if not sync:
        with runner("asyncio") as running:
            return [running.run(_cold_async(program, url)) for _ in range(times)]
    found = []
    for _ in range(times):
        first = _First()
        client = program.Sync(url)
        client.text(first.took)
        client.close()
        assert first.after is not None
        found.append(first.after)
    return found


async def _cold_async(program: ModuleType, url: str) -> float:
    first = _First()
    client = program.Async(url)
    await client.text(first.took)
    await client.close()
    assert first.after is not None
    return first.after
