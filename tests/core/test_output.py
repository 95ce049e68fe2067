"""Structured output of a text that grows: partial objects, and items as they are finished."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.content import message
from tailrace.core.cursor import RESTARTED
from tailrace.core.output import GrowingOutput, Items, read_output
from tailrace.core.partial_json import parse_partial
from tailrace.core.partial_values import partial_output
from tailrace.core.structured import OutputParseError


@dataclasses.dataclass
class Person:
    name: str
    age: int = 0


@dataclasses.dataclass
class Report:
    title: str
    people: list[Person]
    teams: dict[str, list[Person]] = dataclasses.field(default_factory=dict)
    maybe: list[Person] | None = None


class Page(pydantic.BaseModel):
    people: list[Person]


def fed(items: Items, text: str, size: int = 1) -> list[Any]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [item for piece in pieces for item in items.feed(piece)]


ADA, BOB = {"name": "Ada", "age": 36}, {"name": "Bob", "age": 1}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("people", {"title": "x", "people": [ADA, BOB]}),
        (("people",), {"people": [ADA, BOB], "title": "x"}),
        ("teams.red", {"people": [BOB], "teams": {"blue": [BOB], "red": [ADA, BOB]}}),
        ("maybe", {"maybe": [ADA, BOB], "people": []}),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_items_of_a_path(path: Any, value: Any, size: int) -> None:
    text = json.dumps(value)
    assert fed(Items(path), text, size) == [ADA, BOB]
    assert fed(Items(path, Report), text, size) == [Person("Ada", 36), Person("Bob", 1)]


def test_items_of_other_types() -> None:
    assert fed(Items("", list[Person]), json.dumps([ADA])) == [Person("Ada", 36)]
    assert fed(Items("people", Page), json.dumps({"people": [ADA]})) == [Person("Ada", 36)]
    assert fed(Items((0,), list[list[int]]), "[[1, 2], [3]]") == [1, 2]


@pytest.mark.parametrize("path", ["title", "nothing", "people.name", ("people", 0)])
def test_a_path_that_leads_to_no_array_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match="is no array in the output format"):
        Items(path, Report)


def test_an_item_that_does_not_fit_raises() -> None:
    items = Items("people", Report)
    with pytest.raises(OutputParseError, match=r"item 0 does not fit: `age` must be") as caught:
        items.feed('{"people": [{"name": "Ada", "age": "x"}')
    assert caught.value.path == ("people", 0)


def test_an_item_is_there_as_soon_as_it_cannot_change() -> None:
    items = Items("people", Report)
    assert items.feed('{"people": [{"name": "Ada", "age": 36') == []
    assert items.feed("}") == [Person("Ada", 36)]


def test_items_begin_anew_with_the_reply() -> None:
    items = Items("people")
    assert items.feed('{"people": [1,') == [1]
    assert items.feed(RESTARTED) == []
    assert items.feed('{"people": [2]}') == [2]


@given(st.lists(st.builds(lambda n, a: {"name": n, "age": a}, st.text(), st.integers(0, 99))))
def test_growing_is_the_same_as_reading_each_prefix(people: list[Any]) -> None:
    text = json.dumps({"title": "x", "people": people}, ensure_ascii=False)
    growing = GrowingOutput(Report)
    for end in range(0, len(text) + 1, 7):
        prefix = text[:end]
        expected = partial_output(Report, parse_partial(prefix, trailing_strings=True))
        assert growing.value(prefix) == expected


def test_growing_begins_anew_with_the_reply() -> None:
    growing = GrowingOutput(Person)
    assert growing.value('{"name": "Ad').name == "Ad"
    assert growing.value('{"name": "B').name == "B"


def test_finished_elements_are_made_once_and_lists_are_live() -> None:
    growing = GrowingOutput(Report)
    first = growing.value('{"people": [{"name": "Ada"}, {"na').people
    ada = first[0]
    assert growing.value('{"people": [{"name": "Ada"}, {"name": "Bob"}, {"').people is first
    assert first[0] is ada
    assert len(first) == 3


def test_a_reply_without_text_is_no_output() -> None:
    reply = message({"role": "assistant", "content": [], "stop_reason": "refusal"})
    with pytest.raises(OutputParseError, match="stop reason: refusal") as caught:
        read_output(reply, Person)
    assert caught.value.final_message is reply
