"""Typed values of JSON values, and what is wrong with those that have none."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from hypothesis import given
from tests.core.kinds import (
    KIND_AND_VALUE,
    Aliased,
    Box,
    Cat,
    Circle,
    Color,
    Dog,
    Invoice,
    Key,
    Line,
    Numbers,
    Pair,
    Person,
    Point,
    Square,
    Tree,
)

from tailrace.core.reading import read
from tailrace.core.structured import (
    OutputParseError,
    parse_output,
)
from tailrace.core.type_shapes import shape_of

VALUES: list[tuple[Any, Any, Any]] = [
    (int, 3, 3),
    (int, 3.0, 3),
    (int, 10**40, 10**40),
    (float, 3, 3.0),
    (str, "", ""),
    (Any, {"a": [1]}, {"a": [1]}),
    (Point, {"x": 1}, Point(1)),
    (Line, {"what": "a", "price": 2}, Line("a", 2.0)),
    (Person, {"name": "a", "age": 1}, {"name": "a", "age": 1}),
    (Pair, ["a", 1], Pair("a", 1)),
    (Cat, {"type": "Cat", "name": "a"}, Cat("a")),
    (Cat | Dog, {"type": "Dog", "name": "a"}, Dog("a")),
    (Point | Person, {"name": "a", "age": 1}, {"name": "a", "age": 1}),
    (Square | Circle, {"kind": "circle", "radius": 1}, Circle(kind="circle", radius=1)),
    (Numbers, [1, 2], Numbers([1, 2])),
    (Aliased, {"longName": "a"}, Aliased(longName="a")),
    (Box[Point], {"content": {"x": 1}}, Box(Point(1))),
    (Tree, {"value": 1, "children": [{"value": 2, "children": []}]}, Tree(1, [Tree(2, [])])),
    (list[Point], [{"x": 1}], [Point(1)]),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2], (1, 2)),
    (set[int], [1, 1], {1}),
    (frozenset[str], ["a"], frozenset("a")),
    (dict[str, Point], {"a": {"x": 1}}, {"a": Point(1)}),
    (dict[int, int], {"1": 2}, {1: 2}),
    (dict[Key, int], {"a": 2}, {Key.A: 2}),
    (Color, "red", Color.RED),
    (Literal["a", 1], 1, 1),
    (int | str, "3", "3"),
    (float | int, 3, 3),
    (int | float, 3.5, 3.5),
    (int | float, 3.0, 3.0),
    (int | bool, True, True),
    (str | datetime.date, "2026-01-31", "2026-01-31"),
    (datetime.date | str, "2026-01-31", datetime.date(2026, 1, 31)),
    (datetime.date | str, "soon", "soon"),
    (Point | None, None, None),
    (decimal.Decimal, "1.50", decimal.Decimal("1.50")),
    (decimal.Decimal, 1.5, decimal.Decimal("1.5")),
    (
        uuid.UUID,
        "12345678123456781234567812345678",
        uuid.UUID(int=0x12345678123456781234567812345678),
    ),
    (datetime.timedelta, "PT90S", datetime.timedelta(seconds=90)),
    (bytes, "YWI=", b"ab"),
    (Annotated[int, pydantic.AfterValidator(abs)], -3, 3),
    (Annotated[float, msgspec.Meta(multiple_of=0.1)], 0.3, 0.3),
]


@pytest.mark.parametrize(
    ("kind", "value", "result"), VALUES, ids=[f"{k}-{v}" for k, v, _ in VALUES]
)
def test_values(kind: Any, value: Any, result: Any) -> None:
    parsed = parse_output(kind, json.dumps(value))
    assert parsed == result
    assert type(parsed) is type(result)


LONG = "x" * 50

PROBLEMS: list[tuple[Any, Any, list[str]]] = [
    (int, "3", ['the value must be an integer, got the string "3"']),
    (int, 3.5, ["the value must be an integer, got 3.5"]),
    (int, True, ["the value must be an integer, got true"]),
    (bool, 0, ["the value must be true or false, got 0"]),
    (str, None, ["the value must be a string, got null"]),
    (str, [], ["the value must be a string, got an empty array"]),
    (int, LONG, [f'the value must be an integer, got the string "{"x" * 39}…']),
    (Point, [1], ["the value must be an object, got an array of 1"]),
    (Point, {}, ["`x` is required"]),
    (
        Point,
        {"x": "1", "y": None},
        ['`x` must be an integer, got the string "1"', "`y` must be an integer, got null"],
    ),
    (Point, {"x": 1, "z": 2}, ["`z` is unknown (known: x, y)"]),
    (
        Invoice,
        {"number": "AB", "lines": [], "lnes": 1},
        ["`lnes` is unknown (did you mean `lines`?)"],
    ),
    (
        Invoice,
        {"number": "a", "lines": [{"what": "x", "price": -1}, {"price": "2"}], "due": "soon"},
        [
            "`number` must be a string of length 2 or more and matching ^[A-Z]+$, "
            'got the string "a"',
            "`lines[0].price` must be a number at least 0, got -1",
            "`lines[1].what` is required",
            '`lines[1].price` must be a number at least 0, got the string "2"',
            '`due` must be a date such as 2026-01-31 or null, got the string "soon"',
        ],
    ),
    (Invoice, {"number": "BAD", "lines": []}, ["the value is not valid: no such number"]),
    (Color, "green", ['the value must be one of "red", "blue", got the string "green"']),
    (Literal["a"], "b", ['the value must be "a", got the string "b"']),
    (
        list[int],
        [1, "a", None],
        ['`[1]` must be an integer, got the string "a"', "`[2]` must be an integer, got null"],
    ),
    (list[int], ["1"], ['`[0]` must be an integer, got the string "1"']),
    (set[list[int]], [[1]], ["the value must be an array, got an array of 1"]),
    (tuple[int, str], [1], ["the value must be an array of 2 elements, got an array of 1"]),
    (
        tuple[int, str],
        ["a", 1],
        ['`[0]` must be an integer, got the string "a"', "`[1]` must be a string, got 1"],
    ),
    (dict[str, int], {"a": "b"}, ['`a` must be an integer, got the string "b"']),
    (dict[int, int], {"a": 1}, ["`a` is not a key here; keys must be an integer"]),
    (dict[str, int], [], ["the value must be an object, got an empty array"]),
    (int | None, "a", ['the value must be an integer or null, got the string "a"']),
    (
        Annotated[Point | Cat, "either"] | None,
        {"x": "a"},
        ['`x` must be an integer, got the string "a"'],
    ),
    (
        Annotated[list[int], msgspec.Meta(max_length=1)],
        [1, 2],
        ["the value must be an array of length 1 or less, got an array of 2"],
    ),
    (Point | None, {"x": "a"}, ['`x` must be an integer, got the string "a"']),
    (Point | Person, {"name": "a"}, ["`age` is required"]),
    (Point | list[int], ["a"], ['`[0]` must be an integer, got the string "a"']),
    (Cat | Dog, {"type": "Cow", "name": "a"}, ['`type` must be "Cat", got the string "Cow"']),
    (Cat, {"type": "Cat", "name": "a", "lives": -1}, ["the value is not valid: dead"]),
    (
        Square,
        {"kind": "square", "side": 0},
        ["`side` is not valid: Input should be greater than or equal to 1, got 0"],
    ),
    (list[Square], [{"kind": "square"}], ["`[0].side` is required"]),
    (bytes, "?", ['the value must be a base64 string, got the string "?"']),
    (
        datetime.datetime,
        "now",
        ['the value must be a date and time such as 2026-01-31T09:30:00Z, got the string "now"'],
    ),
    (
        Annotated[int, msgspec.Meta(multiple_of=5)],
        7,
        ["the value must be an integer a multiple of 5, got 7"],
    ),
]


@pytest.mark.parametrize(
    ("kind", "value", "problems"), PROBLEMS, ids=[f"{k}-{v}" for k, v, _ in PROBLEMS]
)
def test_problems(kind: Any, value: Any, problems: list[str]) -> None:
    with pytest.raises(OutputParseError) as caught:
        parse_output(kind, json.dumps(value))
    assert list(caught.value.problems) == problems
    assert str(caught.value).startswith("the reply is not a valid ")


def whole_floats(value: Any) -> Any:
    """Floats without a fraction as integers, which is what JSON schema takes them for."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole_floats(item) for item in value]
    return {k: whole_floats(v) for k, v in value.items()} if isinstance(value, dict) else value


@given(KIND_AND_VALUE)
def test_read_takes_what_msgspec_takes(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    value = whole_floats(value)
    result, problems = read(shape_of(kind), value)
    try:
        expected = msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        assert problems
    else:
        assert problems == []
        assert result == expected
