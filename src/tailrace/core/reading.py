"""A typed value of a JSON value, or everything that is wrong with it.

Theory of operation. A walk over a shape and a value. Each problem has its path; whatever the schema
says is checked, also what the API's subset of JSON Schema could not say. A value with a problem is
`FAILED`, and so is everything around it, but the walk goes on, so that all of it is told at once.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from .problems import Path, Problem, expected, shown
from .shapes import (
    JSON,
    LIMITS,
    Array,
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

FAILED: Final[Any] = object()
"""Stands for a value that could not be read."""


def read(shape: Shape, value: Any) -> tuple[Any, list[Problem]]:
    """The typed value of a JSON value, and what is wrong with it; `FAILED` if anything is."""
    problems: list[Problem] = []
    result = _read(shape, value, (), problems)
    return (FAILED if problems else result), problems


def _read(shape: Shape, value: Any, path: Path, problems: list[Problem]) -> Any:
    result = _READERS[type(shape)](shape, value, path, problems)
    if result is not FAILED:
        for name, bound in shape.limits.items():
            if not LIMITS[name].holds(result, bound):
                return _refuse(shape, value, path, problems)
    return result


def _refuse(shape: Shape, value: Any, path: Path, problems: list[Problem]) -> Any:
    problems.append(Problem(path, f"must be {expected(shape)}, got {shown(value)}"))
    return FAILED


def read_leaf(shape: Leaf, value: Any, path: Path, problems: list[Problem]) -> Any:
    """The value of a leaf, its bounds not checked; `FAILED`, and why in `problems`."""
    try:
        return msgspec.convert(value, shape.type, strict=True)
    except msgspec.ValidationError:
        # JSON Schema 2020-12, 4.2.3: a number without a fraction is an integer, however written.
        if shape.type is int and isinstance(value, float) and value.is_integer():
            return int(value)
        return _refuse(shape, value, path, problems)


def _read_array(shape: Array, value: Any, path: Path, problems: list[Problem]) -> Any:
    if not is_array(value):
        return _refuse(shape, value, path, problems)
    items = _read_plain(shape.item, value)
    if items is None:
        items = [
            _read(shape.item, item, (*path, index), problems) for index, item in enumerate(value)
        ]
    if any(item is FAILED for item in items):
        return FAILED
    try:
        return shape.make(items)
    except TypeError:  # a set of what cannot be in a set
        return _refuse(shape, value, path, problems)


_LIST: Any = list


def _read_plain(item: Shape, values: list[Any]) -> list[Any] | None:
    """A list of leaves at once: an array of numbers is read ten times as fast as one by one."""
    if not isinstance(item, Leaf) or item.limits:
        return None
    try:
        read: list[Any] = msgspec.convert(values, _LIST[item.type], strict=True)
    except msgspec.ValidationError:
        return None
    return read


def _read_fixed(shape: Fixed, value: Any, path: Path, problems: list[Problem]) -> Any:
    if not is_array(value) or len(value) != len(shape.items):
        return _refuse(shape, value, path, problems)
    items = [
        _read(item, part, (*path, index), problems)
        for index, (item, part) in enumerate(zip(shape.items, value, strict=True))
    ]
    return FAILED if any(item is FAILED for item in items) else shape.make(items)


def _read_table(shape: Table, value: Any, path: Path, problems: list[Problem]) -> Any:
    if not is_object(value):
        return _refuse(shape, value, path, problems)
    result: dict[Any, Any] = {}
    for key, part in value.items():
        try:
            typed = read_key(shape.key, key)
        except msgspec.ValidationError:
            keys = expected(Leaf(shape.key))
            problems.append(Problem((*path, key), f"is not a key here; keys must be {keys}"))
            continue
        result[typed] = _read(shape.value, part, (*path, key), problems)
    return FAILED if any(part is FAILED for part in result.values()) else result


def read_key(kind: Any, key: str) -> Any:
    """A key of a JSON object as a value: `"1"` may be an integer there."""
    return key if kind in (str, Any) else msgspec.convert(key, kind, strict=False)


def _read_record(shape: Record, value: Any, path: Path, problems: list[Problem]) -> Any:
    if not is_object(value):
        return _refuse(shape, value, path, problems)
    before = len(problems)
    values: dict[str, Any] = {}
    for entry in shape.fields:
        if entry.key in value:
            part = _read(entry.shape, value[entry.key], (*path, entry.key), problems)
            values.update({entry.name: part} if entry.name else {})
        elif entry.required:
            problems.append(Problem((*path, entry.key), "is required"))
    _take_unknown(shape, value, path, values, problems)
    return FAILED if len(problems) > before else _made(shape, values, path, problems)


def _take_unknown(
    shape: Record, value: JSON, path: Path, values: JSON, problems: list[Problem]
) -> None:
    known = [entry.key for entry in shape.fields]
    unknown = [key for key in value if key not in known]
    for key in unknown:
        if shape.open:
            values[key] = value[key]
            continue
        close = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known) or 'none'}"
        problems.append(Problem((*path, key), f"is unknown ({hint})"))


def _made(shape: Record, values: JSON, path: Path, problems: list[Problem]) -> Any:
    if shape.kind in ("typeddict", "parameters"):
        return values
    try:
        return shape.type(**values)
    except (ValueError, TypeError) as error:  # what a `__post_init__` says
        problems.append(Problem(path, f"is not valid: {error}"))
        return FAILED


def _read_model(shape: Model, value: Any, path: Path, problems: list[Problem]) -> Any:
    try:
        # As JSON, so that strings may be dates and the like even in pydantic's strict mode.
        return shape.adapter.validate_json(json.dumps(value))
    except sys.modules["pydantic"].ValidationError as error:
        told: list[JSON] = error.errors()
        problems += [Problem((*path, *one["loc"]), _pydantic_words(one)) for one in told]
        return FAILED


def _pydantic_words(told: JSON) -> str:
    if told["type"] == "missing":
        return "is required"
    return f"is not valid: {told['msg']}, got {shown(told.get('input'))}"


def _read_one_of(shape: OneOf, value: Any, path: Path, problems: list[Problem]) -> Any:
    attempts: list[tuple[Shape, list[Problem]]] = []
    for option in in_order(shape, value):
        found: list[Problem] = []
        result = _read(option, value, path, found)
        if not found:
            return result
        attempts.append((option, found))
    # An option of the right kind that nearly fits says more than "none of these".
    near: list[list[Problem]] = [found for option, found in attempts if _is_kind(option, value)]
    if near:
        best = min(near, key=len)
        problems += best
        return FAILED
    return _refuse(shape, value, path, problems)


def in_order(shape: OneOf, value: Any) -> Sequence[Shape]:
    """The options as declared, but a number first as it was written: integer, float or boolean."""
    if not isinstance(value, (int, float)):
        return shape.options
    exact = [option for option in shape.options if getattr(option, "type", None) is type(value)]
    return [*exact, *(option for option in shape.options if option not in exact)]


def _is_kind(shape: Shape, value: Any) -> bool:
    if isinstance(shape, OneOf):
        return any(_is_kind(option, value) for option in shape.options)
    if isinstance(value, dict):
        return isinstance(shape, (Record, Model, Table))
    return isinstance(value, list) and isinstance(shape, (Array, Fixed))


_READERS: dict[type[Shape], Callable[..., Any]] = {
    Leaf: read_leaf,
    Array: _read_array,
    Fixed: _read_fixed,
    Table: _read_table,
    Record: _read_record,
    Model: _read_model,
    OneOf: _read_one_of,
}
