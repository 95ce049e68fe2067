"""What can be made of a JSON value that still grows.

Theory of operation. A partial object is an instance of its own class, built without running its
`__init__`: a field that has not arrived, or that is not yet of its type, is `None`; so is a field
with a default, since nobody can know yet. Elements of a list that are not yet of their type are
left out, and bounds are not yet checked. Of a TypedDict only the keys that arrived are there.

A value that grows does so only at its end. So the elements of a list that have others after them
are finished; `PartialOutput` makes them once, which makes asking at every event linear.
"""

from __future__ import annotations

import copy
import functools
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from .reading import FAILED, in_order, read, read_key, read_leaf
from .shapes import (
    JSON,
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


def partial_output(output_type: Any, value: Any) -> Any:
    """What can be made of a JSON value that still grows; `None` while nothing can. Never raises.

    Nothing of `value` is shared: it may go on growing. Costs time linear in the value; for a value
    that is asked for again and again as it grows there is `PartialOutput`.
    """
    return PartialOutput(output_type).of(value)


class PartialOutput:
    """The partial values of one output, one after another, each for what is new.

    For a value that grows in place and only at its end, as that of `PartialJSON` does. The elements
    of its lists that have others after them are finished: they are made once, and are the same
    objects in every later partial value. So asking at every event is linear over all events.

    The lists in a partial value are live, like the value itself: the next call grows them in place.
    Copy what is to stay, or use `partial_output`.
    """

    def __init__(self, output_type: Any) -> None:
        self._shape = shape_of(output_type)
        self._finished: _Finished = {}

    def of(self, value: Any) -> Any:
        """What can be made of the value as it is now; `None` while nothing can. Never raises."""
        found = _grow(self._shape, value, self._finished)
        return None if found is ABSENT else found


ABSENT: Final[Any] = object()
"""Stands for a value that is not yet of its type."""


class _Elements:
    """The typed elements of a list that grows: the finished ones, and perhaps the last one."""

    def __init__(self, value: list[Any]) -> None:
        self.value = value  # held, so that its id stays its own
        self.taken = 0  # how many elements of `value` are finished
        self.items: list[Any] = []
        self.has_last = False  # whether the last of `items` is of an element that still grows

    def take(self, grow: Callable[[Any], Any]) -> list[Any]:
        """Make what is new, and the last element again."""
        if self.has_last:
            self.items.pop()
        while self.taken < len(self.value) - 1:
            self._add(grow(self.value[self.taken]))
            self.taken += 1
        self.has_last = bool(self.value) and self._add(grow(self.value[-1]))
        return self.items

    def _add(self, item: Any) -> bool:
        if item is not ABSENT:
            self.items.append(item)
        return item is not ABSENT


_Finished = dict[tuple[int, int], _Elements]


def _grow(shape: Shape, value: Any, finished: _Finished) -> Any:
    """What can be made of a growing value, or `ABSENT`."""
    return _GROWERS[type(shape)](shape, value, finished)


def _grow_leaf(shape: Leaf, value: Any, _: _Finished) -> Any:
    if shape.type is str:
        return value if isinstance(value, str) else ABSENT
    if is_object(value) or is_array(value):
        value = copy.deepcopy(value)
    result = read_leaf(shape, value, (), [])  # its bounds are for the whole value
    return ABSENT if result is FAILED else result


def _grow_array(shape: Array, value: Any, finished: _Finished) -> Any:
    if not is_array(value):
        return ABSENT
    known = finished.setdefault((id(shape), id(value)), _Elements(value))
    items = known.take(lambda item: _grow(shape.item, item, finished))
    try:
        return items if shape.make is list else shape.make(items)
    except TypeError:  # a set of what cannot be in a set
        return ABSENT


def _grow_fixed(shape: Fixed, value: Any, finished: _Finished) -> Any:
    if not is_array(value):
        return ABSENT
    grown = [_grow(item, part, finished) for item, part in zip(shape.items, value, strict=False)]
    grown += [ABSENT] * (len(shape.items) - len(grown))
    return shape.make([None if item is ABSENT else item for item in grown])


def _grow_table(shape: Table, value: Any, finished: _Finished) -> Any:
    if not is_object(value):
        return ABSENT
    result: dict[Any, Any] = {}
    for key, part in value.items():
        grown = _grow(shape.value, part, finished)
        if grown is not ABSENT:
            try:
                result[read_key(shape.key, key)] = grown
            except msgspec.ValidationError:
                continue
    return result


def _grow_fields(fields: Sequence[Field], value: JSON, finished: _Finished) -> JSON:
    grown = {
        entry.name: _grow(entry.shape, value[entry.key], finished)
        for entry in fields
        if entry.name and entry.key in value
    }
    return {name: part for name, part in grown.items() if part is not ABSENT}


def _grow_record(shape: Record, value: Any, finished: _Finished) -> Any:
    if not is_object(value):
        return ABSENT
    present = _grow_fields(shape.fields, value, finished)
    if shape.kind in ("typeddict", "parameters"):
        return present
    names = [entry.name for entry in shape.fields if entry.name]
    return _unfinished(typing.get_origin(shape.type) or shape.type, names, present)


def _unfinished(kind: Any, names: Sequence[str], present: JSON) -> Any:
    """An instance with what is there, made without running code of its class."""
    values = {**dict.fromkeys(names), **present}
    try:
        if hasattr(kind, "__struct_config__"):
            instance = _quiet(kind)(**values)
            msgspec.structs.force_setattr(instance, "__class__", kind)
            return instance
        instance = object.__new__(kind)
        for name, value in values.items():
            object.__setattr__(instance, name, value)
    except Exception:  # a class that cannot be made like this
        return types.SimpleNamespace(**values)
    return instance


@functools.lru_cache
def _quiet(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The Struct itself or, since a Struct cannot be made without its `__post_init__`, a twin."""
    if not hasattr(kind, "__post_init__"):
        return kind
    body = {"__post_init__": _do_nothing}
    return types.new_class(kind.__name__, (kind,), None, lambda names: names.update(body))


def _do_nothing(self: Any) -> None:
    """Stand in for a `__post_init__`."""


def _grow_model(shape: Model, value: Any, finished: _Finished) -> Any:
    kind = typing.get_origin(shape.type) or shape.type
    if not shape.fields:
        return _grow_leaf_model(shape, value)
    if getattr(kind, "__pydantic_root_model__", False):
        value = {"root": value}
    if not is_object(value):
        return ABSENT
    present = _grow_fields(shape.fields, value, finished)
    return _unfinished_model(kind, [entry.name for entry in shape.fields], present)


def _unfinished_model(kind: Any, names: Sequence[str], present: JSON) -> Any:
    instance = object.__new__(kind)
    object.__setattr__(instance, "__dict__", {**dict.fromkeys(names), **present})
    object.__setattr__(instance, "__pydantic_fields_set__", set(present))
    object.__setattr__(instance, "__pydantic_extra__", None)
    object.__setattr__(instance, "__pydantic_private__", None)
    return instance


def _grow_leaf_model(shape: Model, value: Any) -> Any:
    try:
        result, problems = read(shape, value)
    except Exception:  # a validator of the user's own, that met half a value
        return ABSENT
    return ABSENT if problems else result


def _grow_one_of(shape: OneOf, value: Any, finished: _Finished) -> Any:
    options = in_order(shape, value)
    if is_object(value):  # with most of its keys, and no literal (a tag) that says otherwise
        scored = [(_keys_of(option, value), option) for option in options]
        scored.sort(key=lambda pair: -pair[0])
        options = [option for score, option in scored if score >= 0]
    grown = (_grow(option, value, finished) for option in options)
    return next((found for found in grown if found is not ABSENT), ABSENT)


def _keys_of(option: Shape, value: JSON) -> int:
    """How many keys of an object an option knows; -1 if one has a literal that it cannot have."""
    if isinstance(option, OneOf):
        return max(_keys_of(inner, value) for inner in option.options)
    if not isinstance(option, (Record, Model)):
        return 0
    here = [entry for entry in option.fields if entry.key in value]
    return -1 if any(_contradicts(entry, value[entry.key]) for entry in here) else len(here)


def _contradicts(entry: Field, value: Any) -> bool:
    shape = entry.shape
    if not isinstance(shape, Leaf) or typing.get_origin(shape.type) is not typing.Literal:
        return False
    return read_leaf(shape, value, (), []) is FAILED


_GROWERS: dict[type[Shape], Callable[..., Any]] = {
    Leaf: _grow_leaf,
    Array: _grow_array,
    Fixed: _grow_fixed,
    Table: _grow_table,
    Record: _grow_record,
    Model: _grow_model,
    OneOf: _grow_one_of,
}
