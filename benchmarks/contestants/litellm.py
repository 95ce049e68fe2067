"""LiteLLM, which turns the events into chunks of another API; it has one way of reading: text."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no request when it is imported
import litellm

from benchmarks.contestants import QUESTION

Took = Callable[[str], object]


class Sync:
    """The synchronous function."""

    def __init__(self, url: str, streams: int = 1) -> None:
        self._call = {"model": "anthropic/claude-haiku-4-5", "api_base": url, "api_key": "x"}

    def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The text of each chunk that has some."""
        for chunk in litellm.completion(**self._call, messages=ask, stream=True):
            if text := chunk.choices[0].delta.content:
                took(text)

    def close(self) -> None:
        """There is no client to close."""


class Async:
    """The asynchronous function."""

    def __init__(self, url: str, streams: int = 1) -> None:
        self._call = {"model": "anthropic/claude-haiku-4-5", "api_base": url, "api_key": "x"}

    async def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The text of each chunk that has some."""
        async for chunk in await litellm.acompletion(**self._call, messages=ask, stream=True):
            if text := chunk.choices[0].delta.content:
                took(text)

    async def close(self) -> None:
        """There is no client to close."""
