"""The subset of JSON Schema that the API accepts."""

from __future__ import annotations

import copy
import dataclasses
from typing import Annotated, Any

import pytest
from tests.core.kinds import (
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
)

from tailrace.core.strict_schema import strict_schema
from tailrace.core.structured import (
    output_schema,
)

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
