"""Tailrace, as it comes."""

from __future__ import annotations

import tailrace
from benchmarks.contestants.messages_api import AsyncProgram, SyncProgram


def Sync(url: str, streams: int = 1) -> SyncProgram:  # noqa: N802 - a class to its callers
    """A synchronous client."""
    return SyncProgram(tailrace.Anthropic(base_url=url, api_key="x"))


def Async(url: str, streams: int = 1) -> AsyncProgram:  # noqa: N802
    """An asynchronous client."""
    return AsyncProgram(tailrace.AsyncAnthropic(base_url=url, api_key="x"))
