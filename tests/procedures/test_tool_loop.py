"""The steps of a tool loop, with hands that run nothing until they are asked to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from tailrace.core.content import message
from tailrace.core.tools import tool
from tailrace.procedures.tool_loop import INTERRUPTED, GivenUp, ToolLoop
from tailrace.procedures.wire import settle

ASKED = {"messages": [{"role": "user", "content": "Hi"}], "model": "m", "max_tokens": 1}


class FakeHands:
    """Runs what was started when it is waited for, or as `finish_now` says."""

    def __init__(self) -> None:
        self.started: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.bounds: list[float | None] = []
        self.fails: BaseException | None = None
        self.closed = False

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], timeout: float | None) -> Any:
        self.started.append(work)
        self.bounds.append(timeout)
        return work

    async def finish(self, handle: Any) -> None:
        if self.fails is not None:
            raise self.fails
        await handle()

    async def run(self, tool: Any, given: Any) -> Any:
        return tool.call(given)

    async def settled(self, waiting: Awaitable[Any]) -> Any:
        return await waiting

    async def close(self) -> None:
        self.closed = True


def weather(city: str) -> str:
    """The weather."""
    return city


def loop(*tools: Any, **options: Any) -> tuple[ToolLoop, FakeHands]:
    hands = FakeHands()
    return ToolLoop(hands, ASKED, tools=tools or [weather], **options), hands


def reply(*names: str, reason: str = "tool_use") -> Any:
    blocks = [
        {"type": "tool_use", "id": name, "name": "weather", "input": {"city": name}}
        for name in names
    ]
    return message({"role": "assistant", "content": blocks, "stop_reason": reason})


def request(one: ToolLoop) -> Any:
    return settle(one.next_request())


def test_a_turn_is_request_reply_tools_request() -> None:
    one, hands = loop()
    assert request(one)["messages"] == ASKED["messages"]
    one.take(reply("Paris", "Rome"))
    assert hands.started == []
    sent = request(one)
    assert [block["content"] for block in sent["messages"][2]["content"]] == ["Paris", "Rome"]
    one.take(reply(reason="end_turn"))
    assert request(one) is None


def test_a_call_is_started_once() -> None:
    one, hands = loop()
    request(one)
    one.take(reply("Paris"))
    one.take(reply("Paris"))
    settle(one.run_pending())
    settle(one.run_pending())
    request(one)
    assert len(hands.started) == 1


def test_the_tools_own_bound_goes_before_the_loops() -> None:
    one, hands = loop(tool(timeout=2.0)(weather), tool_timeout=5.0)
    request(one)
    one.take(reply("Paris"))
    request(one)
    assert hands.bounds == [2.0]


@pytest.mark.parametrize(
    ("fails", "told"),
    [(None, "Paris"), (GivenUp("it was cancelled"), "weather was given up: it was cancelled.")],
)
def test_what_comes_too_late_is_dropped(fails: BaseException | None, told: str) -> None:
    one, hands = loop()
    request(one)
    one.take(reply("Paris"))
    hands.fails = fails
    settle(one.run_pending())
    settle(hands.started[0]())
    assert one.messages[2]["content"][0]["content"] == told


def test_what_leaves_the_loop_leaves_the_call_open_until_it_is_closed() -> None:
    one, hands = loop()
    request(one)
    one.take(reply("Paris", "Rome"))
    hands.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        request(one)
    hands.fails = None
    settle(hands.started[0]())  # the second has not begun
    assert len(one.messages[2]["content"]) == 1
    settle(one.close())
    assert hands.closed
    assert [block["content"] for block in one.messages[2]["content"]] == ["Paris"]


def test_a_call_that_was_begun_is_put_down_as_interrupted() -> None:
    class Interrupted(FakeHands):
        async def run(self, tool: Any, given: Any) -> Any:
            raise KeyboardInterrupt

    hands = Interrupted()
    one = ToolLoop(hands, ASKED, tools=[weather])
    request(one)
    one.take(reply("Paris", "Rome"))
    with pytest.raises(KeyboardInterrupt):
        request(one)
    settle(one.close())
    (block,) = one.messages[2]["content"]
    assert (block["tool_use_id"], block["content"]) == ("Paris", INTERRUPTED)
    assert block["is_error"]


def test_changing_parameters_keeps_the_history() -> None:
    one, _ = loop()
    request(one)
    one.take(reply("Paris"))
    settle(one.run_pending())
    before = one.messages
    one.change({**one.parameters, "max_tokens": 9})
    one.change({"model": "other", "max_tokens": 9})
    assert one.messages == before
    sent = request(one)
    assert (sent["model"], sent["max_tokens"], "tools" in sent) == ("other", 9, False)
    one.take(reply(reason="end_turn"))
    one.change({**one.parameters, "messages": ASKED["messages"]})
    assert request(one)["messages"] == ASKED["messages"]


def test_messages_added_while_a_reply_is_on_its_way_come_behind_it() -> None:
    one, _ = loop()
    request(one)
    more = {"role": "user", "content": "And?"}
    one.add([more])
    assert one.messages[-1] == more
    one.take(reply(reason="end_turn"))
    assert request(one)["messages"][-1] == more


@pytest.mark.parametrize("gone", ["weather", weather, tool(weather), tool(weather).to_dict()])
def test_tools_can_be_taken_away_in_any_form(gone: Any) -> None:
    one, _ = loop()
    one.remove_tools([gone])
    assert one.parameters["tools"] == []


def test_a_tool_of_the_same_name_is_replaced() -> None:
    one, _ = loop()
    newer = tool(lambda city: "new", name="weather", input_schema={"type": "object"})
    one.add_tools([newer])
    request(one)
    one.take(reply("Paris"))
    request(one)
    assert one.messages[2]["content"][0]["content"] == "new"
