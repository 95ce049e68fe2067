"""Python types as shapes, and shapes as JSON schemas.

Theory of operation. `shape_of` takes a type apart, once, into a tree of a few shapes: `Leaf` (what
msgspec reads whole), `Array`, `Fixed` (a tuple), `Table` (a dict with free keys), `Record` (a
dataclass, TypedDict, msgspec Struct or a function's parameters), `Model` (pydantic's) and `OneOf`.
Everything done with a type walks that tree: its schema here, a typed value or a partial one in
`structured`. Leaves ask msgspec, so that the schema of a leaf and the reading of it agree. Records
know their fields only when asked, so a type may contain itself.

pydantic is never imported here: a type can only be pydantic's if something else imported it. What
`Annotated` says is found by the attribute names that msgspec.Meta, annotated_types and pydantic's
Field share; a plain string in it is a description, and so is a docstring's entry for a field.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime
import enum
import functools
import inspect
import itertools
import operator
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeGuard, cast

import msgspec

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

_NOTES = ("title", "description", "examples")


# -- shapes ----------------------------------------------------------------------------------


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

    @property
    def adapter(self) -> Any:
        """pydantic's TypeAdapter for it."""
        return sys.modules["pydantic"].TypeAdapter(self.type)

    @functools.cached_property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a model class, by their aliases; of any other type none."""
        found = getattr(typing.get_origin(self.type) or self.type, "model_fields", None)
        fields = found if is_object(found) else {}
        return tuple(
            Field(name, entry.alias or name, shape_of(entry.annotation))
            for name, entry in fields.items()
        )


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


def shape_of(kind: Any) -> Shape:
    """Take a type apart.

    Raises:
        TypeError: the annotations of a class in it cannot be resolved.
    """
    bare, extras = _unwrap(kind)
    if any(_is_pydantic(extra) for extra in extras):  # pydantic's validators must not be lost
        return Model(kind)
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
        return Model(kind)
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


# -- schemas ---------------------------------------------------------------------------------

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


# -- docstrings ------------------------------------------------------------------------------


class Docstring(NamedTuple):
    """What a docstring says: its description, and one of each argument or attribute."""

    description: str
    arguments: dict[str, str]


_TOLD = re.compile(
    "arg(ument)?s|param(eter)?s|other parameters|keyword arg(ument)?s|attributes|fields"
)
_NOT_TOLD = re.compile("returns?|yields?|raises?|except(ion)?s?|warns")
_GOOGLE_ENTRY = re.compile(r"(\*{0,2}\w+)(?:\s*\(.*?\))?\s*:(?:\s+(.*))?")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)(?:\s*:.*)?()")
_SPHINX_FIELD = re.compile(
    r":(param(?:eter)?|arg(?:ument)?|key(?:word)?|[ic]?var|type|returns?|rtype|raises?|yields?)"
    r"(?:\s+([^:]+))?:(?:\s+(.*))?"
)
_SPHINX_TOLD = re.compile("param(eter)?|arg(ument)?|key(word)?|[ic]?var")


def parse_docstring(doc: str | None) -> Docstring:
    """Read a docstring in Google's, NumPy's or Sphinx's style.

    The description is what stands before the first section or field that tells of arguments,
    results or errors. Whatever is in none of these styles is description.
    """
    description, *sections = _sections(inspect.cleandoc(doc or "").split("\n"))
    told: dict[str, str] = {}
    for section in sections:
        told.update(_arguments(section))
    return Docstring(
        "\n".join(description.lines).strip(), {name: text for name, text in told.items() if text}
    )


class _Section(NamedTuple):
    style: str
    title: str
    lines: list[str]


def _sections(lines: list[str]) -> list[_Section]:
    """The lines in sections; the first is what stands before any, a Sphinx field is one too."""
    found = [_Section("", "", [])]
    for number, line in enumerate(lines):
        title = line.rstrip(" :").lower()
        known = _TOLD.fullmatch(title) or _NOT_TOLD.fullmatch(title)
        if known and _is_underline(lines[number + 1 : number + 2]):
            found.append(_Section("numpy", title, []))
        elif known and line.rstrip().endswith(":"):
            found.append(_Section("google", title, []))
        elif field_ := _SPHINX_FIELD.fullmatch(line):
            name = (field_[2] or "").split()[-1:] if _SPHINX_TOLD.fullmatch(field_[1]) else []
            found.append(_Section("sphinx", "".join(name), [field_[3] or ""]))
        elif not _is_underline([line]) or not found[-1].style:
            found[-1].lines.append(line)
    return found


def _is_underline(lines: list[str]) -> bool:
    return bool(lines) and re.fullmatch(r"-{3,}\s*", lines[0]) is not None


def _arguments(section: _Section) -> dict[str, str]:
    if section.style == "sphinx":
        text = itertools.takewhile(str.strip, section.lines[1:])
        told = [section.lines[0], *(line.strip() for line in text)]
        return {section.title.lstrip("*"): " ".join(told).strip()} if section.title else {}
    if not _TOLD.fullmatch(section.title):
        return {}
    return _entries(section.lines, _NUMPY_ENTRY if section.style == "numpy" else _GOOGLE_ENTRY)


def _entries(lines: list[str], pattern: re.Pattern[str]) -> dict[str, str]:
    """The entries of a section: a line at its own indent begins one, deeper lines go on with it."""
    told: dict[str, list[str]] = {}
    names: list[str] = []
    filled = [line for line in lines if line.strip()]
    margin = min((_indent(line) for line in filled[:1]), default=0)
    for line in filled:
        if _indent(line) < margin:
            break
        if _indent(line) > margin:
            for name in names:
                told[name].append(line.strip())
        elif entry := pattern.fullmatch(line.strip()):
            names = [name.strip(" *") for name in entry[1].split(",")]
            told.update({name: [entry[2] or ""] for name in names})
    return {name: " ".join(text).strip() for name, text in told.items()}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def own_doc(owner: Any) -> str | None:
    """The docstring someone wrote: not an inherited one, nor what `dataclass` makes up."""
    plain = typing.get_origin(owner) or owner
    doc = plain.__dict__.get("__doc__") if isinstance(plain, type) else plain.__doc__
    made_up = isinstance(plain, type) and (doc or "").startswith(f"{plain.__name__}(")
    return None if made_up else doc
