"""Idle streams: the memory that an open stream takes."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contestants import load
from benchmarks.measure import Row, Target, column
from benchmarks.reading import runner
from benchmarks.scenarios.live import print_and_leave
from benchmarks.usage import resident

TITLE = "Idle streams"
ABOUT = """
Streams that have delivered their first text and then wait: the resident memory of the process, less
what it was after a first reply, for each open stream.
"""

PEERS = ("tailrace", "official", "official_aiohttp", "floor")
TARGETS = [Target("official", 1 / 3)]
PATIENCE = 60.0


def run(bench: Bench) -> list[Row]:
    """Plain and TLS, asynchronous."""
    rows = []
    for tls in (False, True) if bench.addresses.https and not bench.quick else (False,):
        jobs: dict[str, dict[str, Any]] = {
            name: {
                "url": bench.addresses.url("idle", tls),
                "warm": bench.addresses.url("text/100/1", tls),
                "streams": bench.pick(100, 300),
            }
            for name in PEERS
            if name != "official_aiohttp" or not bench.quick
        }
        results = bench.alternate("idle", jobs, rounds=bench.pick(1, 3))
        label = f"memory of an idle stream{', TLS' if tls else ''}"
        targets = [] if tls else TARGETS
        rows.append(Row(label, "kB", column(results, "stream", 1e-3), targets))
    return rows


def measured(*, contestant: str, url: str, warm: str, streams: int) -> dict[str, float]:
    """Bytes a stream."""
    with runner("asyncio") as running:
        figures: dict[str, float] = running.run(_measured(contestant, url, warm, streams))
        return figures


async def _measured(contestant: str, url: str, warm: str, streams: int) -> dict[str, float]:
    program = load(contestant)
    await program.Async(warm).text(len)
    client = program.Async(url, streams)
    opened, all_opened = set[int](), asyncio.Event()

    def took(number: int, piece: Any) -> None:
        opened.add(number)
        if len(opened) == streams:
            all_opened.set()

    before = resident()
    tasks = [asyncio.ensure_future(client.text(partial(took, number))) for number in range(streams)]
    async with asyncio.timeout(PATIENCE):
        await all_opened.wait()
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in tasks)
    figures = {"stream": (resident() - before) / streams}
    print_and_leave(figures)
    return figures
