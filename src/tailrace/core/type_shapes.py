"""Python types, taken apart into shapes.

Theory of operation. `shape_of` looks through `Annotated`, aliases and type variables, then asks
what kind of class is there. pydantic is never imported here: a type can only be pydantic's if
something else imported it. What `Annotated` says is found by the attribute names that msgspec.Meta,
annotated_types and pydantic's Field share; a plain string in it is a description, and so is a
docstring's entry for a field.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

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

_NOTES = ("title", "description", "examples")


def shape_of(kind: Any) -> Shape:
    """Take a type apart.

    Raises:
        TypeError: the annotations of a class in it cannot be resolved.
    """
    bare, extras = _unwrap(kind)
    if any(_is_pydantic(extra) for extra in extras):  # pydantic's validators must not be lost
        return Model(kind, lambda: _model_fields(kind))
    limits, notes = _said(extras)
    shape = _bare_shape(bare)
    if not limits and not notes:
        return shape
    return dataclasses.replace(
        shape, limits={**shape.limits, **limits}, notes={**shape.notes, **notes}
    )


def _unwrap(kind: Any) -> tuple[Any, list[Any]]:
    """A type without `Annotated`, `Required`, `NewType`, aliases; and what `Annotated` said."""
    extras: list[Any] = []
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            extras = [*kind.__metadata__, *extras]
            kind = kind.__origin__
        elif str(origin).rpartition(".")[2] in ("Required", "NotRequired", "ReadOnly", "Final"):
            kind = typing.get_args(kind)[0]
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        elif type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        elif isinstance(kind, typing.TypeVar):
            kind = Any if kind.__bound__ is None else kind.__bound__
        else:
            return kind, extras


def _said(extras: Iterable[Any]) -> tuple[JSON, JSON]:
    """The bounds and the notes in what `Annotated` carries; the outermost word counts."""
    limits: JSON = {}
    notes: JSON = {}
    for extra in extras:
        if isinstance(extra, str):
            notes["description"] = extra
            continue
        inner: Any = getattr(extra, "metadata", None)  # where pydantic's Field keeps its bounds
        limits |= _said(inner)[0] if is_array(inner) else {}
        limits |= _named_in(extra, LIMITS)
        notes |= _named_in(extra, _NOTES)
        doc = getattr(extra, "documentation", None)  # typing_extensions.Doc
        notes |= {"description": doc} if isinstance(doc, str) else {}
        notes |= getattr(extra, "extra_json_schema", None) or {}
    return limits, notes


def _named_in(extra: Any, names: Iterable[str]) -> JSON:
    values = ((name, getattr(extra, name, None)) for name in names)
    return {
        name: getattr(value, "pattern", value)  # the text of a compiled pattern
        for name, value in values
        if value is not None and not callable(value)
    }


_ARRAYS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    tuple: tuple,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    abc.Set: set,
    abc.MutableSet: set,
}
_TABLES: tuple[Any, ...] = (dict, abc.Mapping, abc.MutableMapping)


def _bare_shape(kind: Any) -> Shape:
    origin = typing.get_origin(kind)
    args = typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return OneOf(tuple(shape_of(arg) for arg in args))
    plain = origin or kind
    if not isinstance(plain, abc.Hashable):
        raise TypeError(f"{kind!r} is not a type")
    if plain is tuple and args and args[-1] is not Ellipsis:
        return Fixed(tuple(shape_of(arg) for arg in args), tuple)
    if plain in _ARRAYS:
        return Array(shape_of(args[0] if args else Any), _ARRAYS[plain])
    if plain in _TABLES:
        key, value = args or (str, Any)
        return Table(_unwrap(key)[0], shape_of(value))
    if kind is object or kind is inspect.Parameter.empty:
        return Leaf(Any)
    return _plain_class_shape(kind) if kind is plain else _class_shape(kind, plain)


@functools.lru_cache(maxsize=1024)  # a partial object is asked for at every event
def _plain_class_shape(kind: Any) -> Shape:
    return _class_shape(kind, kind)


def _class_shape(kind: Any, plain: Any) -> Shape:
    if _is_pydantic(plain):
        return Model(kind, lambda: _model_fields(kind))
    if _inherits(plain, dict) and hasattr(plain, "__total__"):
        return Record("typeddict", kind, lambda: _typeddict_fields(kind))
    if _inherits(plain, msgspec.Struct) and not plain.__struct_config__.array_like:
        return Record("struct", kind, lambda: _struct_fields(kind))
    if _inherits(plain, object) and hasattr(plain, "__dataclass_fields__"):
        return Record("dataclass", kind, lambda: _dataclass_fields(kind))
    if _inherits(plain, tuple) and hasattr(plain, "_fields"):
        return Fixed(tuple(shape_of(hint) for hint in hints_of(kind).values()), plain._make)
    return Leaf(kind)


def _inherits(plain: Any, base: type[Any]) -> bool:
    return isinstance(plain, type) and issubclass(plain, base)


def _is_pydantic(kind: Any) -> bool:
    return "pydantic" in sys.modules and (
        hasattr(kind, "__get_pydantic_core_schema__") or hasattr(kind, "__pydantic_fields__")
    )


def _model_fields(kind: Any) -> Iterator[Field]:
    found = getattr(typing.get_origin(kind) or kind, "model_fields", None)
    for name, entry in (found if is_object(found) else {}).items():
        yield Field(name, entry.alias or name, shape_of(entry.annotation))


def _typeddict_fields(kind: Any) -> Iterator[Field]:
    plain = typing.get_origin(kind) or kind
    for name, hint in hints_of(kind).items():
        # `__required_keys__` does not see qualifiers that are written inside string annotations.
        qualifiers = _qualifiers(hint)
        required = name in plain.__required_keys__ and "NotRequired" not in qualifiers
        yield Field(name, name, shape_of(hint), required=required or "Required" in qualifiers)


def _qualifiers(hint: Any) -> set[str]:
    found: set[str] = set()
    while (origin := typing.get_origin(hint)) is not None:
        found.add(str(origin).rpartition(".")[2])
        args = typing.get_args(hint)
        hint = args[0] if args else None
    return found


def _struct_fields(kind: Any) -> Iterator[Field]:
    config = (typing.get_origin(kind) or kind).__struct_config__
    if config.tag is not None:
        yield Field("", config.tag_field, Leaf(typing.Literal[config.tag]))
    for entry in msgspec.structs.fields(kind):
        default = MISSING if entry.default is msgspec.NODEFAULT else entry.default
        yield Field(entry.name, entry.encode_name, shape_of(entry.type), default, entry.required)


def _dataclass_fields(kind: Any) -> Iterator[Field]:
    hints = hints_of(kind)
    for entry in dataclasses.fields(typing.get_origin(kind) or kind):
        if entry.init:
            has_default = entry.default is not dataclasses.MISSING
            required = not has_default and entry.default_factory is dataclasses.MISSING
            default = entry.default if has_default else MISSING
            yield Field(entry.name, entry.name, shape_of(hints[entry.name]), default, required)


def hints_of(owner: Any) -> dict[str, Any]:
    """The resolved annotations of a class, `Generic[...]` of it, or function.

    Raises:
        TypeError: an annotation names something that is not defined where `owner` is.
    """
    plain = typing.get_origin(owner) or owner
    try:
        hints = typing.get_type_hints(plain, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{getattr(plain, '__qualname__', plain)}: the annotation {error.name!r} cannot be "
            "resolved; define or import it at the top level of its module"
        ) from error
    parameters = getattr(plain, "__parameters__", ())
    given = dict(zip(parameters, typing.get_args(owner), strict=False))
    return {name: _filled(hint, given) for name, hint in hints.items()}


def _filled(hint: Any, given: Mapping[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return given.get(hint, hint)
    open_ = getattr(hint, "__parameters__", ())
    if not given or not open_ or isinstance(hint, type):
        return hint
    return hint[tuple(given.get(parameter, parameter) for parameter in open_)]
