"""One thing for each event loop, closed with it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from threading import Event, Thread

import pytest

from tailrace.transports.per_loop import PerLoop


class Thing:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed_on: list[object] = []

    async def close(self) -> None:
        self.closed_on.append(_running())
        if not self.loop.is_closed():
            await asyncio.sleep(0)


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@pytest.fixture
def things() -> PerLoop[Thing]:
    return PerLoop(Thing, Thing.close)


def test_one_for_each_loop_closed_with_it(things: PerLoop[Thing]) -> None:
    async def main() -> Thing:
        first, second = await asyncio.gather(things.get(), things.get())
        assert first is second
        assert not first.closed_on
        return first

    one, two = asyncio.run(main()), asyncio.run(main(), debug=True)
    assert one is not two
    assert (one.closed_on, two.closed_on) == ([one.loop], [two.loop])


def test_closing_closes_the_running_loops_at_once(things: PerLoop[Thing]) -> None:
    async def main() -> None:
        thing = await things.get()
        await things.close()
        assert thing.closed_on == [thing.loop]
        await things.close()
        again = await things.get()
        assert again is not thing

    asyncio.run(main())


def test_closing_has_other_loops_close_theirs(things: PerLoop[Thing]) -> None:
    made: list[Thing] = []
    ready = Event()

    async def elsewhere() -> None:
        made.append(await things.get())
        ready.set()
        while not made[0].closed_on:
            await asyncio.sleep(0.001)

    thread = Thread(target=asyncio.run, args=(elsewhere(),))
    thread.start()
    assert ready.wait(5)
    asyncio.run(things.close())
    thread.join(5)
    assert made[0].closed_on == [made[0].loop]


def test_dropping_it_closes_the_thing(things: PerLoop[Thing]) -> None:
    async def main(dropped: list[PerLoop[Thing]]) -> None:
        thing = await dropped[0].get()
        dropped.clear()
        gc.collect()
        await asyncio.sleep(0.01)
        assert thing.closed_on == [thing.loop]

    held = [PerLoop(Thing, Thing.close)]
    asyncio.run(main(held))


@pytest.mark.parametrize("end", ["drop", "get", "close"])
def test_a_loop_that_was_closed_without_care(end: str, things: PerLoop[Thing]) -> None:
    careless = asyncio.new_event_loop()
    thing = careless.run_until_complete(things.get())
    careless.close()
    assert not thing.closed_on
    if end == "get":
        asyncio.run(_got(things.get))
    elif end == "close":
        asyncio.run(things.close())
    else:
        held = [things]
        del things
        asyncio.run(_dropped(held))
    assert len(thing.closed_on) == 1


async def _got(get: Callable[[], Awaitable[object]]) -> None:
    await get()


async def _dropped(held: list[PerLoop[Thing]]) -> None:
    await held.pop().close()
