"""`client.messages` for synchronous code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from tailrace.core.content import Message, MessageTokensCount, ParsedMessage
from tailrace.core.given import NOT_GIVEN
from tailrace.procedures.exchange import Exchange
from tailrace.procedures.replies import read_message, read_parsed, read_tokens_count
from tailrace.procedures.session import Begin, Session
from tailrace.procedures.wire import settle

from .responses import APIResponse, ResponseManager
from .streams import MessageStreamManager, Stream

if TYPE_CHECKING:
    from tailrace.procedures.tool_loop import Confirm
    from tailrace.types.calls import CountTokensParams, CreateParams

    from .tools import ToolRunner

T = TypeVar("T")


class Messages:
    """The Messages API: create a message, stream it, or count its tokens.

    The parameters are the API's own (`types.calls.CreateParams`), and `extra_headers`,
    `extra_query`, `extra_body`, `betas`, `timeout`. A wrong one raises `TypeError` or `ValueError`
    before anything is sent.
    """

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    @overload
    def create(
        self, *, stream: Literal[False] = False, timeout: Any = ..., **params: Unpack[CreateParams]
    ) -> Message: ...

    @overload
    def create(
        self, *, stream: Literal[True], timeout: Any = ..., **params: Unpack[CreateParams]
    ) -> Stream: ...

    @overload
    def create(
        self, *, stream: bool, timeout: Any = ..., **params: Unpack[CreateParams]
    ) -> Message | Stream: ...

    def create(
        self, *, stream: bool = False, timeout: Any = NOT_GIVEN, **params: Any
    ) -> Message | Stream:
        """Create a message; with `stream=True`, give its wire events as they come.

        Raises an `APIStatusError` where the API says no, an `APIConnectionError` where it cannot be
        reached; `max_retries` tries are made before that.
        """
        if stream:
            exchange = self._session().stream("create", params, timeout=timeout)()
            settle(exchange.start())
            return Stream(exchange)
        exchange = self._session().whole("create", params, timeout=timeout)()
        return read_message(settle(exchange.fetch()), exchange)

    def stream(
        self,
        *,
        output_format: Any = None,
        timeout: Any = NOT_GIVEN,
        **params: Unpack[CreateParams],
    ) -> MessageStreamManager:
        """Stream a message: `with client.messages.stream(…) as stream`.

        The parameters are checked now; the request is sent when the block is entered. With an
        `output_format` (a dataclass, TypedDict, msgspec Struct or pydantic model) the reply is JSON
        of that type: see `partial_output`, `items` and the final message's `parsed_output`.
        """
        begin = self._session().stream("stream", params, output_format, timeout=timeout)
        return MessageStreamManager(begin, output_format)

    def parse(
        self, *, output_format: type[T], timeout: Any = NOT_GIVEN, **params: Unpack[CreateParams]
    ) -> ParsedMessage[T]:
        """Create a message whose text is JSON of the type `output_format`.

        Its `parsed_output` is the value. Raises `OutputParseError`, which has the whole message,
        where the text does not fit.
        """
        begin = self._session().whole("parse", params, output_format, timeout=timeout)
        exchange = begin()
        message = read_message(settle(exchange.fetch()), exchange)
        return read_parsed(message, output_format)

    def count_tokens(
        self, *, timeout: Any = NOT_GIVEN, **params: Unpack[CountTokensParams]
    ) -> MessageTokensCount:
        """How many input tokens a message with these parameters would have."""
        exchange = self._session().count_tokens("count_tokens", params, timeout=timeout)()
        return read_tokens_count(settle(exchange.fetch()), exchange)

    def tool_runner(
        self,
        *,
        tools: Iterable[Any],
        stream: bool = False,
        max_iterations: int | None = None,
        max_parallel_tools: int = 8,
        tool_timeout: float | None = None,
        confirm: Confirm | None = None,
        run_tools_eagerly: bool = False,
        timeout: Any = NOT_GIVEN,
        **params: Any,
    ) -> ToolRunner:
        """Run a loop of replies and tool calls: see `ToolRunner`.

        `tools` are functions, tools made with `@tool`, or dicts for the API's own. `tool_timeout`
        bounds one call in seconds; `confirm` is asked before each; `run_tools_eagerly` starts a
        tool as soon as its call is complete while the reply still streams. The other parameters
        are those of `create`. Raises `TypeError` or `ValueError` for tools that cannot be.
        """
        from .tools import ToolRunner

        return ToolRunner(
            self._session(),
            params,
            tools=tools,
            stream=stream,
            timeout=timeout,
            max_iterations=max_iterations,
            max_parallel_tools=max_parallel_tools,
            tool_timeout=tool_timeout,
            confirm=confirm,
            run_tools_eagerly=run_tools_eagerly,
        )

    @property
    def with_raw_response(self) -> MessagesWithRawResponse:
        """The same calls, giving an `APIResponse` with status and headers."""
        return MessagesWithRawResponse(self._session)

    @property
    def with_streaming_response(self) -> MessagesWithStreamingResponse:
        """The same calls in a `with`, the body not read until asked for."""
        return MessagesWithStreamingResponse(self._session)


class MessagesWithRawResponse:
    """`create` and `count_tokens`, giving an `APIResponse`."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    def create(
        self, *, stream: bool = False, timeout: Any = NOT_GIVEN, **params: Unpack[CreateParams]
    ) -> APIResponse[Any]:
        """As `Messages.create`; `parse()` gives the message or the stream."""
        if stream:
            return _streamed(self._session().stream("create", params, timeout=timeout))
        response = _whole(self._session().whole("create", params, timeout=timeout), read_message)
        response.read()
        return response

    def count_tokens(
        self, *, timeout: Any = NOT_GIVEN, **params: Unpack[CountTokensParams]
    ) -> APIResponse[MessageTokensCount]:
        """As `Messages.count_tokens`."""
        begin = self._session().count_tokens("count_tokens", params, timeout=timeout)
        response = _whole(begin, read_tokens_count)
        response.read()
        return response


class MessagesWithStreamingResponse:
    """`create` and `count_tokens`, giving a response to enter with `with`."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    def create(
        self, *, stream: bool = False, timeout: Any = NOT_GIVEN, **params: Unpack[CreateParams]
    ) -> ResponseManager[Any]:
        """As `Messages.create`."""
        if stream:
            begin = self._session().stream("create", params, timeout=timeout)
            return ResponseManager(lambda: _streamed(begin))
        begin = self._session().whole("create", params, timeout=timeout)
        return ResponseManager(lambda: _whole(begin, read_message))

    def count_tokens(
        self, *, timeout: Any = NOT_GIVEN, **params: Unpack[CountTokensParams]
    ) -> ResponseManager[MessageTokensCount]:
        """As `Messages.count_tokens`."""
        begin = self._session().count_tokens("count_tokens", params, timeout=timeout)
        return ResponseManager(lambda: _whole(begin, read_tokens_count))


def _streamed(begin: Begin) -> APIResponse[Stream]:
    exchange = begin()
    settle(exchange.start())
    return APIResponse(exchange, lambda: Stream(exchange))


def _whole(begin: Begin, read: Callable[[bytes, Exchange], T]) -> APIResponse[T]:
    exchange = begin()
    settle(exchange.start())
    response: APIResponse[T] = APIResponse(exchange, lambda: read(response.read(), exchange))
    return response
