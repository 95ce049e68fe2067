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
        self._options = options.copy()
        if (examples := options.get("input_examples")) is not None:
            self._options["input_examples"] = list(examples)
        self.timeout = options.get("timeout")
        self._manager = _manager_of(func)
        if not _is_generator(func) or options.get("input_schema") is not None:
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
        if _is_generator(self._func):  # what is known of the function may not be known before now
            known = self.__dict__.get("_spec")
            fresh = _spec_of(func, self._options)
            bound._spec = known.now(fresh) if known else fresh
        return bound

    def to_dict(self) -> JSON:
        """The tool as a request sends it."""
        described = {"description": self.description} if self.description else {}
        sent: JSON = {key: self._options.get(key) for key in _SENT}
        return {
            "name": self.name,
            **described,
            "input_schema": self.input_schema,
            **{key: value for key, value in sent.items() if value is not None},
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
        opened: Any = self._manager() if self._manager else None
        if hasattr(opened, "__enter__"):
            return cast("AbstractContextManager[Callable[P, R]]", opened)
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
        return functools.partial(Tool[..., Any], options=options)
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

    def now(self, opened: _Spec) -> _Spec:
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


def _spec_of(func: Callable[..., Any], options: ToolOptions) -> _Spec:
    given = options.get("input_schema")
    told, called = _subject(func, peek=given is None)
    name = options.get("name") or _name_of(told)
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
    return _Spec(name, description, schema, _is_async(called or func), *call)


def _subject(func: Any, *, peek: bool) -> tuple[Any, Callable[..., Any] | None]:
    """What tells of a tool (name, docstring), and what its parameters are those of."""
    if isinstance(func, type):
        return func, func.__call__
    if not _is_generator(func):
        return func, func
    if not peek:
        return func, None
    opened = func()
    if not isinstance(opened, AbstractContextManager):
        raise TypeError(
            f"{_name_of(func)}: an async context manager cannot be opened here to look at the "
            "function it gives; give the tool an input_schema="
        )
    inner: Any
    with cast("AbstractContextManager[Any]", opened) as inner:
        return inner, inner


class _Call(NamedTuple):
    """How a function is called: the last three entries of `_Spec`."""

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


def _name_of(func: Any) -> str:
    bare = _bare(func)
    return type(func).__name__ if bare.__name__ == "__call__" else bare.__name__


def _is_async(func: Any) -> bool:
    if _is_generator(func):
        return inspect.isasyncgenfunction(inspect.unwrap(func))
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(_bare(func))


def _is_generator(func: Any) -> bool:
    """Whether `contextlib` made a context manager factory of it."""
    inner = getattr(func, "__wrapped__", None)
    return inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner)


def _manager_of(func: Any) -> Callable[[], Any] | None:
    if _is_generator(func):
        return cast("Callable[[], Any]", func)
    kind = func if isinstance(func, type) else type(func)
    if not (hasattr(kind, "__enter__") or hasattr(kind, "__aenter__")):
        return None
    return kind if isinstance(func, type) else lambda: func


# -- requests and results --------------------------------------------------------------------


def tools_param(tools: Iterable[Any]) -> list[JSON]:
    """The `tools` of a request, from dicts, tools, and plain annotated functions, mixed.

    Anything else with a `to_dict()` will do too.

    Raises:
        TypeError: an entry is none of these.
        ValueError: two tools have one name.
    """
    listed_tools = [_as_dict(index, item) for index, item in enumerate(_each(tools))]
    seen: set[Any] = set()
    for entry in listed_tools:
        name = entry.get("name")
        if name is not None and name in seen:
            raise ValueError(f"two tools are called {name!r}; the model could not tell them apart")
        seen.add(name)
    return listed_tools


def tools_by_name(tools: Iterable[Any]) -> dict[str, Any]:
    """Those of `tools` that can be run here, by name; plain functions made into tools.

    Raises:
        TypeError, ValueError: as `tools_param`.
    """
    runnable = [_as_tool(index, item) for index, item in enumerate(_each(tools))]
    tools_param(runnable)
    return {item.name: item for item in runnable if not isinstance(item, Mapping)}


def _each(tools: Iterable[Any]) -> Iterable[Any]:
    given: object = tools
    if isinstance(given, (str, bytes, dict)) or not hasattr(given, "__iter__"):
        raise TypeError(f"tools must be a list of tools, got {type(tools).__name__}")
    return tools


def _as_tool(index: int, item: Any) -> Any:
    if isinstance(item, Mapping) or callable(getattr(item, "to_dict", None)):
        return cast(Any, item)
    if callable(item):
        return Tool[..., Any](item, {})
    raise TypeError(
        f"tools[{index}] must be a function, a tool made with @tool, or a dict, "
        f"got {type(item).__name__}"
    )


def _as_dict(index: int, item: Any) -> JSON:
    made = _as_tool(index, item)
    return made.to_dict() if hasattr(made, "to_dict") else dict(made)


# The blocks that a tool result may hold, by the Messages API's reference.
_BLOCKS = frozenset({"text", "image", "document", "search_result", "tool_reference"})
_MOST_OF_AN_ERROR = 4000  # characters


def tool_result(tool_use_id: str, value: Any) -> JSON:
    """The `tool_result` block for what a tool returned, or for the exception it raised.

    Text goes as it is, and so do content blocks, one or a list. Anything else that has a JSON form
    (dataclasses, pydantic models, dates too) goes as JSON text. An exception becomes an error
    result: a `ToolError` its content, any other its class and message, without traceback. Never
    raises: a value without a JSON form is an error result that says so.
    """
    is_error = isinstance(value, BaseException)
    content = _error_content(value) if is_error else _content(value)
    if content is None:
        is_error = True
        content = f"the tool returned a value of type {type(value).__name__}, which has no JSON"
    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content}
    return {**block, "is_error": True} if is_error else block


def _content(value: Any) -> Any:
    """What a tool result holds for a value; `None` if nothing can stand for it."""
    if isinstance(value, str):
        return _encodable(value)
    blocks = cast("list[Any]", value if isinstance(value, (list, tuple)) else [value])
    text = _json_of(value)
    if blocks and all(is_object(item) and item.get("type") in _BLOCKS for item in blocks):
        # Read back, so that the history is plain JSON and the tool's own no longer.
        return None if text is None else json.loads(cast("str", _json_of(blocks)))
    return text


def _json_of(value: Any) -> str | None:
    try:
        return msgspec.json.encode(value, enc_hook=_other).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    try:  # what only the standard library takes: integers beyond 64 bits, lone surrogates
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _other(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


def _error_content(error: BaseException) -> Any:
    if isinstance(error, ToolError):
        return _content(error.content)
    if isinstance(error, ToolInputError):
        return _encodable(str(error))
    name, text = type(error).__name__, str(error)
    told = f"{name}: {text}" if text else name
    cut = told[:_MOST_OF_AN_ERROR] + "…" if len(told) > _MOST_OF_AN_ERROR else told
    return _encodable(cut)


def _encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold replaced, as one bad file name must not end a run."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
