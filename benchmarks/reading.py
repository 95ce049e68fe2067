"""Reading one reply after another with a contestant, whatever its kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from benchmarks.contestants import QUESTION

Read = Callable[..., None]


def runner(loop: str) -> asyncio.Runner:
    """A runner on `asyncio`'s own loop or on `uvloop`'s."""
    if loop == "uvloop":
        import uvloop

        return asyncio.Runner(loop_factory=uvloop.new_event_loop)
    return asyncio.Runner()


@contextlib.contextmanager
def reader(
    program: ModuleType, *, sync: bool, way: str, url: str, loop: str = "asyncio"
) -> Iterator[Read]:
    """A client, as a function that asks once and gives what it reads to `took`."""
    if sync:
        client = program.Sync(url)
        yield getattr(client, way)
        client.close()
        return
    with runner(loop) as running:
        client = running.run(_made(program, url))

        def read(took: Callable[[Any], object], ask: list[Any] = QUESTION) -> None:
            running.run(getattr(client, way)(took, ask))

        yield read
        running.run(client.close())


async def _made(program: ModuleType, url: str) -> Any:
    """A client made where its loop runs, as some of them want it."""
    return program.Async(url)
