"""Schemas of types: a table of what becomes of what."""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime
import decimal
import enum
import subprocess
import sys
import uuid
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
)

import msgspec
import pydantic
import pytest
import typing_extensions

from tailrace.core.json_schema import json_schema

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Named(NamedTuple):
    name: str
    size: int


class Loose(TypedDict, total=False):
    a: Required[int]
    b: str


class Firm(TypedDict):
    a: int
    b: NotRequired[str]


class Firmer(Firm):
    c: bool


class Tagged(msgspec.Struct, tag="tagged", tag_field="kind", rename="camel"):
    long_name: str
    other: int = 3


class Packed(msgspec.Struct, array_like=True):
    x: int


@dataclasses.dataclass
class Page(Generic[T]):
    items: list[T]


class StructPage(msgspec.Struct, Generic[T]):
    items: list[T]


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


class Model(pydantic.BaseModel):
    n: int = pydantic.Field(ge=1)


class Outer(pydantic.BaseModel):
    inner: Model


UserId = NewType("UserId", int)
Alias = typing_extensions.TypeAliasType("Alias", list[int])
INT = {"type": "integer"}
STR = {"type": "string"}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    needed = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


POINT = closed(["x"], x=INT, y={**INT, "default": 0})

PLAIN: list[tuple[Any, dict[str, Any]]] = [
    (int, INT),
    (str, STR),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (None, {"type": "null"}),
    (Any, {}),
    (object, {}),
    (T, {}),
    (UserId, INT),
    (Alias, {"type": "array", "items": INT}),
    (bytes, {**STR, "contentEncoding": "base64"}),
    (datetime.datetime, {**STR, "format": "date-time"}),
    (datetime.date, {**STR, "format": "date"}),
    (datetime.time, {**STR, "format": "time"}),
    (datetime.timedelta, {**STR, "format": "duration"}),
    (uuid.UUID, {**STR, "format": "uuid"}),
    (decimal.Decimal, {**STR, "format": "decimal"}),
    (Literal["b", "a", 1, None], {"enum": ["b", "a", 1, None]}),
    (Color, {"enum": ["red", "blue"]}),
    (Size, {"enum": [1, 2]}),
    (list, {"type": "array", "items": {}}),
    (list[int], {"type": "array", "items": INT}),
    (abc.Sequence[int], {"type": "array", "items": INT}),
    (set[str], {"type": "array", "items": STR, "uniqueItems": True}),
    (tuple[int, ...], {"type": "array", "items": INT}),
    (
        tuple[int, str],
        {"type": "array", "prefixItems": [INT, STR], "minItems": 2, "maxItems": 2},
    ),
    (Named, {"type": "array", "prefixItems": [STR, INT], "minItems": 2, "maxItems": 2}),
    (dict, {"type": "object"}),
    (dict[str, int], {"type": "object", "additionalProperties": INT}),
    (abc.Mapping[str, Any], {"type": "object"}),
    (int | None, {"anyOf": [INT, {"type": "null"}]}),
    (int | str, {"anyOf": [INT, STR]}),
    (Annotated[int, msgspec.Meta(ge=1, lt=9)], {**INT, "minimum": 1, "exclusiveMaximum": 9}),
    (Annotated[int, msgspec.Meta(multiple_of=5)], {**INT, "multipleOf": 5}),
    (
        Annotated[str, msgspec.Meta(min_length=1, pattern="^a")],
        {**STR, "minLength": 1, "pattern": "^a"},
    ),
    (
        Annotated[list[int], msgspec.Meta(max_length=3)],
        {"type": "array", "items": INT, "maxItems": 3},
    ),
    (
        Annotated[dict[str, int], pydantic.Field(min_length=1)],
        {"type": "object", "additionalProperties": INT, "minProperties": 1},
    ),
    (Annotated[int, "how many"], {**INT, "description": "how many"}),
    (
        Annotated[int, msgspec.Meta(description="d", title="t", examples=[1])],
        {**INT, "description": "d", "title": "t", "examples": [1]},
    ),
    (Annotated[int, msgspec.Meta(extra_json_schema={"x": 1})], {**INT, "x": 1}),
    (
        Annotated[int, pydantic.Field(gt=0, description="d")],
        {**INT, "exclusiveMinimum": 0, "description": "d"},
    ),
    (Annotated[Annotated[int, "inner"], "outer"], {**INT, "description": "outer"}),
    (list[Annotated[int, "each"]], {"type": "array", "items": {**INT, "description": "each"}}),
    (Point, POINT),
    (Loose, closed(["a"], a=INT, b=STR)),
    (Firm, closed(["a"], a=INT, b=STR)),
    (Firmer, closed(["a", "c"], a=INT, b=STR, c={"type": "boolean"})),
    (
        Tagged,
        closed(
            ["kind", "longName"],
            kind={"enum": ["tagged"]},
            longName=STR,
            other={**INT, "default": 3},
        ),
    ),
    (Page[int], closed(["items"], items={"type": "array", "items": INT})),
    (StructPage[int], closed(["items"], items={"type": "array", "items": INT})),
    (Model, Model.model_json_schema()),
    (Annotated[int, pydantic.AfterValidator(abs)], INT),
    (pydantic.AnyUrl, {"type": "string", "format": "uri", "minLength": 1}),
]


@pytest.mark.parametrize(("kind", "schema"), PLAIN, ids=[str(kind) for kind, _ in PLAIN])
def test_schema(kind: Any, schema: dict[str, Any]) -> None:
    assert json_schema(kind) == schema


def test_an_object_inside_is_referred_to() -> None:
    assert json_schema(list[Point | None]) == {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]},
        "$defs": {"Point": POINT},
    }


def test_a_type_may_contain_itself() -> None:
    tree = closed(
        ["value", "children"],
        value=INT,
        children={"type": "array", "items": {"$ref": "#/$defs/Tree"}},
    )
    assert json_schema(Tree) == {**tree, "$defs": {"Tree": tree}}


def test_types_of_one_name_are_kept_apart() -> None:
    other = dataclasses.make_dataclass("Point", [("z", str)])
    assert json_schema(tuple[Point, other, Point]) == {
        "type": "array",
        "prefixItems": [
            {"$ref": "#/$defs/Point"},
            {"$ref": "#/$defs/Point_2"},
            {"$ref": "#/$defs/Point"},
        ],
        "minItems": 3,
        "maxItems": 3,
        "$defs": {"Point": POINT, "Point_2": closed(["z"], z=STR)},
    }


def test_a_model_keeps_its_definitions() -> None:
    schema = json_schema(list[Outer])
    assert schema["items"] == {"$ref": "#/$defs/Outer"}
    assert schema["$defs"]["Outer"]["properties"]["inner"] == {"$ref": "#/$defs/Model"}
    assert schema["$defs"]["Model"] == Model.model_json_schema()


def test_models_of_one_name_are_kept_apart() -> None:
    class Model(pydantic.BaseModel):
        other: str

    schema = json_schema(Outer | Model)
    one, two = (option["$ref"].removeprefix("#/$defs/") for option in schema["anyOf"])
    inner = schema["$defs"][one]["properties"]["inner"]["$ref"].removeprefix("#/$defs/")
    assert "n" in schema["$defs"][inner]["properties"]
    assert "other" in schema["$defs"][two]["properties"]


def test_definitions_of_models_are_shared_or_kept_apart() -> None:
    other = pydantic.create_model("Other", inner=(Model, ...))
    assert set(json_schema(tuple[Outer, other, Model])["$defs"]) == {"Outer", "Other", "Model"}
    fake = pydantic.create_model("Model", z=(int, ...))
    rival = pydantic.create_model("Rival", inner=(fake, ...))
    schema = json_schema(tuple[Outer, rival])
    assert set(schema["$defs"]) == {"Outer", "Model", "Rival_", "Model_"}
    assert schema["$defs"]["Rival_"]["properties"]["inner"] == {"$ref": "#/$defs/Model_"}


def test_an_array_like_struct_is_an_array() -> None:
    assert json_schema(list[Packed])["$defs"]["Packed"]["type"] == "array"


def test_a_docstring_describes_the_fields() -> None:
    @dataclasses.dataclass
    class Address:
        """Where to send it.

        Attributes:
            street: With the
                number.
            zip (str): Five digits.
        """

        street: str
        zip: Annotated[str, "this counts"]

    assert json_schema(Address) == {
        "description": "Where to send it.",
        **closed(
            ["street", "zip"],
            street={**STR, "description": "With the number."},
            zip={**STR, "description": "this counts"},
        ),
    }


def test_defaults_are_shown_if_they_have_json() -> None:
    @dataclasses.dataclass
    class Options:
        color: Color = Color.RED
        maker: Any = dataclasses.field(default=len)
        many: list[int] = dataclasses.field(default_factory=list)
        hidden: int = dataclasses.field(default=1, init=False)

    assert json_schema(Options) == closed(
        [],
        color={"enum": ["red", "blue"], "default": "red"},
        maker={},
        many={"type": "array", "items": INT},
    )


class Plain:
    pass


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Plain, "no JSON schema for Plain; use a dataclass"),
        (complex, "no JSON schema for complex"),
        (list[Plain], "no JSON schema for Plain"),
        (dataclasses.make_dataclass("D", [("field", Plain)]), "`field`: there is no JSON schema"),
        (enum.Enum("Mixed", {"A": "a", "B": 1}), "no JSON schema for Mixed"),
        ([int], "is not a type"),
        (dataclasses.make_dataclass("D", [("field", "Missing")]), "'Missing' cannot be resolved"),
    ],
)
def test_what_has_no_schema_says_so(kind: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        json_schema(kind)


def test_pydantic_is_not_imported() -> None:
    code = (
        "import sys, dataclasses, tailrace.core.tools as tools\n"
        "P = dataclasses.make_dataclass('P', [('x', int)])\n"
        "def f(p: P) -> str:\n    return 'x'\n"
        "tools.tool(f).call({'p': {'x': 1}})\n"
        "sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
