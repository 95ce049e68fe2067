"""A history says by itself where its conversation stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.content import message
from tailrace.core.turns import ToolCall, Turns

ASKED = {"role": "user", "content": "Hi"}


def call(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "weather", "input": {}}


def result(name: str, content: str = "21") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": content}


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def told(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def reply(*blocks: Any) -> Any:
    return message({"role": "assistant", "content": list(blocks), "stop_reason": "tool_use"})


def test_results_stand_in_the_order_of_the_calls() -> None:
    turns = Turns([ASKED])
    turns.add_reply(reply(call("a"), call("b"), call("c")))
    turns.add_result(result("c"))
    turns.add_result(result("a"))
    assert turns.messages[-1] == told(result("a"), result("c"))
    assert turns.pending == [ToolCall("b", "weather", {})]
    turns.add_result(result("b"))
    assert turns.messages[-1] == told(result("a"), result("b"), result("c"))


def test_a_result_may_come_before_its_reply() -> None:
    turns = Turns([ASKED])
    turns.add_result(result("a"))
    assert turns.messages == [ASKED]
    turns.add_reply(reply(call("a")))
    assert turns.messages[-1] == told(result("a"))


def test_the_first_result_of_a_call_counts() -> None:
    turns = Turns([ASKED, said(call("a"))])
    turns.add_result(result("a", "first"))
    turns.add_result(result("a", "late"))
    assert turns.messages[-1] == told(result("a", "first"))


def test_ids_may_come_again_in_a_later_turn() -> None:
    turns = Turns([ASKED])
    for _ in range(2):
        turns.add_reply(reply(call("a")))
        assert len(turns.pending) == 1
        turns.add_result(result("a"))
    assert len(turns.messages) == 5


HISTORIES: list[tuple[list[Any], list[str]]] = [
    ([], []),
    ([ASKED], []),
    ([ASKED, said({"type": "text", "text": "Hi"})], []),
    ([ASKED, {"role": "assistant", "content": "Hi"}, ASKED], []),
    ([ASKED, said(call("a"), call("b"))], ["a", "b"]),
    ([ASKED, said(call("a"), call("b")), told(result("a"))], ["b"]),
    ([ASKED, said(call("a")), told(result("a"))], []),
    ([ASKED, said(call("a")), told(result("a"), {"type": "text", "text": "Go on"})], []),
    ([ASKED, said(call("a")), told(result("other"))], ["a"]),
    ([ASKED, said(call("a")), told(result("a")), ASKED], []),
    ([told(result("a"))], []),
]


@pytest.mark.parametrize(("history", "open_calls"), HISTORIES)
def test_a_history_says_which_calls_are_open(history: list[Any], open_calls: list[str]) -> None:
    turns = Turns(history)
    assert [call.id for call in turns.pending] == open_calls
    assert turns.messages == history
    assert json.loads(json.dumps(turns.messages)) == history


def test_what_was_added_stands_behind_results_that_come_later() -> None:
    history = [ASKED, said(call("a"), call("b")), told(result("a")), ASKED]
    for turns in (Turns(history), Turns(history[:3])):
        if turns.messages != history:
            turns.add([ASKED])
        turns.add_result(result("b"))
        assert turns.messages == [*history[:2], told(result("a"), result("b")), ASKED]
        turns.close_turn()
        assert len(turns.messages) == 4


def test_results_of_the_callers_take_the_place_of_others() -> None:
    turns = Turns([ASKED])
    turns.add_reply(reply(call("a")))
    turns.add_result(result("a"))
    more = {"type": "text", "text": "And?"}
    turns.add([reply(call("a")), told(result("a", "mine"), more)])
    assert turns.messages[2:] == [told(result("a", "mine")), told(more)]


@given(st.permutations("abcd"), st.integers(0, 4))
def test_a_history_can_be_left_and_taken_up_anywhere(order: list[str], at: int) -> None:
    turns = Turns([ASKED])
    turns.add_reply(reply(*map(call, "abcd")))
    for count, name in enumerate(order):
        if count == at:
            turns = Turns(json.loads(json.dumps(turns.messages)))
            assert {call.id for call in turns.pending} == set(order[at:])
        turns.add_result(result(name))
    assert turns.messages[-1] == told(*map(result, "abcd"))
