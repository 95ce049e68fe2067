"""The JSON schema of a type (2020-12), with what it refers to in `$defs`."""

from __future__ import annotations

import datetime
import enum
import re
import typing
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from .docstrings import own_doc, parse_docstring
from .shapes import (
    JSON,
    LIMITS,
    MISSING,
    Array,
    Field,
    Fixed,
    Leaf,
    Model,
    OneOf,
    Record,
    Shape,
    Table,
    is_array,
    is_object,
)
from .type_shapes import shape_of

POINTER: Final = "#/$defs/"
"""Where a `$ref` points to, before the name."""

_LEAVES: dict[Any, JSON] = {
    Any: {},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.time: {"type": "string", "format": "time"},
}


def json_schema(kind: Any) -> JSON:
    """The JSON schema (2020-12) of a type; every object with known keys is closed.

    Raises:
        TypeError: there is no JSON for the type, or for one in it.
    """
    return schema_of(shape_of(kind))


def schema_of(shape: Shape) -> JSON:
    """The JSON schema of a shape, with what it refers to in `$defs`."""
    schemas = _Schemas()
    schema = schemas.build(shape)
    if schema.keys() == {"$ref"}:  # the root itself stands at the root, unless it recurs
        name = schema["$ref"].removeprefix(POINTER)
        schema = dict(schemas.defs[name])
        if name not in references(list(schemas.defs.values())):
            del schemas.defs[name]
    return {**schema, "$defs": schemas.defs} if schemas.defs else schema


def references(schema: Any) -> set[str]:
    """The names in `$defs` that a schema refers to, itself, not by way of others."""
    if is_array(schema):
        return {name for item in schema for name in references(item)}
    if not is_object(schema):
        return set()
    found = {name for item in schema.values() for name in references(item)}
    pointer = schema.get("$ref")
    return found | {pointer.removeprefix(POINTER)} if isinstance(pointer, str) else found


class _Schemas:
    """Schemas that share their `$defs`."""

    def __init__(self) -> None:
        self.defs: dict[str, JSON] = {}
        self._names: dict[str, Any] = {}

    def build(self, shape: Shape) -> JSON:
        schema = self._bare(shape)
        kind = schema.get("type", "")
        for name, bound in shape.limits.items():
            if keyword := LIMITS[name].keywords.get(kind):
                schema[keyword] = msgspec.to_builtins(bound)
        return {**schema, **shape.notes}

    def _bare(self, shape: Shape) -> JSON:
        match shape:
            case Array():
                unique = {"uniqueItems": True} if shape.make in (set, frozenset) else {}
                return {"type": "array", "items": self.build(shape.item), **unique}
            case Fixed():
                size = len(shape.items)
                items = [self.build(item) for item in shape.items]
                return {"type": "array", "prefixItems": items, "minItems": size, "maxItems": size}
            case Table():
                value = self.build(shape.value)
                return {"type": "object", **({"additionalProperties": value} if value else {})}
            case OneOf():
                return {"anyOf": [self.build(option) for option in shape.options]}
            case Record() if shape.kind == "parameters":
                return self._record(shape)
            case Record():
                return self._refer(shape.type, shape.name, lambda: self._record(shape))
            case Model():
                return self._model(shape)
            case _:
                return self._leaf(cast(Leaf, shape).type)

    def _refer(self, owner: Any, name: str, build: Callable[[], JSON]) -> JSON:
        number = 1
        unique = name
        while unique in self._names and self._names[unique] != owner:
            number += 1
            unique = f"{name}_{number}"
        if unique not in self._names:
            self._names[unique] = owner
            self.defs[unique] = {}  # holds the place, should the type contain itself
            self.defs[unique] = build()
        return {"$ref": POINTER + unique}

    def _record(self, shape: Record) -> JSON:
        description = parse_docstring(own_doc(shape.type)).description
        properties = {entry.key: self._property(entry) for entry in shape.fields}
        required = [entry.key for entry in shape.fields if entry.required]
        return {
            "type": "object",
            **({"description": description} if description and shape.kind != "parameters" else {}),
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": shape.open,
        }

    def _property(self, entry: Field) -> JSON:
        try:
            schema = self.build(entry.shape)
        except TypeError as error:
            raise TypeError(f"`{entry.key}`: {error}") from error
        if entry.default is MISSING:
            return schema
        try:
            return {**schema, "default": msgspec.to_builtins(entry.default)}
        except TypeError:
            return schema  # a default that has no JSON is not shown

    def _model(self, shape: Model) -> JSON:
        name = re.sub(r"\W", "_", getattr(shape.type, "__name__", "Model"))
        suffix = ""
        while True:  # until its names are not those of other types
            schema = cast(
                JSON, shape.adapter.json_schema(ref_template=POINTER + "{model}" + suffix)
            )
            parts = {key + suffix: part for key, part in schema.pop("$defs", {}).items()}
            if schema.get("type") == "object":
                parts[name + suffix] = schema
                schema = {"$ref": POINTER + name + suffix}
            if all(self.defs.get(key, part) == part for key, part in parts.items()):
                self.defs.update(parts)
                self._names.update({key: self._names.get(key, shape) for key in parts})
                return schema
            suffix += "_"

    def _leaf(self, kind: Any) -> JSON:
        if kind in _LEAVES:
            return dict(_LEAVES[kind])
        try:
            (schema,), parts = msgspec.json.schema_components(
                [kind], ref_template=POINTER + "{name}"
            )
        except TypeError as error:
            raise TypeError(
                f"there is no JSON schema for {_type_name(kind)}; use a dataclass, TypedDict, "
                "msgspec Struct or pydantic model, or a type of JSON (str, int, list[...], ...)"
            ) from error
        if typing.get_origin(kind) is typing.Literal:
            return {"enum": list(typing.get_args(kind))}
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return {"enum": [member.value for member in kind]}
        self.defs.update(parts)
        return schema


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
