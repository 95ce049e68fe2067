"""A function, as far as a model has to know of it: name, description, schema, and how to call it.

Theory of operation. Parameters are a `Record` shape like any other type's fields, so the schema
that goes out and the check of what comes back are those of every other type.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import (
    Annotated,
    Any,
    NamedTuple,
    TypedDict,
    cast,
)

from .docstrings import own_doc, parse_docstring
from .json_schema import json_schema, schema_of
from .problems import Problem, shown
from .reading import read
from .shapes import JSON, MISSING, Field, Leaf, Record, is_object
from .strict_schema import strict_schema
from .tool_answers import ToolInputError
from .type_shapes import hints_of, shape_of


class ToolOptions(TypedDict, total=False):
    """What `@tool` may be told. All but the first three and `timeout` are sent as they are.

    Attributes:
        name: Its name; the function's if not given.
        description: What the model reads about it; the docstring's description if not given.
        input_schema: A JSON schema, or a type that has one; else made from the signature.
        strict: Have the API hold the model to the schema, which is narrowed to what it supports.
        cache_control: Where a prompt cache ends.
        eager_input_streaming: Have the input streamed as it is written, not key by key.
        defer_loading: Leave the tool out of the prompt until a tool search finds it.
        allowed_callers: Who may call it, such as `"direct"` or a version of code execution.
        input_examples: Examples of inputs.
        timeout: How long one call may take, in seconds, for whoever runs it; it is not sent.
    """

    name: str | None
    description: str | None
    input_schema: Mapping[str, Any] | type | None
    strict: bool | None
    cache_control: Mapping[str, Any] | None
    eager_input_streaming: bool | None
    defer_loading: bool | None
    allowed_callers: Sequence[str] | None
    input_examples: Iterable[Mapping[str, Any]] | None
    timeout: float | None


_NAME = re.compile("[a-zA-Z0-9_-]{1,128}")  # what the Messages API takes


class Spec(NamedTuple):
    """What is known of a function that is a tool."""

    name: str
    description: str
    input_schema: JSON
    is_async: bool
    parameters: Record | None  # None: not known before the tool is opened
    positional: Sequence[str]
    fills: Mapping[str, Callable[[], Any]]  # defaults that are not the function's own

    def now(self, opened: Spec) -> Spec:
        """What was told of the tool before, with how to call the function that opening it gave."""
        return opened._replace(
            name=self.name, description=self.description, input_schema=self.input_schema
        )

    def arguments(self, given: Any) -> tuple[list[Any], JSON]:
        """The typed arguments of an input."""
        if not is_object(given):
            raise ToolInputError(
                self.name, [Problem((), f"must be an object with arguments, got {shown(given)}")]
            )
        assert self.parameters is not None, "a tool is opened before it is called"
        values, problems = read(self.parameters, given)
        if problems:
            raise ToolInputError(self.name, problems)
        for name, make in self.fills.items():
            if name not in values:
                values[name] = make()
        # A positional-only parameter can only be left out together with all that follow it.
        args = [values.pop(name) for name in self.positional if name in values]
        return args, values


def spec_of(func: Callable[..., Any], options: ToolOptions) -> Spec:
    """Look at a function. Raises `TypeError` or `ValueError` as `tool` does."""
    given = options.get("input_schema")
    told, called = _subject(func, peek=given is None)
    name = options.get("name") or name_of(told)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a tool's name: letters, digits, _ and - are allowed, at most 128"
        )
    try:
        call = _Call(None, (), {}) if called is None else _call(called, told, given is not None)
        schema = _given_schema(given) if given is not None else schema_of(call.known())
        if options.get("strict") and not isinstance(given, Mapping):
            schema = strict_schema(schema)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error
    description = options.get("description")
    if description is None:
        description = parse_docstring(_doc(told) or _doc(called or told)).description
    return Spec(name, description, schema, _is_async(called or func), *call)


def _subject(func: Any, *, peek: bool) -> tuple[Any, Callable[..., Any] | None]:
    """What tells of a tool (name, docstring), and what its parameters are those of."""
    if isinstance(func, type):
        return func, func.__call__
    if not is_generator(func):
        return func, func
    if not peek:
        return func, None
    opened = func()
    if not isinstance(opened, AbstractContextManager):
        raise TypeError(
            f"{name_of(func)}: an async context manager cannot be opened here to look at the "
            "function it gives; give the tool an input_schema="
        )
    inner: Any
    with cast("AbstractContextManager[Any]", opened) as inner:
        return inner, inner


class _Call(NamedTuple):
    """How a function is called: the last three entries of `Spec`."""

    parameters: Record | None
    positional: Sequence[str]
    fills: Mapping[str, Callable[[], Any]]

    def known(self) -> Record:
        assert self.parameters is not None
        return self.parameters


def _call(called: Callable[..., Any], told: Any, lenient: bool) -> _Call:
    """Read a signature. With `lenient`, parameters that JSON cannot give are not checked."""
    hints = hints_of(_bare(called))
    fields: list[Field] = []
    positional: list[str] = []
    fills: dict[str, Callable[[], Any]] = {}
    more = False
    parameters = list(inspect.signature(called).parameters.values())
    for parameter in parameters[1:] if isinstance(told, type) else parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise TypeError(f"*{parameter.name} cannot be told to the model; make it a list")
        if parameter.kind is parameter.VAR_KEYWORD:
            more = True
            continue
        entry, fill = _field(parameter, hints.get(parameter.name, Any))
        fields.append(_unchecked(entry) if lenient else entry)
        fills.update({parameter.name: fill} if fill else {})
        positional += [parameter.name] if parameter.kind is parameter.POSITIONAL_ONLY else []
    owner = _bare(called)
    return _Call(Record("parameters", owner, lambda: fields, more), positional, fills)


def _field(parameter: inspect.Parameter, hint: Any) -> tuple[Field, Callable[[], Any] | None]:
    name, default = parameter.name, parameter.default
    if default is parameter.empty:
        return Field(name, name, shape_of(hint)), None
    if not hasattr(default, "is_required"):
        return Field(name, name, shape_of(hint), default, required=False), None
    # pydantic's way: `days: int = Field(3, description=...)`
    shape = shape_of(Annotated[hint, default])
    if default.is_required():
        return Field(name, name, shape), None
    fill = functools.partial(default.get_default, call_default_factory=True)
    shown_default = MISSING if default.default_factory else default.default
    return Field(name, name, shape, shown_default, required=False), fill


def _unchecked(entry: Field) -> Field:
    try:
        schema_of(entry.shape)
    except TypeError:
        return entry._replace(shape=Leaf(Any))
    return entry


def _given_schema(given: Mapping[str, Any] | type) -> JSON:
    schema = dict(given) if isinstance(given, Mapping) else json_schema(given)
    if schema.get("type") != "object":
        raise TypeError(
            f'the input schema must be that of an object ("type": "object"), got {schema}'
        )
    return schema


def _bare(func: Any) -> Any:
    """The function itself: without `functools.partial`, decorators and `__call__`."""
    while isinstance(func, functools.partial):
        func = func.func
    func = inspect.unwrap(func)
    if isinstance(func, type) or inspect.isroutine(func):
        return func
    return type(func).__call__


def _doc(func: Any) -> str | None:
    bare = _bare(func)
    if isinstance(func, (type, functools.partial)) or inspect.isroutine(func):
        return own_doc(bare)
    return own_doc(bare) or own_doc(type(func))


def name_of(func: Any) -> str:
    """The name of a function, or of the class of what is called like one."""
    bare = _bare(func)
    return type(func).__name__ if bare.__name__ == "__call__" else bare.__name__


def _is_async(func: Any) -> bool:
    if is_generator(func):
        return inspect.isasyncgenfunction(inspect.unwrap(func))
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(_bare(func))


def is_generator(func: Any) -> bool:
    """Whether `contextlib` made a context manager factory of it."""
    inner = getattr(func, "__wrapped__", None)
    return inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)


def manager_of(func: Any) -> Callable[[], Any] | None:
    """What opens a tool that is a context manager or makes them; `None` for a plain function."""
    if is_generator(func):
        return cast("Callable[[], Any]", func)
    kind = func if isinstance(func, type) else type(func)
    if not (hasattr(kind, "__enter__") or hasattr(kind, "__aenter__")):
        return None
    return kind if isinstance(func, type) else lambda: func
