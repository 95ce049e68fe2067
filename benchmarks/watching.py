"""Viewers that cost little: bare protocols that count the events they get, and how late.

They speak to the servers of `fan_out`. An event's text holds its number and the time it was made,
so it is known whether a viewer got every event, and when.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

_SAID = re.compile(rb'"text": ?"((?:w\d+ [\d.]+ )+)"')


class Viewer(asyncio.Protocol):
    """One viewer. `first` and `last` are the numbers of events, `count` how many came."""

    def __init__(self, lags: list[float]) -> None:
        self.first = self.last = -1
        self.count = 0
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
            number = int(words[-2][1:])
            self.count += len(words) // 2
            self.last = number
            if self.first < 0:
                self.first = int(words[0][1:])
            self._lags.append(now - float(words[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, which it never should."""
        self.lost = True

    def follow(self, path: str) -> None:
        """Ask for a source."""
        self.transport.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())

    @property
    def missed(self) -> int:
        """How many events between its first and its last it did not get."""
        return self.last - self.first + 1 - self.count if self.count else 0


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
