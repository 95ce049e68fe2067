"""Tailrace, as it comes."""

from __future__ import annotations

import tailrace
from benchmarks.contestants.messages_api import AsyncProgram, SyncProgram

MOST_CONNECTIONS = 1000  # what a client opens at once unless told otherwise


def Sync(url: str, streams: int = 1) -> SyncProgram:  # noqa: N802 - a class to its callers
    """A synchronous client."""
    return SyncProgram(tailrace.Anthropic(base_url=url, api_key="x"))


def Async(url: str, streams: int = 1) -> AsyncProgram:  # noqa: N802
    """An asynchronous client, on a wire with more connections where the streams are many."""
    client = tailrace.AsyncAnthropic(base_url=url, api_key="x")
    if streams > MOST_CONNECTIONS:
        from tailrace.transports.over_asyncio import AsyncioWire

        client._shared._make = lambda: AsyncioWire(max_connections=streams)
    return AsyncProgram(client)
