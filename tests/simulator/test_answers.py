from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailrace.simulator.acts import Ping, Recording, Text, ToolUse
from tailrace.simulator.answers import (
    PARAGRAPH,
    POEM,
    as_script,
    canned,
    echo,
    example,
    recordings,
)
from tailrace.simulator.ask import Ask

Body = Callable[..., dict[str, Any]]
WEATHER = {
    "name": "get_weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius"]}},
        "required": ["city", "unit"],
    },
}


def test_who_asks_for_a_poem_gets_one(body: Body) -> None:
    assert canned(Ask(body("Write a short poem about APIs."))) == [Text(POEM)]


def test_others_get_a_paragraph(body: Body) -> None:
    assert canned(Ask(body("Why?"))) == [Text(PARAGRAPH)]


def test_an_offered_tool_is_called_with_what_was_said(body: Body) -> None:
    ask = Ask(body("What is the weather in Paris?", tools=[WEATHER]))
    assert canned(ask) == [ToolUse("get_weather", {"city": "Paris", "unit": "celsius"})]


@pytest.mark.parametrize(
    ("choice", "tool"), [({"type": "tool", "name": "b"}, "b"), ({"type": "any"}, "a")]
)
def test_the_chosen_tool_is_called(body: Body, choice: dict[str, str], tool: str) -> None:
    tools = [{"name": name, "input_schema": {}} for name in "ab"]
    assert canned(Ask(body(tools=tools, tool_choice=choice))) == [ToolUse(tool, {})]


def test_no_tool_is_called_when_none_is_wanted(body: Body) -> None:
    ask = Ask(body("x", tools=[WEATHER], tool_choice={"type": "none"}))
    assert isinstance(canned(ask)[0], Text)


def test_what_a_tool_returned_is_told(body: Body) -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "sunny"}
    ask = Ask(body(tools=[WEATHER], messages=[{"role": "user", "content": [result]}]))
    assert canned(ask) == [Text("The tool answered: sunny")]


def test_a_schema_is_answered_with_an_example(body: Body) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    config = {"format": {"type": "json_schema", "schema": schema}}
    assert canned(Ask(body(output_config=config))) == [Text('{"n": 1}')]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Rome"),
        ({"type": ["number", "null"]}, 1.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"const": 7}, 7),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({}, {}),
    ],
)
def test_an_example_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert example(schema, "I live in Rome now") == value


def test_echo_gives_back_what_was_said(body: Body) -> None:
    assert echo(Ask(body("Hello?"))) == [Text("Hello?")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("b.sse", "a.sse", "deep/c.sse", "notes.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


def told(answer: Callable[[Ask], Any], count: int) -> list[bytes]:
    return [answer(Ask({}, number=number))[0].data for number in range(1, count + 1)]


def test_recordings_play_in_order_over_and_over(folder: Path) -> None:
    assert told(recordings(folder), 4) == [b"a.sse", b"b.sse", b"deep/c.sse", b"a.sse"]


def test_a_seed_shuffles_recordings_repeatably(folder: Path) -> None:
    first, again = told(recordings(folder, seed=1), 20), told(recordings(folder, seed=1), 20)
    assert first == again != told(recordings(folder, seed=2), 20)
    assert len(set(first)) == 3


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.sse files"):
        recordings(tmp_path)


@pytest.mark.parametrize(
    ("reply", "script"),
    [
        ("Hi", [Text("Hi")]),
        (b"data: x\n\n", [Recording(b"data: x\n\n")]),
        (Ping(), [Ping()]),
        ([Ping(), Text("x")], [Ping(), Text("x")]),
        ([], []),
        (lambda ask: lambda ask: ask.user, [Text("Hi there")]),
    ],
)
def test_whatever_can_answer_becomes_a_script(body: Body, reply: Any, script: Any) -> None:
    assert as_script(reply, Ask(body("Hi there"))) == script


@pytest.mark.parametrize("reply", [None, 5, [1], {"type": "text"}])
def test_what_cannot_answer_is_refused(reply: Any) -> None:
    with pytest.raises(TypeError, match="a reply is a text, an act"):
        as_script(reply, Ask({}))
