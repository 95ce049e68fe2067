"""Sources whose events are known, and journals that misbehave."""

from __future__ import annotations

import asyncio
from typing import Any

from tailrace.relay.journal import JournalUnavailableError
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.production import Tempo
from tailrace.relay.tail import Pulse

PARAMS = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}
QUICK = {
    "tempo": Tempo(flush=0.002, lease=0.3),
    "pulse": Pulse(tick=0.001, poll=0.05, grace=0.15),
    "heartbeat": 0.05,
}
BEGINNING = [
    {
        "type": "message_start",
        "message": {"id": "msg_1", "type": "message", "role": "assistant", "content": []},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
]
ENDING = [
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 9},
    },
    {"type": "message_stop"},
]


def delta(text: str) -> dict[str, Any]:
    inner = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": inner}


def says(*texts: str) -> list[dict[str, Any]]:
    return [*BEGINNING, *map(delta, texts), *ENDING]


class Script:
    """A source that plays a list: events, seconds to wait, `asyncio.Event`s, exceptions."""

    def __init__(self, *items: Any) -> None:
        self.items = items
        self.asked: list[Any] = []
        self.closed = 0

    async def __call__(self, params, so_far):
        self.asked.append((params, list(so_far)))
        try:
            for item in self.items:
                if isinstance(item, (int, float)):
                    await asyncio.sleep(item)
                elif isinstance(item, asyncio.Event):
                    await item.wait()
                elif isinstance(item, BaseException):
                    raise item
                else:
                    yield item
        finally:
            self.closed += 1


class LosingJournal(MemoryJournal):
    """A journal that can lose its newest entries, and be away."""

    away = False

    def lose(self, count: int) -> None:
        for key, log in list(self._logs.items()):
            if key != "secret":
                del log.entries[max(0, len(log.entries) - count) :]
                if not log.entries:
                    del self._logs[key]

    def _check(self) -> None:
        if self.away:
            raise JournalUnavailableError("away")

    async def append(self, *args, **options):
        self._check()
        return await super().append(*args, **options)

    async def read(self, *args, **options):
        self._check()
        return await super().read(*args, **options)


def text_of(events: Any) -> str:
    return "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")


async def collect(following: Any, events: list[Any] | None = None) -> list[Any]:
    found = [] if events is None else events
    async for event in following:
        found.append(event)
    return found


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)
