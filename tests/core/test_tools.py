"""Tools from functions: what is sent, what is checked, what goes back."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import enum
import functools
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from tailrace.core.tools import (
    Tool,
    ToolInputError,
    tool,
    tools_by_name,
    tools_param,
)
from tailrace.core.view import View


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclasses.dataclass
class Place:
    """A place.

    Attributes:
        city: Its city.
    """

    city: str
    country: str = "DE"


class Span(TypedDict):
    start: datetime.date
    days: Annotated[int, msgspec.Meta(ge=1, le=10)]


class Options(msgspec.Struct):
    verbose: bool = False


class Query(pydantic.BaseModel):
    text: str


def get_weather(city: str, days: int = 3, unit: Literal["c", "f"] = "c") -> str:
    """Get the weather.

    For some days.

    Args:
        city: The city,
            in full.
        days (int, optional): How many.

    Returns:
        The weather.
    """
    return f"{city} {days} {unit}"


WEATHER = {
    "name": "get_weather",
    "description": "Get the weather.\n\nFor some days.",
    "input_schema": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The city, in full."},
            "days": {"type": "integer", "description": "How many.", "default": 3},
            "unit": {"enum": ["c", "f"], "default": "c"},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
}


def test_a_tool_is_made_of_signature_and_docstring() -> None:
    made = tool(get_weather)
    assert made.to_dict() == WEATHER
    assert (made.name, made.description) == ("get_weather", WEATHER["description"])
    assert made.input_schema == WEATHER["input_schema"]
    assert made.func is get_weather
    assert made.timeout is None
    assert repr(made) == "<Tool get_weather>"


def test_called_it_is_the_plain_function() -> None:
    assert tool(get_weather)("Rome", unit="f") == "Rome 3 f"


def test_options_are_sent_as_they_are() -> None:
    made = tool(
        name="weather",
        description="Weather!",
        strict=False,
        cache_control={"type": "ephemeral"},
        eager_input_streaming=True,
        defer_loading=True,
        allowed_callers=["direct"],
        input_examples=iter([{"city": "Rome"}]),
        timeout=2.5,
    )(get_weather)
    sent = {
        **WEATHER,
        "name": "weather",
        "description": "Weather!",
        "strict": False,
        "cache_control": {"type": "ephemeral"},
        "eager_input_streaming": True,
        "defer_loading": True,
        "allowed_callers": ["direct"],
        "input_examples": [{"city": "Rome"}],
    }
    assert made.to_dict() == sent
    assert made.to_dict() == sent
    assert made.timeout == 2.5


def test_a_strict_tool_has_a_strict_schema() -> None:
    def book(span: Span) -> None: ...

    days = tool(strict=True)(book).input_schema["$defs"]["Span"]["properties"]["days"]
    assert days == {"type": "integer", "description": "Constraints: minimum 1; maximum 10."}


def test_a_given_schema_is_sent_as_it_is() -> None:
    schema = {"type": "object", "properties": {"city": {"minLength": 1}}, "x": 1}
    assert tool(input_schema=schema, strict=True)(get_weather).input_schema == schema
    assert tool(input_schema=Place)(get_weather).input_schema["required"] == ["city"]


def test_no_description_is_not_sent() -> None:
    def bare(a: int) -> int:
        return a

    assert "description" not in tool(bare).to_dict()
    assert "description" not in tool(functools.partial(bare)).to_dict()
    assert tool(Adder()).description == "An adder."
    assert tool(description="")(get_weather).description == ""


def every_kind(
    place: Place,
    spans: list[Span],
    options: Options | None,
    query: Query,
    unit: Unit = Unit.CELSIUS,
    when: datetime.datetime | None = None,
    extra: dict[str, float] = {},  # noqa: B006
    anything=None,  # type: ignore[no-untyped-def]
) -> None: ...


def test_every_kind_of_parameter() -> None:
    schema = tool(every_kind).input_schema
    properties = schema["properties"]
    assert properties["place"] == {"$ref": "#/$defs/Place"}
    assert properties["spans"] == {"type": "array", "items": {"$ref": "#/$defs/Span"}}
    assert properties["options"] == {"anyOf": [{"$ref": "#/$defs/Options"}, {"type": "null"}]}
    assert properties["query"] == {"$ref": "#/$defs/Query"}
    assert properties["unit"] == {"enum": ["c", "f"], "default": "c"}
    assert properties["extra"]["additionalProperties"] == {"type": "number"}
    assert properties["anything"] == {"default": None}
    assert schema["required"] == ["place", "spans", "options", "query"]
    assert schema["$defs"]["Place"]["properties"]["city"]["description"] == "Its city."


class Anything:
    pass


@pytest.mark.parametrize(
    ("func", "options", "error", "message"),
    [
        (lambda *rest: None, {"name": "f"}, TypeError, r"f: \*rest cannot be told to the model"),
        (lambda: None, {}, ValueError, "'<lambda>' cannot be a tool's name"),
        (get_weather, {"name": "wetter für"}, ValueError, "cannot be a tool's name"),
        (get_weather, {"name": "x" * 129}, ValueError, "at most 128"),
        (get_weather, {"input_schema": {"type": "string"}}, TypeError, "must be that of an object"),
        (get_weather, {"input_schema": list[int]}, TypeError, "must be that of an object"),
        (get_weather, {"nane": "x"}, TypeError, "does not know the option nane"),
    ],
)
def test_what_cannot_be_a_tool_says_so(
    func: Callable[..., Any], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tool(func, **options)


def test_a_parameter_without_json_is_named() -> None:
    def ask(what: Anything) -> None: ...

    with pytest.raises(TypeError, match="ask: `what`: there is no JSON schema for Anything"):
        tool(ask)
    schema = {"type": "object", "properties": {"what": {}}}
    assert tool(ask, input_schema=schema).call({"what": 1}) is None


def test_call_checks_and_calls() -> None:
    made = tool(get_weather)
    assert made.call({"city": "Rome", "days": 2}) == "Rome 2 c"
    assert made.call(View({"city": "Rome"})) == "Rome 3 c"


def test_arguments_are_typed() -> None:
    got: dict[str, Any] = {}

    def keep(place: Place, span: Span, options: Options, query: Query, unit: Unit) -> None:
        got.update(locals())

    tool(keep).call(
        {
            "place": {"city": "Rome"},
            "span": {"start": "2026-01-31", "days": 2},
            "options": {},
            "query": {"text": "a"},
            "unit": "f",
        }
    )
    del got["got"]
    assert got == {
        "place": Place("Rome"),
        "span": {"start": datetime.date(2026, 1, 31), "days": 2},
        "options": Options(),
        "query": Query(text="a"),
        "unit": Unit.FAHRENHEIT,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "get_weather: `city` is required"),
        (
            {"days": "two"},
            'get_weather: `city` is required; `days` must be an integer, got the string "two"',
        ),
        (
            {"citty": "Rome", "unit": "k"},
            'get_weather: `city` is required; `unit` must be one of "c", "f", got the string "k"; '
            "`citty` is unknown (did you mean `city`?)",
        ),
        ([1], "get_weather: the value must be an object with arguments, got an array of 1"),
        (None, "get_weather: the value must be an object with arguments, got null"),
    ],
)
def test_a_wrong_input_says_all_that_is_wrong(given: Any, message: str) -> None:
    with pytest.raises(ToolInputError) as caught:
        tool(get_weather).call(given)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_nothing_runs_on_a_wrong_input() -> None:
    ran: list[int] = []
    with pytest.raises(ToolInputError):
        tool(ran.append, name="append", input_schema={"type": "object"}).call({"no": 1})
    assert ran == []


def test_positional_only_and_free_parameters() -> None:
    def mixed(a: int, b: int = 2, /, c: int = 3, **rest: Any) -> list[Any]:
        return [a, b, c, rest]

    made = tool(mixed)
    assert made.input_schema["additionalProperties"] is True
    assert made.call({"a": 1, "c": 4, "d": 5}) == [1, 2, 4, {"d": 5}]


def test_pydantic_fields_as_defaults() -> None:
    def search(
        text: str = pydantic.Field(description="what", min_length=2),
        most: int = pydantic.Field(5, ge=1),
        tags: list[str] = pydantic.Field(default_factory=list),  # noqa: B008
    ) -> list[Any]:
        return [text, most, tags]

    made = tool(search)
    assert made.input_schema["required"] == ["text"]
    assert made.input_schema["properties"] == {
        "text": {"type": "string", "minLength": 2, "description": "what"},
        "most": {"type": "integer", "minimum": 1, "default": 5},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    assert made.call({"text": "ab"}) == ["ab", 5, []]
    with pytest.raises(ToolInputError, match="`most` must be an integer at least 1, got 0"):
        made.call({"text": "ab", "most": 0})


async def slow(a: int) -> int:
    """Add one."""
    return a + 1


class Adder:
    """An adder."""

    def __call__(self, a: int) -> int:
        return a + 1

    def method(self, a: int) -> int:
        """Add one."""
        return a + 1


class AsyncCallable:
    async def __call__(self, a: int) -> int:
        return a + 1


@functools.wraps(slow)
async def wrapped(*args: Any, **kwargs: Any) -> int:
    return await slow(*args, **kwargs)


SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("func", "name", "is_async"),
    [
        (slow, "slow", True),
        (wrapped, "slow", True),
        (Adder(), "Adder", False),
        (Adder().method, "method", False),
        (AsyncCallable(), "AsyncCallable", True),
        (functools.partial(Adder().method), "method", False),
    ],
)
def test_what_can_be_called_can_be_a_tool(func: Any, name: str, is_async: bool) -> None:
    made = tool(func)
    assert (made.name, made.is_async, made.input_schema) == (name, is_async, SCHEMA)
    result = made.call({"a": 1})
    assert (asyncio.run(result) if is_async else result) == 2


def test_an_async_tool_checks_before_it_gives_a_coroutine() -> None:
    with pytest.raises(ToolInputError):
        tool(slow).call({"a": "1"})


LOG: list[str] = []


class Database:
    """A database."""

    def __enter__(self) -> Database:
        LOG.append("open")
        return self

    def __exit__(self, *exc: object) -> None:
        LOG.append("close")

    def __call__(self, a: int) -> str:
        """Ask it.

        :param a: what
        """
        LOG.append("ask")
        return f"row {a}"


class AsyncDatabase:
    async def __aenter__(self) -> AsyncDatabase:
        LOG.append("open")
        return self

    async def __aexit__(self, *exc: object) -> None:
        LOG.append("close")

    async def __call__(self, a: int) -> str:
        LOG.append("ask")
        return f"row {a}"


@contextlib.contextmanager
def database() -> Iterator[Callable[[int], str]]:
    """Open it."""
    with Database() as opened:

        def ask(a: int) -> str:
            """Ask it."""
            return opened(a)

        yield ask


@contextlib.asynccontextmanager
async def async_database() -> AsyncIterator[Any]:
    """Open it."""
    async with AsyncDatabase() as opened:

        async def ask(a: int) -> str:
            return await opened(a)

        yield ask


@pytest.fixture(autouse=True)
def _clean_log() -> None:
    LOG.clear()


def test_a_plain_tool_has_no_manager() -> None:
    assert tool(get_weather).manager is None


@pytest.mark.parametrize("factory", [Database, Database(), database])
def test_a_tool_is_opened_for_a_call_or_for_many(factory: Any) -> None:
    made: Tool[..., str] = tool(factory, name="db")
    assert LOG == []
    assert made.input_schema["properties"]["a"]["type"] == "integer"
    LOG.clear()
    assert made.call({"a": 1}) == "row 1"
    assert LOG == ["open", "ask", "close"]
    LOG.clear()
    assert made.manager is not None
    with made.manager() as func:  # type: ignore[union-attr]
        bound = made.bind(func)
        assert [bound.call({"a": 1}), bound.call({"a": 2}), bound(3)] == ["row 1", "row 2", "row 3"]
        assert bound.to_dict() == made.to_dict()
        assert bound.manager is None
    assert made(4) == "row 4"
    assert LOG == ["open", "ask", "ask", "ask", "close", "open", "ask", "close"]


def test_what_a_class_tells_of_itself() -> None:
    made = tool(Database)
    assert (made.name, made.description) == ("Database", "A database.")
    assert made.input_schema["properties"]["a"]["description"] == "what"


def test_a_class_without_a_docstring_is_told_by_its_call() -> None:
    class Silent(Database):
        pass

    assert tool(Silent).description == "Ask it."


def test_what_is_told_of_an_opened_function() -> None:
    made = tool(database)
    assert (made.name, made.description) == ("ask", "Ask it.")
    assert LOG == ["open", "close"]  # once, to look at the function it gives


def test_a_given_schema_needs_no_look() -> None:
    made = tool(database, input_schema=SCHEMA)
    assert (made.to_dict(), LOG) == (
        {"name": "database", "description": "Open it.", "input_schema": SCHEMA},
        [],
    )
    assert made.call({"a": 1}) == "row 1"
    with pytest.raises(ToolInputError, match="database: `a` must be an integer"):
        made.call({"a": "x"})


@pytest.mark.parametrize("factory", [AsyncDatabase, AsyncDatabase(), async_database])
def test_an_async_tool_is_opened_by_its_runner(factory: Any) -> None:
    made: Tool[..., Any] = tool(factory, name="db", input_schema=SCHEMA)
    assert made.is_async

    async def run() -> str:
        assert made.manager is not None
        async with made.manager() as func:  # type: ignore[union-attr]
            return str(await made.bind(func).call({"a": 1}))

    assert asyncio.run(run()) == "row 1"
    assert LOG == ["open", "ask", "close"]
    with pytest.raises(RuntimeError, match="has to be opened"):
        made.call({"a": 1})
    with pytest.raises(RuntimeError, match="has to be opened"):
        made(1)


def test_an_async_factory_needs_a_schema() -> None:
    with pytest.raises(TypeError, match="give the tool an input_schema="):
        tool(async_database).to_dict()


def test_only_a_function_can_be_bound() -> None:
    with pytest.raises(TypeError, match="must give the function to call"):
        tool(Database).bind(None)  # type: ignore[arg-type]


class Foreign:
    """A tool of some other making."""

    def to_dict(self) -> dict[str, Any]:
        return {"name": "foreign"}


def test_tools_may_be_mixed() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    mixed = [
        search,
        tool(slow),
        get_weather,
        Foreign(),
        View(search | {"name": "x"}),
    ]
    assert [entry["name"] for entry in tools_param(mixed)] == [
        "web_search",
        "slow",
        "get_weather",
        "foreign",
        "x",
    ]
    assert tools_param(mixed)[0] == search
    assert tools_param([]) == []


def test_those_that_run_here_are_found_by_name() -> None:
    made = tool(slow)
    found = tools_by_name([{"name": "x"}, made, get_weather])
    assert found.keys() == {"slow", "get_weather"}
    assert found["slow"] is made
    assert found["get_weather"].call({"city": "Rome"}) == "Rome 3 c"


@pytest.mark.parametrize("function", [tools_param, tools_by_name])
@pytest.mark.parametrize(
    ("tools", "error", "message"),
    [
        ([get_weather, {"name": "get_weather"}], ValueError, "two tools are called 'get_weather'"),
        ([get_weather, 3], TypeError, r"tools\[1\] must be a function, a tool .* got int"),
        ({"name": "x"}, TypeError, "must be a list of tools, got dict"),
        ("x", TypeError, "must be a list of tools, got str"),
        (get_weather, TypeError, "must be a list of tools, got function"),
    ],
)
def test_wrong_tools_are_told(
    function: Callable[[Any], Any], tools: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(tools)
