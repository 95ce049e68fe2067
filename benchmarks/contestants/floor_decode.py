"""The floor with its JSON read: each event's data is decoded by msgspec, and its text taken.

Events are found by their `data:` lines, and nothing else is checked: no names, no order, no end.
The played replies never split an event over HTTP chunks, so the chunks' own lines are skipped like
any other line.
"""

from __future__ import annotations

from typing import Any

import msgspec

from benchmarks.contestants import QUESTION, floor
from benchmarks.contestants.floor import Took

decode = msgspec.json.decode


class Lines:
    """Bytes in, the text of their text events out."""

    def __init__(self, took: Took) -> None:
        self._took = took
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Some bytes of a reply."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        took = self._took
        for line in lines:
            if line.startswith(b"data: "):
                event: Any = decode(line[6:])
                if event["type"] == "content_block_delta":
                    took(event["delta"]["text"])


class Sync(floor.Sync):
    """`http.client` and msgspec."""

    def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The text."""
        super().text(Lines(took).feed, ask)


class Async(floor.Async):
    """A bare protocol and msgspec."""

    async def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The text."""
        await super().text(Lines(took).feed, ask)
