"""The programs of the libraries with the Messages API's own surface, written once.

The same lines are run for each of them: only the client differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.contestants import QUESTION

Took = Callable[[Any], object]


def _parameters(ask: list[Any]) -> dict[str, Any]:
    return {"model": "claude-haiku-4-5", "max_tokens": 1024, "messages": ask}


class SyncProgram:
    """A synchronous client's ways of reading."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The text stream."""
        with self.client.messages.stream(**_parameters(ask)) as stream:
            for text in stream.text_stream:
                took(text)

    def events(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The helper's events."""
        with self.client.messages.stream(**_parameters(ask)) as stream:
            for event in stream:
                if event.type == "text":
                    took(event.text)

    def raw(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The wire events."""
        for event in self.client.messages.create(stream=True, **_parameters(ask)):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                took(event.delta.text)

    def keep(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The helper's events themselves."""
        with self.client.messages.stream(**_parameters(ask)) as stream:
            for event in stream:
                took(event)

    def close(self) -> None:
        """Close the client."""
        self.client.close()


class AsyncProgram:
    """An asynchronous client's ways of reading."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The text stream."""
        async with self.client.messages.stream(**_parameters(ask)) as stream:
            async for text in stream.text_stream:
                took(text)

    async def events(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The helper's events."""
        async with self.client.messages.stream(**_parameters(ask)) as stream:
            async for event in stream:
                if event.type == "text":
                    took(event.text)

    async def raw(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The wire events."""
        async for event in await self.client.messages.create(stream=True, **_parameters(ask)):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                took(event.delta.text)

    async def keep(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The helper's events themselves."""
        async with self.client.messages.stream(**_parameters(ask)) as stream:
            async for event in stream:
                took(event)

    async def close(self) -> None:
        """Close the client."""
        await self.client.close()
