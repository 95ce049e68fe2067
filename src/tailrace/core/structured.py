"""Structured output: the schema that goes out, and the typed value that comes back.

Theory of operation. Three walks over the shapes of `schema`. `strict_schema` narrows a JSON schema
to the subset that the API's structured outputs (and strict tools) accept. `read` makes a typed
value of a JSON value and collects everything that is wrong with it, each problem with its path and
in words that a model can act on; whatever the schema says is checked, also what the subset could
not say. `partial` makes what can be made of a value that still grows.

A partial object is an instance of its own class, built without running its `__init__`: a field that
has not arrived, or that is not yet of its type, is `None`; so is a field with a default, since
nobody can know yet. Elements of a list that are not yet of their type are left out, and bounds are
not yet checked. Of a TypedDict only the keys that arrived are there.
"""

from __future__ import annotations

import copy
import difflib
import functools
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar, overload

import msgspec

from .errors import AnthropicError
from .partial_json import PartialJSONError, parse_strict
from .schema import (
    JSON,
    LIMITS,
    POINTER,
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
    json_schema,
    references,
    schema_of,
    shape_of,
)

if typing.TYPE_CHECKING:
    from .content import Message

T = TypeVar("T")
Path = tuple[str | int, ...]


class OutputParseError(AnthropicError, ValueError):
    """A reply is not a value of the type that was asked for.

    `text` is the reply, `path` where its first problem is (keys and list indexes from the outside
    in), `problems` all of them in words. The text is not in the message, only cut values from it.
    """

    def __init__(self, message: str, *, text: str, path: Path, problems: Sequence[str]) -> None:
        super().__init__(message)
        self.text = text
        self.path = path
        self.problems = tuple(problems)
        self.final_message: Message | None = None
        """The whole reply, where it came from one."""


def output_schema(output_type: Any) -> JSON:
    """The JSON schema of a type, in the subset that structured outputs accept.

    Raises:
        TypeError: it is no type, has no JSON, or has objects with free keys or values of any kind.
    """
    if isinstance(output_type, Mapping):
        raise TypeError(
            "the output type must be a type; a JSON schema goes into "
            'output_config={"format": {"type": "json_schema", "schema": ...}}'
        )
    return strict_schema(json_schema(output_type))


def output_config_for(output_type: Any) -> JSON:
    """The `output_config` of a request whose reply is to be a value of `output_type`.

    Raises:
        TypeError: as `output_schema`.
    """
    return {"format": {"type": "json_schema", "schema": output_schema(output_type)}}


@overload
def parse_output(output_type: type[T], text: str) -> T: ...
@overload
def parse_output(output_type: Any, text: str) -> Any: ...
def parse_output(output_type: Any, text: str) -> Any:
    """The value of `output_type` that a whole reply is.

    Strict: a string is no number, and keys that the type does not have are errors. A pydantic type
    is read by its own rules.

    Raises:
        OutputParseError: the text is not JSON, or not of that type; says all that is wrong.
    """
    name = type_name(output_type)
    try:
        value = parse_strict(text)
    except PartialJSONError as error:
        raise _not_json(name, str(error), text) from error
    if not text.strip():  # to the strict parser that is the input of a tool without arguments
        raise _not_json(name, "it is empty", text)
    result, problems = read(shape_of(output_type), value)
    if problems:
        raise OutputParseError(
            f"the reply is not a valid {name}: {listed(problems)}",
            text=text,
            path=problems[0].path,
            problems=[str(problem) for problem in problems],
        )
    return result


def _not_json(name: str, why: str, text: str) -> OutputParseError:
    message = f"the reply is not a {name}, because it is not JSON: {why}"
    return OutputParseError(message, text=text, path=(), problems=[why])


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


def type_name(kind: Any) -> str:
    """A type's name, for messages."""
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


# -- whole values ----------------------------------------------------------------------------


class Problem(NamedTuple):
    """One thing that is wrong with a value: where, and what."""

    path: Path
    text: str

    def __str__(self) -> str:
        where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path)
        return f"`{where.removeprefix('.')}` {self.text}" if where else f"the value {self.text}"


FAILED: Final[Any] = object()
"""Stands for a value that could not be read."""

_MOST_LISTED = 20


def listed(problems: Sequence[Problem]) -> str:
    """Problems in one sentence, not too many."""
    more = len(problems) - _MOST_LISTED
    told = "; ".join(map(str, problems[:_MOST_LISTED]))
    return f"{told}; and {more} more" if more > 0 else told


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


def _read_leaf(shape: Leaf, value: Any, path: Path, problems: list[Problem]) -> Any:
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
    for option in _in_order(shape, value):
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


def _in_order(shape: OneOf, value: Any) -> Sequence[Shape]:
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
    Leaf: _read_leaf,
    Array: _read_array,
    Fixed: _read_fixed,
    Table: _read_table,
    Record: _read_record,
    Model: _read_model,
    OneOf: _read_one_of,
}


# -- words -----------------------------------------------------------------------------------

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


# -- growing values --------------------------------------------------------------------------

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
    result = _read_leaf(shape, value, (), [])  # its bounds are for the whole value
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
    options = _in_order(shape, value)
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
    return _read_leaf(shape, value, (), []) is FAILED


_GROWERS: dict[type[Shape], Callable[..., Any]] = {
    Leaf: _grow_leaf,
    Array: _grow_array,
    Fixed: _grow_fixed,
    Table: _grow_table,
    Record: _grow_record,
    Model: _grow_model,
    OneOf: _grow_one_of,
}


# -- the strict subset -----------------------------------------------------------------------

# https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema
# limitations": structured outputs and strict tools share them; anything else is a 400.
_KEPT = frozenset({"type", "enum", "const", "title", "description", "default", "required"})
_FORMATS = re.compile("date-time|time|date|duration|email|hostname|uri|ipv[46]|uuid")
_HARD_PATTERN = re.compile(r"\(\?(?!:)|\\[1-9bB]|\{\d*,?\d{3,}")
_DROPPED = frozenset(("additionalProperties", "discriminator", "$defs", "definitions"))


def strict_schema(schema: JSON) -> JSON:
    """The schema in the subset that structured outputs and strict tools accept.

    Objects are closed. A constraint outside the subset (a bound, a length, a format, a look-ahead)
    becomes a sentence of the description, so that the model still knows of it; it is checked when
    the reply is read. A described reference to a type is replaced by the type so described, since
    nothing may stand beside a `$ref`. Recursive types stay as they are: the API refuses them today.

    Raises:
        TypeError: the schema has objects with free keys, or values of any kind.
    """
    strict = _Strict(schema.get("$defs") or {})
    rest = strict.of({key: value for key, value in schema.items() if key != "$defs"})
    defs: dict[str, JSON] = {}
    wanted = references(rest)
    while missing := sorted(wanted - defs.keys()):
        for name in missing:
            defs[name] = strict.of(strict.defs[name])
            wanted |= references(defs[name])
    ordered = {name: defs[name] for name in strict.defs if name in defs}
    return {**rest, "$defs": ordered} if ordered else rest


class _Strict:
    def __init__(self, defs: Mapping[str, JSON]) -> None:
        self.defs = defs

    def of(self, schema: JSON) -> JSON:
        if "$ref" in schema:
            return self._reference(schema)
        if schema.get("allOf") and len(schema["allOf"]) == 1:
            return self.of({**schema["allOf"][0], **_without(schema, "allOf")})
        kept: JSON = {}
        words: list[str] = []
        for key, value in schema.items():
            self._keep(key, value, kept, words)
        self._close(schema, kept)
        if words:
            told = [kept["description"]] if kept.get("description") else []
            kept["description"] = "\n\n".join([*told, f"Constraints: {'; '.join(words)}."])
        return kept

    def _keep(self, key: str, value: Any, kept: JSON, words: list[str]) -> None:
        """Put one keyword where it belongs: into the schema, the description, or nowhere."""
        if (
            key in _KEPT
            or (key == "format" and _FORMATS.fullmatch(value))
            or (key == "pattern" and not _HARD_PATTERN.search(value))
            or (key == "minItems" and value in (0, 1))
        ):
            kept[key] = value
        elif key == "properties":
            kept[key] = {name: self._named(name, part) for name, part in value.items()}
        elif key in ("anyOf", "oneOf", "allOf"):
            kept["allOf" if key == "allOf" else "anyOf"] = [self.of(part) for part in value]
        elif key == "prefixItems":
            kept["items"] = self._any_of(value)
            words.append("one element for each of " + dumps(value))
        elif key == "items" and value is not False:
            kept["items"] = self._named("items", value)
        elif key not in _DROPPED and key != "items":
            words.append(f"{key} {value if isinstance(value, str) else dumps(value)}")

    def _named(self, name: str, schema: JSON) -> JSON:
        try:
            return self.of(schema)
        except TypeError as error:
            raise TypeError(f"`{name}`: {error}") from error

    def _any_of(self, schemas: list[JSON]) -> JSON:
        unique = list({dumps(part): self.of(part) for part in schemas}.values())
        return unique[0] if len(unique) == 1 else {"anyOf": unique}

    def _close(self, schema: JSON, kept: JSON) -> None:
        if kept.get("type") == "object":
            if "properties" not in kept and schema.get("additionalProperties") is not False:
                raise TypeError(
                    "structured outputs cannot have objects with free keys; "
                    "use a list of objects with a field for the key"
                )
            kept["additionalProperties"] = False
        elif not kept.keys() & {"type", "enum", "const", "anyOf", "allOf"}:
            raise TypeError("structured outputs need a type for every value, this one may be any")

    def _reference(self, schema: JSON) -> JSON:
        name = schema["$ref"].removeprefix(POINTER)
        beside = _without(schema, "$ref", "default", "title")
        if not beside or name not in self.defs or self._recurs(name):
            return {"$ref": schema["$ref"]}
        return self.of({**self.defs[name], **beside})

    def _recurs(self, name: str) -> bool:
        seen: set[str] = set()
        wanted = references(self.defs[name])
        while new := (wanted - seen) & self.defs.keys():
            seen |= new
            wanted = {other for one in new for other in references(self.defs[one])}
        return name in seen


def _without(schema: JSON, *keys: str) -> JSON:
    return {key: value for key, value in schema.items() if key not in keys}
