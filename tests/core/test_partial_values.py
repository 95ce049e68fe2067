"""Partial values, at every prefix of a text."""

from __future__ import annotations

import dataclasses
import datetime
import json
import types
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.kinds import (
    KIND_AND_VALUE,
    KINDS,
    Aliased,
    Box,
    Cat,
    Circle,
    Color,
    Dog,
    Invoice,
    Line,
    Numbers,
    Pair,
    Person,
    Point,
    Square,
    Tree,
    value_of,
)

from tailrace.core.partial_json import PartialJSON, parse_partial
from tailrace.core.reading import read
from tailrace.core.structured import (
    PartialOutput,
    parse_output,
    partial_output,
)
from tailrace.core.type_shapes import shape_of


def fail(value: Any) -> Any:
    raise RuntimeError("a validator that does not expect half a value")


def made(kind: type, **fields: Any) -> Any:
    """An instance with the given attributes, whatever its class says."""
    instance = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(instance, name, value)
    return instance


PARTIALS: list[tuple[Any, Any, Any]] = [
    (int, 3, 3),
    (int, "a", None),
    (str, "half a sen", "half a sen"),
    (Color, "re", None),
    (Literal["abc"], "ab", None),
    (datetime.date, "2026-01", None),
    (Annotated[int, msgspec.Meta(ge=10)], 1, 1),
    (Annotated[str, msgspec.Meta(min_length=10)], "a", "a"),
    (list[int], [1, 2], [1, 2]),
    (list[Color], ["red", "bl"], [Color.RED]),
    (set[int], [1], {1}),
    (set[list[int]], [[1]], None),
    (tuple[int, str], [1], (1, None)),
    (Pair, ["a"], Pair("a", None)),  # type: ignore[arg-type]
    (dict[str, int], {"a": 1, "b": "x"}, {"a": 1}),
    (dict[int, int], {"1": 1, "x": 2}, {1: 1}),
    (Point, {}, made(Point, x=None, y=None)),
    (Point, {"x": 1}, made(Point, x=1, y=None)),
    (Point, {"x": "a", "z": 1}, made(Point, x=None, y=None)),
    (Point, [], None),
    (Point, None, None),
    (Line, {"what": "a"}, made(Line, what="a", price=None)),
    (Invoice, {"number": "BAD"}, made(Invoice, number="BAD", lines=None, due=None)),
    (Person, {"name": "a"}, {"name": "a"}),
    (Box[Point], {"content": {"x": 1}}, Box(made(Point, x=1, y=None))),
    (Tree, {"value": 1, "children": [{"value": 2}]}, Tree(1, [made(Tree, value=2, children=None)])),
    (Point | None, None, None),
    (Point | None, {"x": 1}, made(Point, x=1, y=None)),
    (int | str, "a", "a"),
    (Point | Person, {"name": "a"}, {"name": "a"}),
    (Numbers, [1, 2], Numbers([1, 2])),
    (pydantic.AnyUrl, "htt", None),
    (Annotated[int, pydantic.AfterValidator(fail)], 1, None),
    (Annotated[Point | Cat, "either"] | None, {"type": "Cat"}, partial_output(Cat, {})),
    (Any, {"a": [1]}, {"a": [1]}),
]


@pytest.mark.parametrize(
    ("kind", "value", "result"), PARTIALS, ids=[f"{k}-{v}" for k, v, _ in PARTIALS]
)
def test_partial(kind: Any, value: Any, result: Any) -> None:
    partial = partial_output(kind, value)
    assert partial == result
    assert type(partial) is type(result)


def test_a_partial_struct_skips_its_post_init() -> None:
    cat = partial_output(Cat | Dog, {"type": "Cat", "lives": -1})
    assert isinstance(cat, Cat)
    assert (cat.name, cat.lives) == (None, -1)
    assert msgspec.to_builtins(cat)["type"] == "Cat"


def test_a_tag_that_still_grows_is_nothing_yet() -> None:
    assert partial_output(Cat | Dog, {"type": "D"}) is None


def test_a_partial_model_has_its_fields() -> None:
    circle = partial_output(Square | Circle, {"kind": "circle", "center": {"x": 1}})
    assert isinstance(circle, Circle)
    assert circle.radius is None
    assert circle.center == made(Point, x=1, y=None)
    assert circle.model_fields_set == {"kind", "center"}
    assert partial_output(Aliased, {"longName": "a"}).long_name == "a"


def test_a_partial_value_shares_nothing() -> None:
    value: dict[str, Any] = {"content": {"a": [1]}}
    box = partial_output(Box[Any], value)
    numbers = value["content"]["a"]
    numbers.append(2)
    assert box.content == {"a": [1]}


def test_a_class_that_cannot_be_made_gives_its_names() -> None:
    kind = dataclasses.make_dataclass("Kind", [("x", int)], bases=(int,))
    assert partial_output(kind, {"x": 1}) == types.SimpleNamespace(x=1)


WHOLE = [
    (Invoice, {"number": "AB", "lines": [{"what": "a", "price": 1.5}], "due": "2026-01-31"}),
    (list[Cat | Dog], [{"type": "Cat", "name": "a", "lives": 3}, {"type": "Dog", "name": "b"}]),
    (Square | Circle, {"kind": "circle", "radius": 2, "center": {"x": 1, "y": 2}}),
    (Tree, {"value": 1, "children": [{"value": 2, "children": []}]}),
    (dict[str, tuple[int, str | None]], {"a": [1, None], "b": [2, "x"]}),
    (Person, {"name": "a", "age": 1}),
]


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize(("kind", "value"), WHOLE, ids=[str(kind) for kind, _ in WHOLE])
def test_every_prefix_has_a_partial_value(kind: Any, value: Any, strings: bool) -> None:
    text = json.dumps(value)
    for end in range(len(text) + 1):
        partial = partial_output(kind, parse_partial(text[:end], trailing_strings=strings))
        repr(partial)
    assert partial == parse_output(kind, text)


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize(("kind", "value"), WHOLE, ids=[str(kind) for kind, _ in WHOLE])
def test_growing_in_place_is_the_same(kind: Any, value: Any, strings: bool) -> None:
    text = json.dumps(value)
    parser = PartialJSON()
    output = PartialOutput(kind)
    for end, character in enumerate(text, 1):
        parser.feed(character)
        partial = output.of(parser.value(trailing_strings=strings))
        assert partial == partial_output(kind, parse_partial(text[:end], trailing_strings=strings))


def test_finished_elements_are_made_once() -> None:
    output = PartialOutput(list[Point])
    value: list[Any] = [{"x": 1}, {"x": 2}]
    points = output.of(value)
    first, second = points
    value[1]["y"] = 3
    value.append({"x": 4})
    assert output.of(value) is points
    assert points == [made(Point, x=1, y=None), Point(2, 3), made(Point, x=4, y=None)]
    assert points[0] is first
    assert points[1] is not second


@given(KIND_AND_VALUE)
def test_partial_never_raises(pair: tuple[Any, Any]) -> None:
    partial_output(*pair)


@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), value_of(kind))))
def test_the_partial_value_of_a_whole_one_is_the_whole_one(pair: tuple[Any, Any]) -> None:
    result, problems = read(shape_of(pair[0]), pair[1])
    if not problems:
        assert partial_output(*pair) == result
