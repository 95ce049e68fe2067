"""Message threads: a turn sends what is new, and is answered as if all of it had been sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.simulator.conftest import Answer, Wire

from tailrace.simulator import Cut, Simulator, Stall, Template, Text, ToolUse

Ask = Callable[..., Answer]
Body = Callable[..., dict[str, Any]]
CREATE = {"type": "create"}
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def goes_on(reply: str) -> dict[str, Any]:
    return {"type": "continue", "previous_message_id": reply}


def id_of(answer: Answer) -> str:
    return str(answer.events[0]["message"]["id"])


def refused(answer: Answer) -> tuple[int, str, str]:
    error = answer.json["error"]
    return answer.status, error["type"], error["details"]["error_code"]


def test_a_turn_goes_on_from_what_the_server_holds(sim: Simulator, ask: Ask, body: Body) -> None:
    seen: list[Any] = []
    sim.answer_with(lambda asked: seen.append(asked) or [Template("{{turn}}: {{user}}")])
    one = ask(body("One", thread=CREATE, system="Be brief.", tools=[TOOL]))
    two = ask(body("Two", thread=goes_on(id_of(one))))
    three = ask(body("Three", thread=goes_on(id_of(two))))
    assert [answer.text for answer in (one, two, three)] == ["1: One", "2: Two", "3: Three"]
    last = seen[-1]
    assert (last.system, last.tools) == ("Be brief.", ("look",))
    told = [(message["role"], message["content"]) for message in last.messages]
    assert told[:3] == [
        ("user", "One"),
        ("assistant", [{"type": "text", "text": "1: One"}]),
        ("user", "Two"),
    ]
    assert sim.requests[-1].body["messages"] == [{"role": "user", "content": "Three"}]


def test_the_whole_conversation_is_checked(sim: Simulator, ask: Ask, body: Body) -> None:
    sim.script([ToolUse("look", id="toolu_1")], "Seen.")
    called = ask(body(thread=CREATE, tools=[TOOL]))
    wrong = ask(body("Well?", thread=goes_on(id_of(called))))
    assert (wrong.status, wrong.json["error"]["type"]) == (400, "invalid_request_error")
    assert "`tool_use` ids were found without `tool_result`" in wrong.json["error"]["message"]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a mill"}
    turn = body(messages=[{"role": "user", "content": [result]}], thread=goes_on(id_of(called)))
    assert ask(turn).text == "Seen."


def test_a_reply_that_is_not_streamed_is_held_too(sim: Simulator, ask: Ask, body: Body) -> None:
    sim.script("One.", [Template("{{turn}}")])
    one = ask(body(thread=CREATE, stream=None)).json
    assert ask(body("Two", thread=goes_on(one["id"]))).text == "2"


def test_a_reply_is_continued_once(ask: Ask, body: Body) -> None:
    one = ask(body(thread=CREATE))
    assert ask(body(thread=goes_on(id_of(one)))).status == 200
    again = ask(body(thread=goes_on(id_of(one))))
    assert refused(again) == (409, "conflict_error", "thread_already_continued")


def test_not_while_it_is_being_continued(
    sim: Simulator, ask: Ask, connect: Callable[[], Wire], body: Body
) -> None:
    one = ask(body(thread=CREATE))
    sim.script([Text("Half"), Stall()])
    slow = connect().send(body(thread=goes_on(id_of(one))))
    slow.read_until(b"Half")
    again = ask(body(thread=goes_on(id_of(one))))
    assert refused(again) == (409, "conflict_error", "thread_continue_in_flight")


def test_a_reply_that_broke_off_is_not_held(sim: Simulator, ask: Ask, body: Body) -> None:
    one = ask(body(thread=CREATE))
    sim.script([Text("Half"), Cut("reset")], "Whole.")
    broken = ask(body(thread=goes_on(id_of(one))))
    lost = ask(body(thread=goes_on(id_of(broken))))
    assert refused(lost) == (404, "not_found_error", "thread_not_found")
    assert ask(body(thread=goes_on(id_of(one)))).text == "Whole."


@pytest.mark.parametrize("thread", [goes_on("msg_none"), {"type": "continue"}])
def test_an_unknown_reply_is_not_found(ask: Ask, body: Body, thread: Any) -> None:
    answer = ask(body(thread=thread))
    assert refused(answer) == (404, "not_found_error", "thread_not_found")
