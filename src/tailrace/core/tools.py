"""Tools from functions, and what the next turn sends about them.

Theory of operation. A `Tool` is a function with what the API needs to know of it: see
`tool_functions`; what goes back is in `tool_answers`. Nothing is run here but the function itself,
once `call` has checked its input; loops, threads and time are another room's.

A tool that needs something opened first is made from a context manager: a class with `__enter__`,
`__exit__` and `__call__`, or a `@contextmanager` function that yields the function, or the async
kind of either. Decorating opens nothing. Whoever runs the tool enters `tool.manager()` and goes on
with `tool.bind(what_that_gave)`, for each run anew.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import (
    Any,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from .shapes import JSON
from .tool_answers import ToolError, ToolInputError, tool_result
from .tool_functions import Spec, ToolOptions, is_generator, manager_of, name_of, spec_of

__all__ = [
    "Tool",
    "ToolError",
    "ToolInputError",
    "ToolOptions",
    "tool",
    "tool_result",
    "tools_by_name",
    "tools_param",
]

P = ParamSpec("P")
R = TypeVar("R")

_Opened = AbstractContextManager[Callable[P, R]] | AbstractAsyncContextManager[Callable[P, R]]


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
        self._manager = manager_of(func)
        if not is_generator(func) or options.get("input_schema") is not None:
            self._spec  # noqa: B018 - so that a mistake shows where the tool is defined

    @functools.cached_property
    def _spec(self) -> Spec:
        return spec_of(self._func, self._options)

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
                f"{name_of(self._func)}: entering the context manager gave {func!r}; "
                "it must give the function to call"
            )
        bound = copy.copy(self)
        bound._func, bound._manager = func, None
        if is_generator(self._func):  # what is known of the function may not be known before now
            known = self.__dict__.get("_spec")
            fresh = spec_of(func, self._options)
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
            f"{name_of(self._func)} has to be opened: use it in a tool runner, or "
            "`async with tool.manager() as func: await tool.bind(func).call(input)`"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.get('name') or name_of(self._func)}>"


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


# -- the tools of a request --------------------------------------------------------------------


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
