"""The official SDK over aiohttp, as its documentation recommends for many calls at once."""

from __future__ import annotations

import aiohttp  # noqa: F401 - the SDK would only notice at its first call that it is missing
import anthropic
import httpx2

from benchmarks.contestants.messages_api import AsyncProgram

MOST_CONNECTIONS = 1000


def Async(url: str, streams: int = 1) -> AsyncProgram:  # noqa: N802 - a class to its callers
    """An asynchronous client."""
    limits = httpx2.Limits(max_connections=max(streams, MOST_CONNECTIONS))
    client = anthropic.DefaultAioHttpClient(limits=limits)
    return AsyncProgram(anthropic.AsyncAnthropic(base_url=url, api_key="x", http_client=client))
