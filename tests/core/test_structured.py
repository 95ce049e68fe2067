"""Structured output: the strict subset, whole values, and partial ones at every prefix."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import decimal
import enum
import json
import pickle
import types
import uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.partial_json import PartialJSON, parse_partial
from tailrace.core.reading import read
from tailrace.core.strict_schema import strict_schema
from tailrace.core.structured import (
    OutputParseError,
    PartialOutput,
    output_config_for,
    output_schema,
    parse_output,
    partial_output,
)
from tailrace.core.type_shapes import shape_of

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Key(enum.Enum):
    A = "a"


class Pair(NamedTuple):
    name: str
    size: int


class Person(TypedDict):
    name: str
    age: int


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice."""

    what: str
    price: Annotated[float, msgspec.Meta(ge=0)]


@dataclasses.dataclass
class Invoice:
    number: Annotated[str, msgspec.Meta(min_length=2, pattern="^[A-Z]+$")]
    lines: list[Line]
    due: datetime.date | None = None

    def __post_init__(self) -> None:
        if self.number == "BAD":
            raise ValueError("no such number")


class Cat(msgspec.Struct, tag=True):
    name: str
    lives: int = 9

    def __post_init__(self) -> None:
        if self.lives < 0:
            raise ValueError("dead")


class Dog(msgspec.Struct, tag=True, frozen=True):
    name: str


class Square(pydantic.BaseModel):
    kind: Literal["square"]
    side: int = pydantic.Field(ge=1)


class Circle(pydantic.BaseModel):
    kind: Literal["circle"]
    radius: float
    center: Point | None = None


class Aliased(pydantic.BaseModel):
    long_name: str = pydantic.Field(alias="longName")


class Numbers(pydantic.RootModel[list[int]]):
    pass


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


# -- the strict subset -----------------------------------------------------------------------

INT = {"type": "integer"}
STR = {"type": "string"}


def told(*constraints: str) -> dict[str, str]:
    return {"description": f"Constraints: {'; '.join(constraints)}."}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (INT, INT),
        ({**INT, "minimum": 1, "maximum": 9}, {**INT, **told("minimum 1", "maximum 9")}),
        (
            {**STR, "minLength": 1, "description": "A name."},
            {**STR, "description": "A name.\n\nConstraints: minLength 1."},
        ),
        ({**STR, "format": "date"}, {**STR, "format": "date"}),
        ({**STR, "format": "decimal"}, {**STR, **told("format decimal")}),
        ({**STR, "pattern": "^a+$"}, {**STR, "pattern": "^a+$"}),
        ({**STR, "pattern": "(?=a)"}, {**STR, **told("pattern (?=a)")}),
        ({**STR, "pattern": r"(a)\1"}, {**STR, **told(r"pattern (a)\1")}),
        ({**STR, "pattern": r"\bx"}, {**STR, **told(r"pattern \bx")}),
        ({**STR, "examples": ["x"]}, {**STR, **told('examples ["x"]')}),
        (
            {"type": "array", "items": INT, "minItems": 1},
            {"type": "array", "items": INT, "minItems": 1},
        ),
        (
            {"type": "array", "items": INT, "minItems": 2, "uniqueItems": True},
            {"type": "array", "items": INT, **told("minItems 2", "uniqueItems true")},
        ),
        (
            {"type": "array", "prefixItems": [INT, INT], "items": False},
            {
                "type": "array",
                "items": INT,
                **told('one element for each of [{"type":"integer"},{"type":"integer"}]'),
            },
        ),
        ({"oneOf": [INT, STR]}, {"anyOf": [INT, STR]}),
        (
            {"oneOf": [INT], "discriminator": {"propertyName": "kind"}},
            {"anyOf": [INT]},
        ),
        ({"allOf": [INT], "description": "d"}, {**INT, "description": "d"}),
        ({"allOf": [INT, {**INT, "minimum": 1}]}, {"allOf": [INT, {**INT, **told("minimum 1")}]}),
        ({"enum": ["a", 1, None], "title": "T"}, {"enum": ["a", 1, None], "title": "T"}),
        ({"const": 1, "default": 1}, {"const": 1, "default": 1}),
        (
            {"type": "object", "properties": {"a": INT}, "additionalProperties": True},
            {"type": "object", "properties": {"a": INT}, "additionalProperties": False},
        ),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
    ],
)
def test_strict_schema(schema: dict[str, Any], strict: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    assert strict_schema(schema) == strict
    assert schema == before


OBJECT = {"type": "object", "properties": {"a": INT}, "additionalProperties": False}


def test_a_reference_stays_and_its_definition_is_narrowed() -> None:
    schema = {
        "type": "array",
        "items": {"$ref": "#/$defs/A"},
        "$defs": {"A": {**OBJECT, "additionalProperties": True}, "Unused": INT},
    }
    assert strict_schema(schema) == {
        "type": "array",
        "items": {"$ref": "#/$defs/A"},
        "$defs": {"A": OBJECT},
    }


def test_a_described_reference_becomes_the_type_so_described() -> None:
    schema = {
        "type": "array",
        "items": {"$ref": "#/$defs/A", "description": "this one"},
        "$defs": {"A": {**OBJECT, "description": "any"}},
    }
    described = {**OBJECT, "description": "this one"}
    assert strict_schema(schema) == {"type": "array", "items": described}


def test_a_recursive_reference_loses_what_stands_beside_it() -> None:
    schema = output_schema(
        dataclasses.make_dataclass("Root", [("tree", Annotated[Tree, "the tree"])])
    )
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (dict[str, int], "free keys"),
        (list[dict[str, int]], "`items`: structured outputs cannot have objects with free keys"),
        (Box[dict[str, int]], "`content`: .* free keys"),
        (Any, "a type for every value"),
        (Box[Any], "`content`: .* a type for every value"),
        ({"type": "object"}, "output_config="),
    ],
)
def test_what_cannot_be_output_says_so(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        output_schema(kind)


ALLOWED = {"type", "properties", "required", "items", "anyOf", "allOf", "enum", "const", "$ref"}
ALLOWED |= {"additionalProperties", "description", "title", "default", "format", "pattern"}


def check_strict(schema: dict[str, Any]) -> None:
    assert schema.keys() - ALLOWED <= ({"minItems"} if schema.get("minItems") in (0, 1) else set())
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    parts += [schema["items"]] if "items" in schema else []
    for part in parts:
        check_strict(part)


EVERYTHING = [Invoice, Person, Pair, Cat, Tree, list[Point], Cat | Dog, Box[Line], Square | Circle]
EVERYTHING += [list[Invoice | Person | None], tuple[Point, Line], set[Color], Numbers, Aliased]


@pytest.mark.parametrize("kind", EVERYTHING, ids=str)
def test_every_type_gives_a_strict_schema(kind: Any) -> None:
    schema = output_schema(kind)
    for part in [schema, *schema.pop("$defs", {}).values()]:
        check_strict(part)


def test_output_config() -> None:
    assert output_config_for(Point) == {
        "format": {"type": "json_schema", "schema": output_schema(Point)}
    }


# -- whole values ----------------------------------------------------------------------------

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


def test_the_error_carries_text_and_path() -> None:
    text = '{"number": "AB", "lines": [{"what": 1, "price": 1}]}'
    with pytest.raises(OutputParseError, match=r"not a valid Invoice: `lines\[0\].what`") as caught:
        parse_output(Invoice, text)
    again = pickle.loads(pickle.dumps(caught.value))
    for error in (caught.value, again):
        assert error.text == text
        assert error.path == ("lines", 0, "what")
        assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    "text", ["", "  \n", "{", '{"x": 1} x', '{"x": NaN}', "[" * 300 + "]" * 300]
)
def test_text_that_is_not_json(text: str) -> None:
    with pytest.raises(OutputParseError, match="because it is not JSON") as caught:
        parse_output(Point, text)
    assert caught.value.text == text


def test_many_problems_are_cut_short() -> None:
    with pytest.raises(OutputParseError, match=r"; and 80 more$") as caught:
        parse_output(list[int], json.dumps(["a"] * 100))
    assert len(caught.value.problems) == 100


# -- against msgspec -------------------------------------------------------------------------

SCALARS = st.sampled_from([int, float, str, bool, None, Color, Literal["a", "b"], datetime.date])


def _object(fields: list[Any]) -> Any:
    return msgspec.defstruct(
        "Made",
        [(f"f{index}", kind) for index, kind in enumerate(fields)],
        forbid_unknown_fields=True,
    )


KINDS = st.recursive(
    SCALARS,
    lambda inner: (
        inner.map(lambda kind: list[kind])
        | inner.map(lambda kind: dict[str, kind])
        | st.tuples(inner, inner).map(lambda kinds: tuple[kinds])
        | st.lists(inner, max_size=3).map(_object)
        | inner.map(lambda kind: kind | None if kind else int | None)
    ),
    max_leaves=5,
)
JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["a", "b", "red", "2026-01-31", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["f0", "f1", "f2"]), inner)
    ),
    max_leaves=6,
)


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    """JSON values that are of a type, more or less."""
    if kind in (int, float, str, bool, None):
        return {
            int: st.integers(),
            float: st.floats(-9, 9),
            str: st.text(),
            bool: st.booleans(),
        }.get(kind, st.none())
    if kind is Color or kind == Literal["a", "b"] or kind is datetime.date:
        return st.sampled_from(["red", "a", "2026-01-31"])
    args = getattr(kind, "__args__", ())
    if getattr(kind, "__origin__", None) is list:
        return st.lists(value_of(args[0]), max_size=3)
    if getattr(kind, "__origin__", None) is dict:
        return st.dictionaries(st.text(max_size=2), value_of(args[1]), max_size=2)
    if getattr(kind, "__origin__", None) is tuple:
        return st.tuples(*map(value_of, args)).map(list)
    if isinstance(kind, types.UnionType):
        return st.one_of(*map(value_of, args))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.fixed_dictionaries(
            {field.name: value_of(field.type) for field in msgspec.structs.fields(kind)}
        )
    return JSONS


KIND_AND_VALUE = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), value_of(kind) | JSONS))


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


# -- partial values --------------------------------------------------------------------------


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
