"""Many paced replies at once: the part that several scenarios share.

All streams are opened. When each has delivered something, and what piled up meanwhile has been
read, a window of some seconds is measured: CPU of the process for each event that arrived in it,
and how long after its sending each event reached the caller. Whoever falls behind more and more, or
does not get so far within the seconds of `patience`, is measured as it is; `opened` says how many
streams there were.

A thread keeps the time, not the loop: one turn of a loop that is far behind can take minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from statistics import median
from types import ModuleType
from typing import Any, NoReturn

from benchmarks.contestants import load
from benchmarks.reading import runner
from benchmarks.replies import sent_at, sent_in
from benchmarks.usage import cpu, resident

PATIENCE = 10.0
CALM = 0.5
BEHIND = 0.05
"""Whose events are later than this, in seconds, is still reading what piled up."""
LOST = 4
"""Who is further behind at so many looks in a row, all streams being open, does not catch up."""


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


def settle(arrivals: Arrivals, streams: int, patience: float) -> None:
    """Wait until the streams are open and read in time, or it is clear that they will not be."""
    started, before, losing = time.monotonic(), 0.0, 0
    while time.monotonic() - started < patience and losing < LOST:
        seen = len(arrivals.lags)
        time.sleep(CALM)
        recent = arrivals.lags[seen:]
        if len(arrivals.opened) < streams or not recent:
            continue
        lag = median(recent)
        if lag < BEHIND:
            return
        losing = losing + 1 if lag > before else 0
        before = lag


def window(
    arrivals: Arrivals, streams: int, seconds: float, patience: float = PATIENCE
) -> dict[str, float]:
    """The figures of some seconds, once the streams have settled."""
    settle(arrivals, streams, patience)
    first, used, began = len(arrivals.lags), cpu(), time.monotonic()
    time.sleep(seconds)
    used, took = cpu() - used, time.monotonic() - began
    lags = sorted(arrivals.lags[first:])
    figures = {
        "load": used / took,
        "rate": len(lags) / took,
        "opened": float(len(arrivals.opened)),
        "rss": resident(),
    }
    if lags:  # else there is nothing to say of an event
        figures["cpu"] = used / len(lags)
        figures["p50"] = lags[len(lags) // 2]
        figures["p99"] = lags[int(len(lags) * 0.99)]
    return figures


def _arrivals(contestant: str) -> Arrivals:
    return Arrivals(sent_in if contestant == "floor" else sent_at)


def many_tasks(
    *,
    contestant: str,
    url: str,
    streams: int,
    seconds: float,
    way: str,
    loop: str,
    patience: float = PATIENCE,
) -> NoReturn:
    """The streams as tasks on one loop; with the figures, or a failure, the process ends."""
    program, arrivals = load(contestant), _arrivals(contestant)

    def measure() -> None:
        with leaving_if_it_fails():
            print_and_leave(window(arrivals, streams, seconds, patience))

    threading.Thread(target=measure, daemon=True).start()
    with runner(loop) as running:
        running.run(_tasks(program, arrivals, url, streams, way))


async def _tasks(
    program: ModuleType, arrivals: Arrivals, url: str, streams: int, way: str
) -> NoReturn:
    """All streams, until one of them fails or ends."""
    with leaving_if_it_fails():
        client = program.Async(url, streams)
        read: Callable[..., Awaitable[None]] = getattr(client, way)
        readings = [read(arrivals.listener(number)) for number in range(streams)]
        await asyncio.gather(*readings)
        raise RuntimeError("replies without end have ended")


def many_threads(
    *, contestant: str, url: str, streams: int, seconds: float, way: str
) -> dict[str, float]:
    """The streams as threads, which share a client where a client can be shared."""
    program, arrivals = load(contestant), _arrivals(contestant)
    shared = None if contestant.startswith("floor") else program.Sync(url, streams)
    for number in range(streams):
        client = shared or program.Sync(url)
        reading = getattr(client, way)
        threading.Thread(target=reading, args=(arrivals.listener(number),), daemon=True).start()
    return window(arrivals, streams, seconds)


@contextlib.contextmanager
def leaving_if_it_fails() -> Iterator[None]:
    """End the process at once if this fails: taking thousands of streams down first takes long."""
    try:
        yield
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def print_and_leave(figures: dict[str, float]) -> NoReturn:
    """Give the figures to the bench and end the process, streams and all."""
    print(json.dumps(figures), flush=True)
    os._exit(0)
