"""The official SDK, as it comes (its HTTP client is httpx2)."""

from __future__ import annotations

import anthropic

from benchmarks.contestants.messages_api import AsyncProgram, SyncProgram

MOST_CONNECTIONS = 1000  # what the SDK allows unless told otherwise


def limits(streams: int) -> anthropic.DefaultAsyncHttpxClient | None:
    """An HTTP client for more streams than the default one takes."""
    if streams <= MOST_CONNECTIONS:
        return None
    import httpx2

    return anthropic.DefaultAsyncHttpxClient(limits=httpx2.Limits(max_connections=streams))


def Sync(url: str, streams: int = 1) -> SyncProgram:  # noqa: N802 - a class to its callers
    """A synchronous client."""
    return SyncProgram(anthropic.Anthropic(base_url=url, api_key="x"))


def Async(url: str, streams: int = 1) -> AsyncProgram:  # noqa: N802
    """An asynchronous client."""
    client = limits(streams)
    return AsyncProgram(anthropic.AsyncAnthropic(base_url=url, api_key="x", http_client=client))
