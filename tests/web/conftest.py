"""Fixtures of the pages' tests."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser import chromium

from .chatting import Site


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = Site(tmp_path_factory.mktemp("chat"))
    running.start()
    yield running
    running.end(signal.SIGKILL)


@pytest.fixture
def run():
    """Run a coroutine to its end, in an event loop of its own."""

    def start(coroutine, *, timeout: float = 60.0):
        async def main():
            async with asyncio.timeout(timeout):
                return await coroutine

        return asyncio.run(main())

    return start
