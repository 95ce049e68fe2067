"""What is wrong with a value, in words that a model can act on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from .json_schema import schema_of
from .shapes import (
    JSON,
    LIMITS,
    Fixed,
    OneOf,
    Record,
    Shape,
    Table,
    is_array,
    is_object,
)

Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong with a value: where, and what."""

    path: Path
    text: str

    def __str__(self) -> str:
        where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return f"`{where.removeprefix('.')}` {self.text}" if where else f"the value {self.text}"


_MOST_LISTED = 20


def listed(problems: Sequence[Problem]) -> str:
    """Problems in one sentence, not too many."""
    more = len(problems) - _MOST_LISTED
    told = "; ".join(map(str, problems[:_MOST_LISTED]))
    return f"{told}; and {more} more" if more > 0 else told


def type_name(kind: Any) -> str:
    """A type's name, for messages."""
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


_TYPE_WORDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "an array",
    "object": "an object",
}
_FORMAT_WORDS = {
    "date-time": "a date and time such as 2026-01-31T09:30:00Z",
    "date": "a date such as 2026-01-31",
    "time": "a time such as 09:30:00Z",
    "duration": "an ISO 8601 duration such as PT1H30M",
    "uuid": "a UUID",
    "decimal": "a decimal number",
}


def expected(shape: Shape) -> str:
    """What a value of this shape has to be, in words."""
    if isinstance(shape, OneOf):
        return " or ".join(dict.fromkeys(expected(option) for option in shape.options))
    if isinstance(shape, Fixed):
        return f"an array of {len(shape.items)} elements"
    schema = {"type": "object"} if isinstance(shape, (Record, Table)) else schema_of(shape)
    bounds = [LIMITS[name].words.format(bound) for name, bound in shape.limits.items()]
    return " ".join([_words(schema), " and ".join(bounds)]).strip()


def _words(schema: JSON) -> str:
    if "enum" in schema:
        values = [dumps(value) for value in schema["enum"]]
        return values[0] if len(values) == 1 else "one of " + ", ".join(values)
    if schema.get("contentEncoding") == "base64":
        return "a base64 string"
    word = _FORMAT_WORDS.get(schema.get("format", ""))
    return word or _TYPE_WORDS.get(schema.get("type", ""), "of another type")


_MOST_SHOWN = 40


def shown(value: Any) -> str:
    """A JSON value in words, cut short."""
    if is_object(value):
        return "an object"
    if is_array(value):
        return f"an array of {len(value)}" if value else "an empty array"
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _MOST_SHOWN:
        text = text[:_MOST_SHOWN] + "…"
    return f"the string {text}" if isinstance(value, str) else text


def dumps(value: Any) -> str:
    """JSON text of plain data."""
    return msgspec.json.encode(value).decode()
