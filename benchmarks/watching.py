"""Viewers that cost little: bare protocols that count the events they get, and how late.

They speak to the servers of `fan_out`. An event's text holds its number and the time it was made,
so it is known whether a viewer got every event, once and in order, and when.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import Any

_SAID = re.compile(rb'"text": ?"((?:w\d+ [\d.]+ )+)"')


class Viewer(asyncio.Protocol):
    """One viewer: `count` events came, the newest is number `last`.

    `wrong` is how often an event did not follow the one before: lost, doubled or out of order.
    """

    def __init__(self, lags: list[float]) -> None:
        self.last = -1
        self.count = self.wrong = 0
        self.lost = False
        self._lags = lags
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is connected."""
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Events came, or parts of them."""
        now = time.monotonic()
        data = self._tail + data
        whole, mark, self._tail = data.rpartition(b"\n\n")
        for said in _SAID.findall(whole + mark):
            words = said.split()
            for word in words[::2]:
                number = int(word[1:])
                self.wrong += self.count > 0 and number != self.last + 1
                self.last = number
                self.count += 1
            self._lags.append(now - float(words[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, which it never should."""
        self.lost = True

    def follow(self, path: str) -> None:
        """Ask for a source."""
        self.transport.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())


def counts(viewers: list[Viewer]) -> list[int]:
    """How many events each viewer has got."""
    return [viewer.count for viewer in viewers]


async def all_get_more(viewers: list[Viewer], seen: list[int], patience: float) -> None:
    """Wait until every viewer has got more than it had, or for so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not all(map(int.__gt__, counts(viewers), seen)):  # noqa: ASYNC110 - events are many
                await asyncio.sleep(0.05)


def check(viewers: list[Viewer], seen: list[int]) -> None:
    """Raises `RuntimeError` unless all got every event, once and in order, and more than `seen`."""
    wrong = sum(viewer.wrong for viewer in viewers)
    lost = sum(viewer.lost for viewer in viewers)
    starved = sum(map(int.__le__, counts(viewers), seen))
    if wrong or lost or starved:
        raise RuntimeError(
            f"{wrong} events lost, doubled or out of order; "
            f"{lost} viewers disconnected, {starved} got nothing"
        )


def disconnect(viewers: list[Viewer]) -> None:
    """Let all go."""
    for viewer in viewers:
        viewer.transport.abort()


async def connect(port: int, viewers: int, sources: int, lags: list[float]) -> list[Viewer]:
    """So many viewers, spread over the sources, some at a time."""
    loop = asyncio.get_running_loop()
    found: list[Viewer] = []
    for number in range(viewers):
        _, viewer = await loop.create_connection(lambda: Viewer(lags), "127.0.0.1", port)
        viewer.follow(f"/{number % sources}")
        found.append(viewer)
        if number < sources or number % 50 == 0:
            await asyncio.sleep(0.005)
    return found
