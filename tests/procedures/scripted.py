"""Clients on scripted wires, and replies to script them with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.corpus import STOP, Event, body, ends, grows, opens, starts, text

from tailrace import Anthropic, AsyncAnthropic, AsyncMessageStream, MessageStream
from tailrace.transports.memory import Act, Answer, AsyncScriptedWire, ScriptedWire, Turn

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Hi"}],
}

OPENING = [starts(), opens(0, "text", text="")]
"""The beginning of a reply, without any content."""
PING: Event = {"type": "ping"}
OVERLOADED: Event = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
}
REFUSED: Event = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "No"},
}


def says(*pieces: str, index: int = 0) -> list[Event]:
    """Text deltas."""
    return [grows(index, "text_delta", text=piece) for piece in pieces]


def reply(*events: Event | bytes | Act, **answer: Any) -> Answer:
    """An answer with these events, those in a row in one chunk; other acts stand for themselves."""
    acts: list[Act] = []
    row: list[Event | bytes] = []
    for event in events:
        if isinstance(event, dict | bytes):
            row.append(event)
            continue
        acts += [body(row)] * bool(row) + [event]
        row = []
    return Answer(*acts, *[body(row)] * bool(row), **answer)


def whole(*pieces: str, **answer: Any) -> Answer:
    """A complete reply."""
    return reply(starts(), *text(0, *pieces), ends(), STOP, **answer)


HELLO = whole("Hel", "lo")
BEGUN = reply(*OPENING, *says("Half", " a"))
"""A reply that ends cleanly before it is complete."""


class Scripted:
    """A synchronous client on a scripted wire; `wire` shows what it did."""

    def __init__(self, *turns: Turn, **options: Any) -> None:
        self.wire = ScriptedWire(turns)
        self.client = Anthropic(api_key="k", **options)
        self.client._shared._wire = self.wire

    def stream(self, **asked: Any) -> MessageStream:
        """A stream, its request sent; nobody will close it."""
        return self.client.messages.stream(**ASKED | asked).__enter__()

    def text(self, **asked: Any) -> str:
        """What the reply says."""
        return "".join(self.stream(**asked).text_stream)

    @property
    def tried(self) -> list[str]:
        """Which tries were made, as their requests say."""
        return [one.headers["x-stainless-retry-count"] for one in self.wire.requests]


class AsyncScripted:
    """An asynchronous client on a scripted wire."""

    def __init__(self, *turns: Turn, **options: Any) -> None:
        self.wire = AsyncScriptedWire(turns)
        self.client = AsyncAnthropic(api_key="k", **options)
        self.client._shared._wire = self.wire

    async def stream(self, **asked: Any) -> AsyncMessageStream:
        """A stream, its request sent; nobody will close it."""
        return await self.client.messages.stream(**ASKED | asked).__aenter__()

    async def text(self, **asked: Any) -> str:
        """What the reply says."""
        return await (await self.stream(**asked)).get_final_text()


def kinds(events: Iterable[Any]) -> list[str]:
    """The types of events."""
    return [event.type for event in events]
