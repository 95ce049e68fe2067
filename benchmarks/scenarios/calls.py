"""Calls: how many functions run for each text event. Only the ratchet asks for it.

Time is noisy and calls are not: on the same versions of Python and libraries the number for a burst
is the same in every run, and that for paced replies nearly so. Functions written in Python and
built-in ones are counted, the loop's and the HTTP client's included; a coroutine counts each time
it goes on.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from benchmarks.contestants import load
from benchmarks.reading import reader, runner

COUNTED = ("call", "c_call")


class Counter:
    """Counts the calls of this thread while it is on."""

    def __init__(self) -> None:
        self.calls = 0

    def start(self) -> None:
        """Count from here."""
        sys.setprofile(self._seen)

    def stop(self) -> None:
        """Count no more."""
        sys.setprofile(None)

    def _seen(self, frame: Any, event: str, argument: Any) -> None:
        if event in COUNTED:
            self.calls += 1


def measured(
    *,
    contestant: str,
    url: str,
    warm: str = "",
    sync: bool = True,
    way: str = "text",
    streams: int = 0,
) -> dict[str, float]:
    """Calls an event: of one reply read as fast as it can be, or of some paced ones at once."""
    assert threading.active_count() == 1
    if streams:
        with runner("asyncio") as running:
            return {"calls": running.run(_paced(contestant, url, streams))}
    program, counter, pieces = load(contestant), Counter(), list[Any]()
    with reader(program, sync=sync, way=way, url=warm) as read:
        read(len)
    with reader(program, sync=sync, way=way, url=url) as read:
        counter.start()
        read(pieces.append)
        counter.stop()
    return {"calls": counter.calls / len(pieces)}


async def _paced(contestant: str, url: str, streams: int) -> float:
    client, counter, pieces = load(contestant).Async(url, streams), Counter(), list[Any]()
    tasks = [asyncio.ensure_future(client.text(pieces.append)) for _ in range(streams)]
    await asyncio.sleep(0.7)
    before = len(pieces)
    counter.start()
    await asyncio.sleep(1)
    counter.stop()
    for task in tasks:
        task.cancel()
    return counter.calls / (len(pieces) - before)
