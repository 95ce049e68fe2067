"""What a Python type comes to, as far as JSON is concerned: a tree of a few shapes.

Theory of operation. `Leaf` is what msgspec reads whole; then there are `Array`, `Fixed` (a tuple),
`Table` (a dict with free keys), `Record` (a dataclass, TypedDict, msgspec Struct or a function's
parameters), `Model` (pydantic's) and `OneOf`. `type_shapes` makes them; everything done with a type
walks them: its schema in `json_schema`, a typed value in `reading`, a partial one in
`partial_values`. Leaves ask msgspec, so that the schema of a leaf and the reading of it agree.
Records know their fields only when asked, so a type may contain itself.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeGuard

from .docstrings import own_doc, parse_docstring

JSON = dict[str, Any]
MISSING: Final[Any] = object()
"""Stands for "no default"."""


def is_object(value: Any) -> TypeGuard[JSON]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


class Limit(NamedTuple):
    """A bound set by `Annotated`: its keyword for each JSON type, its check, and its words."""

    keywords: Mapping[str, str]
    holds: Callable[[Any, Any], bool]
    words: str


def _any(keyword: str) -> Mapping[str, str]:
    return dict.fromkeys(("integer", "number", "string", ""), keyword)


def _sized(word: str) -> Mapping[str, str]:
    return {"string": word + "Length", "array": word + "Items", "object": word + "Properties"}


def _is_multiple(value: Any, step: Any) -> bool:
    quotient = value / step
    return bool(abs(quotient - round(quotient)) < 1e-9)


def _is_long(value: Any, least: int) -> bool:
    return len(value) >= least


def _is_short(value: Any, most: int) -> bool:
    return len(value) <= most


def _matches(value: str, pattern: str) -> bool:
    return re.search(pattern, value) is not None


LIMITS: Final[Mapping[str, Limit]] = {
    "ge": Limit(_any("minimum"), operator.ge, "at least {}"),
    "gt": Limit(_any("exclusiveMinimum"), operator.gt, "greater than {}"),
    "le": Limit(_any("maximum"), operator.le, "at most {}"),
    "lt": Limit(_any("exclusiveMaximum"), operator.lt, "less than {}"),
    "multiple_of": Limit(_any("multipleOf"), _is_multiple, "a multiple of {}"),
    "min_length": Limit(_sized("min"), _is_long, "of length {} or more"),
    "max_length": Limit(_sized("max"), _is_short, "of length {} or less"),
    "pattern": Limit({"string": "pattern"}, _matches, "matching {}"),
}
"""The bounds that are put into a schema and checked, by their name in `Annotated`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """A type taken apart: with the bounds and the notes that `Annotated` put on it."""

    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, eq=False)
class Leaf(Shape):
    """What msgspec reads whole: numbers, strings, dates, enums, literals, and `Any`."""

    type: Any


@dataclass(frozen=True, eq=False)
class Array(Shape):
    """A list, set or tuple of any length; `make` builds it from a list."""

    item: Shape
    make: Callable[[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Fixed(Shape):
    """A tuple or NamedTuple: an array with a shape for each place."""

    items: tuple[Shape, ...]
    make: Callable[[list[Any]], Any]


@dataclass(frozen=True, eq=False)
class Table(Shape):
    """A dict whose keys are data, not field names."""

    key: Any
    value: Shape


@dataclass(frozen=True, eq=False)
class OneOf(Shape):
    """A union."""

    options: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class Model(Shape):
    """A type that pydantic describes and reads, by its own rules."""

    type: Any
    read_fields: Callable[[], Iterable[Field]]

    @property
    def adapter(self) -> Any:
        """pydantic's TypeAdapter for it."""
        return sys.modules["pydantic"].TypeAdapter(self.type)

    @functools.cached_property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a model class, by their aliases; of any other type none."""
        return tuple(self.read_fields())


class Field(NamedTuple):
    """A field of a record: `name` as an attribute, `key` in JSON. A tag has no attribute: `""`."""

    name: str
    key: str
    shape: Shape
    default: Any = MISSING
    required: bool = True


@dataclass(frozen=True, eq=False)
class Record(Shape):
    """An object with known keys. `kind` says how instances are made; extra keys only if `open`."""

    kind: typing.Literal["dataclass", "struct", "typeddict", "parameters"]
    type: Any
    read_fields: Callable[[], Iterable[Field]]
    open: bool = False

    @functools.cached_property
    def fields(self) -> tuple[Field, ...]:
        """Its fields, in order, with the descriptions its docstring has for them."""
        told = parse_docstring(own_doc(self.type)).arguments
        return tuple(_told(entry, told.get(entry.name)) for entry in self.read_fields())

    @property
    def name(self) -> str:
        """The name of its class or function, fit for a JSON pointer."""
        name = getattr(typing.get_origin(self.type) or self.type, "__name__", "Object")
        arguments = [getattr(arg, "__name__", str(arg)) for arg in typing.get_args(self.type)]
        return re.sub(r"\W+", "_", "_".join([name, *arguments]))


def _told(entry: Field, text: str | None) -> Field:
    if text is None or "description" in entry.shape.notes:
        return entry
    notes = {**entry.shape.notes, "description": text}
    return entry._replace(shape=dataclasses.replace(entry.shape, notes=notes))
