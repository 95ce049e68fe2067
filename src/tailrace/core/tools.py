"""Tools from functions, and what the next turn sends about them.

Theory of operation. A `Tool` is a function with what the API needs to know of it. Its parameters
are a `Record` shape like any other type's fields, so the schema that goes out and the check of what
comes back are those of `schema` and `structured`. Nothing is run here but the function itself, once
`call` has checked its input; loops, threads and time are another room's.

A tool that needs something opened first is made from a context manager: a class with `__enter__`,
`__exit__` and `__call__`, or a `@contextmanager` function that yields the function, or the async
kind of either. Decorating opens nothing. Whoever runs the tool enters `tool.manager()` and goes on
with `tool.bind(what_that_gave)`, for each run anew.
"""

from __future__ import annotations

import copy
import functools
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import (
    Annotated,
    Any,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

import msgspec

from .errors import AnthropicError
from .schema import (
    JSON,
    MISSING,
    Field,
    Leaf,
    Record,
    Shape,
    hints_of,
    is_object,
    json_schema,
    own_doc,
    parse_docstring,
    schema_of,
    shape_of,
)
from .structured import Problem, listed, read, shown, strict_schema

P = ParamSpec("P")
R = TypeVar("R")

Content = str | Sequence[Mapping[str, Any]]
"""What a tool result holds: text or content blocks."""

_Opened = AbstractContextManager[Callable[P, R]] | AbstractAsyncContextManager[Callable[P, R]]


class ToolInputError(AnthropicError, ValueError):
    """The input that the model wrote does not fit the tool's parameters.

    The message is written for the model: hand it back as an error result. `problems` is all that
    is wrong, one by one.
    """

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{name}: {listed(problems)}")
        self.problems = tuple(problems)


class ToolError(Exception):
    """Raised by a tool to give the model `content`, text or content blocks, as an error result."""

    def __init__(self, content: Content) -> None:
        super().__init__(content)
        self.content = content


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


_SENT = (
    "strict",
    "cache_control",
    "eager_input_streaming",
    "defer_loading",
    "allowed_callers",
    "input_examples",
)


class Tool(Generic[P, R]):
    """A function that the model may call; made with `@tool`. Called, it is the plain function."""

    timeout: float | None
    """How long one call may take, in seconds; `None` for no bound."""

    def __init__(self, func: Callable[..., Any], options: ToolOptions) -> None:
        self._func = func
        self._options = options
        self.timeout = options.get("timeout")
        self._manager = _manager_of(func)
        if not _is_generator(func):
            self._spec  # noqa: B018 - so that a mistake shows where the tool is defined

    @functools.cached_property
    def _spec(self) -> _Spec:
        return _spec_of(self._func, self._options)

    @property
    def func(self) -> Callable[P, R]:
        """The plain function, or what opens it."""
        return self._func

    @property
    def name(self) -> str:
        """The name the API and the model know it by."""
        return self._spec.name

    @property
    def description(self) -> str:
        """What the model reads about it; may be empty."""
        return self._spec.description

    @property
    def input_schema(self) -> JSON:
        """The JSON schema of its input."""
        return self._spec.input_schema

    @property
    def is_async(self) -> bool:
        """Whether `call` gives a coroutine."""
        return self._spec.is_async

    @property
    def manager(self) -> Callable[[], _Opened[P, R]] | None:
        """What opens the tool, if it has to be opened: a factory of context managers.

        Enter what it makes, `bind` what that gives, call that tool, and leave the manager.
        """
        return self._manager

    def bind(self, func: Callable[..., Any]) -> Tool[P, R]:
        """This tool, opened: with `func`, which its context manager gave, as the function.

        Raises:
            TypeError: `func` cannot be called; `__enter__` must return the function or `self`.
        """
        if not callable(func):
            raise TypeError(
                f"{_name_of(self._func)}: entering the context manager gave {func!r}; "
                "it must give the function to call"
            )
        bound = copy.copy(self)
        bound._func, bound._manager = func, None
        if _is_generator(self._func):
            bound._spec = _spec_of(func, {**self._options, "name": self._own_name(func)})
        return bound

    def _own_name(self, func: Callable[..., Any]) -> str:
        if "input_schema" in self._options and self._options["input_schema"] is not None:
            func = self._func
        return self._options.get("name") or _name_of(func)

    def to_dict(self) -> JSON:
        """The tool as a request sends it."""
        described = {"description": self.description} if self.description else {}
        sent = {key: self._options.get(key) for key in _SENT}
        return {
            "name": self.name,
            **described,
            "input_schema": self.input_schema,
            **{key: _listed(value) for key, value in sent.items() if value is not None},
        }

    def call(self, input: Mapping[str, Any]) -> R:  # noqa: A002 - the official SDK's name
        """Check the input and call the function with it; for an async one, give its coroutine.

        A tool that has to be opened is opened for this one call, unless it is a bound one.

        Raises:
            ToolInputError: the input does not fit; says all that is wrong with it.
            RuntimeError: the tool has to be opened by `async with` first; see `manager`.
        """
        if self._manager is None:
            args, kwargs = self._spec.arguments(input)
            return cast("R", self._func(*args, **kwargs))
        with self._opened() as func:
            return self.bind(func).call(input)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function, without a check."""
        if self._manager is None:
            return cast("R", self._func(*args, **kwargs))
        with self._opened() as func:
            return func(*args, **kwargs)

    def _opened(self) -> AbstractContextManager[Callable[P, R]]:
        opened = self._manager() if self._manager else None
        if isinstance(opened, AbstractContextManager):
            return opened
        raise RuntimeError(
            f"{_name_of(self._func)} has to be opened: use it in a tool runner, or "
            "`async with tool.manager() as func: await tool.bind(func).call(input)`"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.get('name') or _name_of(self._func)}>"


class _Decorator(Protocol):
    @overload
    def __call__(self, func: Callable[[], _Opened[P, R]], /) -> Tool[P, R]: ...
    @overload
    def __call__(self, func: Callable[P, R], /) -> Tool[P, R]: ...


@overload
def tool(func: Callable[[], _Opened[P, R]], /, **options: Unpack[ToolOptions]) -> Tool[P, R]: ...
@overload
def tool(func: Callable[P, R], /, **options: Unpack[ToolOptions]) -> Tool[P, R]: ...
@overload
def tool(func: None = None, /, **options: Unpack[ToolOptions]) -> _Decorator: ...
def tool(func: Callable[..., Any] | None = None, /, **options: Unpack[ToolOptions]) -> Any:
    """Make a tool of a function: `@tool`, or `@tool(name=..., strict=True)`; see `ToolOptions`.

    Name, description and schema come from the function's name, docstring (Google's, NumPy's or
    Sphinx's style) and annotations. `async def` functions, methods of an object and context
    managers that give a function will do as well.

    Raises:
        TypeError: a parameter cannot be described in JSON, or an option is unknown.
        ValueError: the name is not one the API takes.
    """
    unknown = options.keys() - ToolOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"@tool does not know the option {', '.join(sorted(unknown))}")
    if func is None:
        return lambda func: Tool[..., Any](func, options)
    return Tool[..., Any](func, options)


# -- what is known of a function -------------------------------------------------------------

_NAME = re.compile("[a-zA-Z0-9_-]{1,128}")  # what the Messages API takes


class _Spec(NamedTuple):
    name: str
    description: str
    input_schema: JSON
    is_async: bool
    parameters: Record | None  # None: not known before the tool is opened
    positional: Sequence[str]
    fills: Mapping[str, Callable[[], Any]]  # defaults that are not the function's own

    def arguments(self, given: Any) -> tuple[list[Any], JSON]:
        """The typed arguments of an input."""
        if not is_object(given):
            raise ToolInputError(
                self.name, [Problem((), f"must be an object with arguments, got {shown(given)}")]
            )
        if self.parameters is None:
            return [], given
        values, problems = read(self.parameters, given)
        if problems:
            raise ToolInputError(self.name, problems)
        for name, make in self.fills.items():
            if name not in values:
                values[name] = make()
        # A positional-only parameter can only be left out together with all that follow it.
        args = [values.pop(name) for name in self.positional if name in values]
        return args, values


def _spec_of(func: Callable[..., Any], options: ToolOptions) -> _Spec:
    given = options.get("input_schema")
    told, called = _subject(func, peek=given is None)
    name = options.get("name") or _name_of(told)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a tool's name: letters, digits, _ and - are allowed, at most 128"
        )
    documented = own_doc(_bare(told)) or (own_doc(_bare(called)) if called else None)
    parameters, positional, fills = None, [], {}
    try:
        if called is not None:
            parameters, positional, fills = _parameters(called, skip=isinstance(told, type))
            if given is not None:
                parameters = _lenient(parameters)
        schema = _given_schema(given) if given is not None else schema_of(cast(Record, parameters))
        if options.get("strict") and not isinstance(given, Mapping):
            schema = strict_schema(schema)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error
    description = options.get("description")
    if description is None:
        description = parse_docstring(documented).description
    runs = called if called is not None else func
    return _Spec(name, description, schema, _is_async(runs), parameters, positional, fills)
