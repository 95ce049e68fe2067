"""Fixtures of the pages' tests."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def run():
    """Run a coroutine to its end, in an event loop of its own."""

    def start(coroutine, *, timeout: float = 60.0):
        async def main():
            async with asyncio.timeout(timeout):
                return await coroutine

        return asyncio.run(main())

    return start
