"""Tests that are coroutines."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def on_asyncio(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test, run by an event loop of its own in debug mode, which must end without complaint."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        complaints: list[Any] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.slow_callback_duration = 60.0
            loop.set_exception_handler(lambda loop, context: complaints.append(context))
            await test(*arguments, **named)

        asyncio.run(main(), debug=True)
        assert not complaints

    return run


async def every(items: AsyncIterable[T]) -> list[T]:
    """All items of an asynchronous iterator."""
    return [item async for item in items]
