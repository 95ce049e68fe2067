"""Waiting with the task resumed by whoever brings what it waits for."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from tailrace.transports.arrival import Arrival

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop] | None] = {
    "asyncio": None,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param], debug=True) as runner:
            runner.run(coroutine)

    return run


async def resumed(arrival: Arrival, log: list[str], times: int = 1) -> None:
    for number in range(times):
        await arrival
        log.append(f"resumed {number}")


def test_the_task_runs_inside_the_callback(run: Any) -> None:
    async def main() -> None:
        loop, log = asyncio.get_running_loop(), list[str]()
        arrival = Arrival(loop)
        task = asyncio.create_task(resumed(arrival, log, 2))

        def bring() -> None:
            for _ in range(2):
                log.append("before")
                arrival.arrive()
                log.append("after")

        await asyncio.sleep(0)
        loop.call_soon(bring)
        await task
        assert log == ["before", "resumed 0", "after", "before", "resumed 1", "after"]

    run(main())


def test_a_task_lets_another_one_go_on_in_the_next_round(run: Any) -> None:
    async def main() -> None:
        log = list[str]()
        arrival = Arrival(asyncio.get_running_loop())
        task = asyncio.create_task(resumed(arrival, log))
        await asyncio.sleep(0)
        arrival.arrive_soon()
        log.append("goes on")
        await task
        assert log == ["goes on", "resumed 0"]

    run(main())


def test_inside_a_task_the_step_is_left_to_the_loop(run: Any) -> None:
    async def main() -> None:
        log = list[str]()
        arrival = Arrival(asyncio.get_running_loop())
        task = asyncio.create_task(resumed(arrival, log, 2))
        for _ in range(2):
            await asyncio.sleep(0)
            arrival.arrive()
            log.append("goes on")
            await asyncio.sleep(0)
        await task
        assert log == ["goes on", "resumed 0", "goes on", "resumed 1"]

    run(main())


def test_an_error_of_the_tasks_own_that_looks_like_it_is_not_taken_for_it(run: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        arrival, times = Arrival(loop), list[int]()

        async def wait() -> None:
            await arrival
            times.append(1)
            raise RuntimeError("mine")

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        loop.call_soon(arrival.arrive)
        with pytest.raises(RuntimeError, match="mine"):
            await task
        assert times == [1]

    run(main())


def test_nobody_waiting_is_nothing_to_do(run: Any) -> None:
    async def main() -> None:
        arrival = Arrival(asyncio.get_running_loop())
        arrival.arrive()
        arrival.arrive_soon()
        assert not arrival.cancel()

    run(main())


def test_it_runs_in_the_context_of_its_task(run: Any) -> None:
    name = contextvars.ContextVar("name", default="nobody")

    async def main() -> None:
        arrival, seen = Arrival(asyncio.get_running_loop()), list[str]()

        async def wait() -> None:
            name.set("the task")
            await arrival
            seen.append(name.get())

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(arrival.arrive)
        await task
        assert (seen, name.get()) == (["the task"], "nobody")

    run(main())


def test_a_waiting_task_can_be_cancelled_and_wait_again(run: Any) -> None:
    async def main() -> None:
        loop, arrival, log = asyncio.get_running_loop(), None, list[str]()
        arrival = Arrival(loop)
        task = asyncio.create_task(resumed(arrival, log))
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await arrival
        again = asyncio.create_task(resumed(arrival, log))
        await asyncio.sleep(0)
        loop.call_soon(arrival.arrive)
        await again
        assert log == ["resumed 0"]

    run(main())


def test_an_error_of_the_task_stays_in_the_task(run: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        arrival = Arrival(loop)

        async def wait() -> None:
            await arrival
            raise LookupError("the task's own")

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        loop.call_soon(arrival.arrive)
        with pytest.raises(LookupError, match="the task's own"):
            await task

    run(main())


def test_two_tasks_cannot_wait_for_one_thing(run: Any) -> None:
    async def main() -> None:
        arrival, log = Arrival(asyncio.get_running_loop()), list[str]()
        task = asyncio.create_task(resumed(arrival, log))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two tasks"):
            await arrival
        task.cancel()

    run(main())


def test_it_keeps_nothing_of_a_task_that_has_gone_on(run: Any) -> None:
    class Large:
        pass

    held: contextvars.ContextVar[Large] = contextvars.ContextVar("held")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for way in ("arrive", "arrive_soon", "cancel"):
            arrival = Arrival(loop)

            async def wait() -> weakref.ref[Large]:
                large = Large()
                held.set(large)
                with contextlib.suppress(asyncio.CancelledError):
                    await arrival  # noqa: B023
                return weakref.ref(large)

            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            loop.call_soon(getattr(arrival, way))
            reference = await task
            del task
            await asyncio.sleep(0)
            assert reference() is None, way

    run(main())
