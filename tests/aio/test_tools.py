"""How asynchronous code runs tools."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tailrace.aio.tools import AsyncToolRunner, TaskHands
from tailrace.core.tools import tool
from tailrace.procedures.tool_loop import GivenUp
from tailrace.sync.tools import ToolRunner


def test_both_runners_have_the_same_names() -> None:
    def names(kind: type[Any]) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert names(AsyncToolRunner) == names(ToolRunner)


def test_no_more_than_the_bound_run_at_the_same_time() -> None:
    async def main() -> int:
        hands = TaskHands(2)
        running: list[int] = []
        most: list[int] = []

        async def one() -> None:
            running.append(1)
            most.append(len(running))
            await asyncio.sleep(0)
            running.pop()

        handles = [hands.start(one, None) for _ in range(6)]
        for handle in handles:
            await hands.finish(handle)
        return max(most)

    assert asyncio.run(main()) == 2


def test_closing_cancels_what_runs() -> None:
    async def main() -> list[str]:
        hands = TaskHands(2)
        seen: list[str] = []

        async def hangs() -> None:
            seen.append("began")
            try:
                await asyncio.sleep(1000)
            finally:
                seen.append("ended")

        handle = hands.start(hangs, None)
        await asyncio.sleep(0)
        await hands.close()
        assert handle.cancelled()
        return seen

    assert asyncio.run(main()) == ["began", "ended"]


def test_what_cancels_itself_does_not_cancel_the_loop() -> None:
    async def main() -> None:
        hands = TaskHands(1)

        async def cancels() -> None:
            raise asyncio.CancelledError

        with pytest.raises(GivenUp):
            await hands.finish(hands.start(cancels, None))

    asyncio.run(main())


def test_a_function_that_blocks_runs_in_a_thread() -> None:
    def where() -> str:
        return threading.current_thread().name

    async def main() -> Any:
        return await TaskHands(1).run(tool(where), {})

    assert asyncio.run(main()) == "tailrace-tool"


def test_a_manager_that_fails_to_open_is_tried_again() -> None:
    tries: list[int] = []

    @asynccontextmanager
    async def weather() -> AsyncIterator[Callable[[], Awaitable[str]]]:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not yet")

        async def function() -> str:
            return "fine"

        yield function

    async def main() -> Any:
        hands = TaskHands(1)
        opened = tool(weather, input_schema={"type": "object", "properties": {}})
        with pytest.raises(OSError, match="not yet"):
            await hands.run(opened, {})
        result = await hands.run(opened, {})
        await hands.close()
        return result

    assert asyncio.run(main()) == "fine"
