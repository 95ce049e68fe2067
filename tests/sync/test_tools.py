"""How synchronous code runs tools, and what a tool runner offers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.procedures.scripted import ASKED, Scripted

from tailrace.core.tools import tool
from tailrace.procedures.tool_loop import GivenUp
from tailrace.procedures.wire import settle
from tailrace.sync.tools import ThreadHands, ToolRunner

# The public names of the official SDK's tool runners. `compact_before_next_turn` is not offered.
OFFICIAL = (
    "add_tools",
    "append_messages",
    "close",
    "defer_tool_call",
    "deferred_tool_calls",
    "generate_tool_call_response",
    "remove_tools",
    "set_messages_params",
    "until_done",
)


def test_the_official_names_are_there() -> None:
    assert [name for name in OFFICIAL if not hasattr(ToolRunner, name)] == []


def work(function: Callable[[], object]) -> Any:
    async def coroutine() -> None:
        function()

    return coroutine


def test_no_more_than_the_bound_run_at_the_same_time() -> None:
    hands = ThreadHands(2)
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()
    two = threading.Barrier(2, timeout=20)

    def one() -> None:
        with lock:
            running.append(1)
            most.append(len(running))
        two.wait()
        with lock:
            running.pop()

    handles = [hands.start(work(one), None) for _ in range(6)]
    for handle in handles:
        settle(hands.finish(handle))
    assert max(most) == 2


def test_time_runs_from_where_the_work_begins() -> None:
    hands = ThreadHands(1)
    go = threading.Event()
    first = hands.start(work(lambda: go.wait(20)), None)
    second = hands.start(work(lambda: None), 5.0)
    assert second.timer is None  # it waits for room, which does not count
    go.set()
    settle(hands.finish(first))
    settle(hands.finish(second))


def test_what_hangs_makes_room_and_keeps_no_process() -> None:
    hands = ThreadHands(1)
    over = threading.Event()
    hangs = hands.start(work(lambda: over.wait(20)), 0.01)
    waits = hands.start(work(lambda: None), None)
    with pytest.raises(GivenUp):
        settle(hands.finish(hangs))
    settle(hands.finish(waits))
    names = [one for one in threading.enumerate() if one.name == "tailrace-tool"]
    assert all(one.daemon for one in names)
    over.set()


def test_what_waits_for_room_is_dropped_at_the_end() -> None:
    hands = ThreadHands(1)
    over = threading.Event()
    ran: list[str] = []
    first = hands.start(work(lambda: over.wait(20)), None)
    hands.start(work(lambda: ran.append("second")), None)
    settle(hands.close())
    over.set()
    settle(hands.finish(first))
    assert ran == []


def test_an_async_tool_gets_a_loop_of_its_own() -> None:
    async def weather(city: str) -> str:
        return city

    assert settle(ThreadHands(1).run(tool(weather), {"city": "Rome"})) == "Rome"


def test_an_async_manager_is_refused_with_a_reason() -> None:
    @tool(input_schema={"type": "object"})
    class Weather:
        async def __aenter__(self) -> Weather:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        def __call__(self) -> str:
            return ""

    with pytest.raises(TypeError, match="use the asynchronous client"):
        settle(ThreadHands(1).run(Weather, {}))


@pytest.mark.parametrize("options", [{"max_parallel_tools": 0}, {"tools": "weather"}])
def test_bad_options_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Scripted().client.messages.tool_runner(**{"tools": []} | ASKED | options)
