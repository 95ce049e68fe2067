"""Many paced replies at once: the part that several scenarios share.

All streams are opened. When each has delivered something, and what piled up meanwhile has been
read, a window of some seconds is measured: CPU of the process for each event that arrived in it,
and how long after its sending each event reached the caller. Whoever does not get so far within
`PATIENCE` seconds is measured as it is; `opened` says how many streams there were.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from statistics import median
from types import ModuleType
from typing import Any

from benchmarks.contestants import load
from benchmarks.reading import runner
from benchmarks.replies import sent_at, sent_in
from benchmarks.usage import cpu, resident

PATIENCE = 8.0
CALM = 0.5
BEHIND = 0.05
"""Whose events are later than this, in seconds, is still reading what piled up."""


class Arrivals:
    """What has arrived, and how late."""

    def __init__(self, sent: Callable[[Any], float]) -> None:
        self.lags: list[float] = []
        self.opened: set[int] = set()
        self._sent = sent

    def took(self, number: int, piece: Any) -> None:
        """Something arrived on a stream."""
        sent = self._sent(piece)
        if sent:
            self.lags.append(time.monotonic() - sent)
            self.opened.add(number)

    def listener(self, number: int) -> Callable[[Any], None]:
        """What to give to one stream."""
        return partial(self.took, number)


def window(
    arrivals: Arrivals, streams: int, seconds: float, patience: float = PATIENCE
) -> Generator[float, None, Any]:
    """The figures of a window; what it yields is how long to wait before going on."""
    started = time.monotonic()
    while time.monotonic() - started < patience:
        seen = len(arrivals.lags)
        yield CALM
        recent = arrivals.lags[seen:]
        if len(arrivals.opened) == streams and recent and median(recent) < BEHIND:
            break
    first, used, began = len(arrivals.lags), cpu(), time.monotonic()
    yield seconds
    used, took = cpu() - used, time.monotonic() - began
    lags = sorted(arrivals.lags[first:])
    assert lags, "nothing arrived"
    return {
        "cpu": used / len(lags),
        "load": used / took,
        "p50": lags[len(lags) // 2],
        "p99": lags[int(len(lags) * 0.99)],
        "rate": len(lags) / took,
        "opened": len(arrivals.opened),
        "rss": resident(),
    }


def _arrivals(contestant: str) -> Arrivals:
    return Arrivals(sent_in if contestant == "floor" else sent_at)


def many_tasks(
    *, contestant: str, url: str, streams: int, seconds: float, way: str, loop: str
) -> dict[str, float]:
    """The streams as tasks on one loop."""
    program = load(contestant)
    with runner(loop) as running:
        figures: dict[str, float] = running.run(
            _tasks(program, _arrivals(contestant), url, streams, seconds, way)
        )
        return figures


async def _tasks(
    program: ModuleType, arrivals: Arrivals, url: str, streams: int, seconds: float, way: str
) -> dict[str, float]:
    client = program.Async(url, streams)
    read: Callable[..., Awaitable[None]] = getattr(client, way)
    tasks = [asyncio.ensure_future(read(arrivals.listener(number))) for number in range(streams)]
    steps = window(arrivals, streams, seconds)
    while True:
        try:
            wait = next(steps)
        except StopIteration as done:
            figures: dict[str, float] = done.value
            break
        await asyncio.sleep(wait)
        for task in tasks:
            if task.done():
                task.result()
                raise AssertionError("a reply without end has ended")
    # Open streams are left to the end of the process, which the worker brings about at once.
    print_and_leave(figures)
    return figures


def many_threads(
    *, contestant: str, url: str, streams: int, seconds: float, way: str
) -> dict[str, float]:
    """The streams as threads, which share a client where a client can be shared."""
    program = load(contestant)
    arrivals = _arrivals(contestant)
    shared = None if contestant.startswith("floor") else program.Sync(url, streams)
    for number in range(streams):
        client = shared or program.Sync(url)
        reading = getattr(client, way)
        threading.Thread(target=reading, args=(arrivals.listener(number),), daemon=True).start()
    steps = window(arrivals, streams, seconds)
    while True:
        try:
            time.sleep(next(steps))
        except StopIteration as done:
            figures: dict[str, float] = done.value
            return figures


def print_and_leave(figures: dict[str, float]) -> None:
    """Give the figures to the bench and end the process, streams and all."""
    import json
    import os

    print(json.dumps(figures), flush=True)
    os._exit(0)
