"""What a tool gave, as the model reads it."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Any, Literal

import pydantic
import pytest

from tailrace.core.tools import (
    ToolError,
    ToolInputError,
    tool,
    tool_result,
)
from tailrace.core.view import View


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclasses.dataclass
class Place:
    """A place.

    Attributes:
        city: Its city.
    """

    city: str
    country: str = "DE"


class Query(pydantic.BaseModel):
    text: str


def get_weather(city: str, days: int = 3, unit: Literal["c", "f"] = "c") -> str:
    """Get the weather.

    For some days.

    Args:
        city: The city,
            in full.
        days (int, optional): How many.

    Returns:
        The weather.
    """
    return f"{city} {days} {unit}"


class Anything:
    pass


TEXT = {"type": "text", "text": "a"}


IMAGE = {"type": "image", "source": {"type": "url", "url": "x"}}


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("text", "text"),
        ("", ""),
        ("größer", "größer"),
        ("bad \ud800 name", "bad ? name"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (10**30, "1" + "0" * 30),
        ([1, "a"], '[1,"a"]'),
        ([], "[]"),
        ({"a": "ß"}, '{"a":"ß"}'),
        ({"a": "\ud800"}, '{"a": "\\ud800"}'),
        (Place("Rome"), '{"city":"Rome","country":"DE"}'),
        (Query(text="a"), '{"text":"a"}'),
        ([Query(text="a")], '[{"text":"a"}]'),
        (datetime.date(2026, 1, 31), '"2026-01-31"'),
        (Unit.CELSIUS, '"c"'),
        ([TEXT, IMAGE], [TEXT, IMAGE]),
        ((TEXT,), [TEXT]),
        (TEXT, [TEXT]),
        (View(TEXT), [TEXT]),
        ([TEXT, 1], '[{"type":"text","text":"a"},1]'),
        ([{"type": "car"}], '[{"type":"car"}]'),
    ],
)
def test_results(value: Any, content: Any) -> None:
    assert tool_result("id", value) == {
        "type": "tool_result",
        "tool_use_id": "id",
        "content": content,
    }


LOOP: list[Any] = []


LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (ValueError("no"), "ValueError: no"),
        (KeyError("k"), "KeyError: 'k'"),
        (TimeoutError(), "TimeoutError"),
        (ToolError("sorry"), "sorry"),
        (ToolError([TEXT]), [TEXT]),
        (RuntimeError("x" * 5000), "RuntimeError: " + "x" * 3986 + "…"),
        (RuntimeError("\ud800"), "RuntimeError: ?"),
        (Anything(), "the tool returned a value of type Anything, which has no JSON"),
        (LOOP, "the tool returned a value of type list, which has no JSON"),
    ],
)
def test_error_results(value: Any, content: Any) -> None:
    assert tool_result("id", value) == {
        "type": "tool_result",
        "tool_use_id": "id",
        "content": content,
        "is_error": True,
    }


def test_a_wrong_input_goes_back_to_the_model() -> None:
    with pytest.raises(ToolInputError) as caught:
        tool(get_weather).call({})
    assert tool_result("id", caught.value)["content"] == "get_weather: `city` is required"


def test_blocks_in_a_result_are_plain_json_and_the_tools_own_no_longer() -> None:
    mine = [{"type": "text", "text": "a"}]
    block = tool_result("toolu_1", mine)
    mine[0]["text"] = "b"
    assert block["content"] == [{"type": "text", "text": "a"}]
    odd = tool_result("toolu_1", {"type": "text", "text": object()})
    assert odd["is_error"]
    assert "no JSON" in odd["content"]
