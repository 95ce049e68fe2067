"""What the API says against messages, in its words."""

from typing import Any

import pytest

from tailrace.simulator.conversation import complaints, thinking_complaints

USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
THINKING = {"type": "thinking", "thinking": "", "signature": "s"}


def user(content: Any = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: Any = "Yes?") -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def said(*messages: Any, model: str = "claude-sonnet-4-5", system_role: bool = False) -> str | None:
    return next(complaints(list(messages), model, system_role=system_role), None)


@pytest.mark.parametrize(
    "messages",
    [
        [user()],
        [user(), user()],
        [user(), assistant(), user()],
        [user([text("Hi"), {"type": "image", "source": {}}])],
        [user(), assistant([THINKING, USE]), user([RESULT, text("go on")])],
        [user(), assistant("The answer is")],
        [user(), assistant("")],
        [user(), assistant([])],
    ],
)
def test_good_conversations_pass(messages: list[Any]) -> None:
    assert said(*messages) is None


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], "messages: at least one message is required"),
        (["Hi"], "messages.0: Input should be a valid dictionary"),
        ([{"content": "Hi"}], "messages.0.role: Field required"),
        ([{"role": "user"}], "messages.0.content: Field required"),
        ([user(5)], "messages.0.content: Input should be a valid list"),
        ([user(["Hi"])], "messages.0.content.0: Input should be a valid dictionary"),
        ([user([{"text": "Hi"}])], "messages.0.content.0.type: Field required"),
        ([user([{"type": "text"}])], "messages.0.content.0.text.text: Field required"),
        (
            [user([{"type": "audio"}])],
            "messages.0.content.0: Input tag 'audio' found using 'type' does not match any of",
        ),
        (
            [{"role": "system", "content": "x"}],
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.',
        ),
        (
            [user(), {"role": "tool", "content": "x"}],
            'messages: Unexpected role "tool". Allowed roles are "user" or "assistant".',
        ),
        ([assistant(), user()], 'messages: first message must use the "user" role'),
        ([user("")], "messages.0: all messages must have non-empty content except for the"),
        ([user([])], "messages.0: all messages must have non-empty content except for the"),
        ([user(), assistant(""), user()], "messages.1: all messages must have non-empty content"),
        ([user([text("")])], "messages: text content blocks must be non-empty"),
        ([user([text(" ")])], "messages: text content blocks must contain non-whitespace text"),
        (
            [user(), assistant([USE]), user("and?")],
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
            "after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block "
            "in the next message.",
        ),
        ([user(), assistant([USE])], "messages.1: `tool_use` ids were found without"),
        (
            [user([text("x"), RESULT])],
            "messages.0.content.1: unexpected `tool_use_id` found in `tool_result` blocks: "
            "toolu_1. Each `tool_result` block must have a corresponding `tool_use` block in the "
            "previous message.",
        ),
        (
            [user(), assistant([USE, USE]), user([RESULT])],
            "messages.1.content.1: `tool_use` ids must be unique",
        ),
        (
            [user(), assistant("The answer is ")],
            "messages: final assistant content cannot end with trailing whitespace",
        ),
    ],
)
def test_bad_conversations_hear_why(messages: list[Any], text: str) -> None:
    heard = said(*messages)
    assert heard is not None
    assert heard.startswith(text)


@pytest.mark.parametrize(
    ("model", "taken"),
    [
        ("claude-3-5-sonnet-20240620", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-5-20251101", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-5", False),
        ("claude-fable-5-1", False),
        ("something-new", False),
    ],
)
def test_newer_models_take_no_prefill(model: str, taken: bool) -> None:
    heard = said(user(), assistant("The answer is"), model=model)
    assert (heard is None) is taken
    assert taken or heard == (
        "This model does not support assistant message prefill. The conversation must end with "
        "a user message."
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            [{**THINKING, "signature": ""}, text("Yes.")],
            "messages.1.content.0: Invalid `signature` in `thinking` block",
        ),
        (
            [text("Yes."), THINKING],
            "messages.1: The final block in an assistant message cannot be `thinking`.",
        ),
    ],
)
def test_thinking_comes_back_as_it_was(content: list[Any], text: str) -> None:
    assert said(user(), assistant(content), user()) == text


def test_thinking_stays_at_the_front_of_its_turn() -> None:
    moved = [user(), assistant([text("Yes."), THINKING, USE]), user([RESULT])]
    assert next(thinking_complaints(moved)) == (
        "messages.1.content.0: If an assistant message contains any thinking blocks, the first "
        "block must be `thinking` or `redacted_thinking`. Found `text`."
    )
    right = [user(), assistant([THINKING, text("Yes."), USE]), user([RESULT])]
    assert list(thinking_complaints(right)) == []


def test_a_paused_turn_is_no_prefill() -> None:
    call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    assert said(user(), assistant([call]), model="claude-opus-5") is None


def test_the_latest_version_has_system_messages() -> None:
    assert said(user(), {"role": "system", "content": "x"}, system_role=True) is None
