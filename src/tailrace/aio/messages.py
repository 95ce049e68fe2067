"""`client.messages` for asynchronous code; names and order are those of `sync.messages`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from tailrace.core.content import Message, MessageTokensCount, ParsedMessage
from tailrace.core.given import NOT_GIVEN
from tailrace.procedures.exchange import Exchange
from tailrace.procedures.replies import read_message, read_parsed, read_tokens_count
from tailrace.procedures.session import Begin, Session

from .responses import AsyncAPIResponse, AsyncResponseManager
from .streams import AsyncMessageStreamManager, AsyncStream

if TYPE_CHECKING:
    from tailrace.procedures.tool_loop import Confirm
    from tailrace.types.calls import CountTokensParams, CreateParams

    from .tools import AsyncToolRunner

T = TypeVar("T")


class AsyncMessages:
    """The Messages API: create a message, stream it, or count its tokens.

    The parameters are the API's own (`types.calls.CreateParams`), and `extra_headers`,
    `extra_query`, `extra_body`, `betas`, `timeout`. A wrong one raises `TypeError` or `ValueError`
    before anything is sent.
    """

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    @overload
    async def create(
        self, *, stream: Literal[False] = False, timeout: Any = ..., **params: Unpack[CreateParams]
    ) -> Message: ...

    @overload
    async def create(
        self, *, stream: Literal[True], timeout: Any = ..., **params: Unpack[CreateParams]
    ) -> AsyncStream: ...

    @overload
    async def create(
        self, *, stream: bool, timeout: Any = ..., **params: Unpack[CreateParams]
    ) -> Message | AsyncStream: ...

    async def create(
        self, *, stream: bool = False, timeout: Any = NOT_GIVEN, **params: Any
    ) -> Message | AsyncStream:
        """Create a message; with `stream=True`, give its wire events as they come.

        Raises an `APIStatusError` where the API says no, an `APIConnectionError` where it cannot be
        reached; `max_retries` tries are made before that.
        """
        if stream:
            exchange = self._session().stream("create", params, timeout=timeout)()
            await exchange.start()
            return AsyncStream(exchange)
        exchange = self._session().whole("create", params, timeout=timeout)()
        return read_message(await exchange.fetch(), exchange)

    def stream(
        self,
        *,
        output_format: Any = None,
        timeout: Any = NOT_GIVEN,
        **params: Unpack[CreateParams],
    ) -> AsyncMessageStreamManager:
        """Stream a message: `async with client.messages.stream(…) as stream`.

        The parameters are checked now; the request is sent when the block is entered. With an
        `output_format` (a dataclass, TypedDict, msgspec Struct or pydantic model) the reply is JSON
        of that type: see `partial_output`, `items` and the final message's `parsed_output`.
        """
        begin = self._session().stream("stream", params, output_format, timeout=timeout)
        return AsyncMessageStreamManager(begin, output_format)

    async def parse(
        self, *, output_format: type[T], timeout: Any = NOT_GIVEN, **params: Unpack[CreateParams]
    ) -> ParsedMessage[T]:
        """Create a message whose text is JSON of the type `output_format`.

        Its `parsed_output` is the value. Raises `OutputParseError`, which has the whole message,
        where the text does not fit.
        """
        begin = self._session().whole("parse", params, output_format, timeout=timeout)
        exchange = begin()
        message = read_message(await exchange.fetch(), exchange)
        return read_parsed(message, output_format)

    async def count_tokens(
        self, *, timeout: Any = NOT_GIVEN, **params: Unpack[CountTokensParams]
    ) -> MessageTokensCount:
        """How many input tokens a message with these parameters would have."""
        exchange = self._session().count_tokens("count_tokens", params, timeout=timeout)()
        return read_tokens_count(await exchange.fetch(), exchange)

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
    ) -> AsyncToolRunner:
        """Run a loop of replies and tool calls: see `AsyncToolRunner`.

        `tools` are functions, tools made with `@tool`, or dicts for the API's own. `tool_timeout`
        bounds one call in seconds; `confirm` is asked before each; `run_tools_eagerly` starts a
        tool as soon as its call is complete while the reply still streams. The other parameters
        are those of `create`. Raises `TypeError` or `ValueError` for tools that cannot be.
        """
        from .tools import AsyncToolRunner

        return AsyncToolRunner(
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
    def with_raw_response(self) -> AsyncMessagesWithRawResponse:
        """The same calls, giving an `AsyncAPIResponse` with status and headers."""
        return AsyncMessagesWithRawResponse(self._session)

    @property
    def with_streaming_response(self) -> AsyncMessagesWithStreamingResponse:
        """The same calls in a `with`, the body not read until asked for."""
        return AsyncMessagesWithStreamingResponse(self._session)


class AsyncMessagesWithRawResponse:
    """`create` and `count_tokens`, giving an `AsyncAPIResponse`."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    async def create(
        self, *, stream: bool = False, timeout: Any = NOT_GIVEN, **params: Unpack[CreateParams]
    ) -> AsyncAPIResponse[Any]:
        """As `Messages.create`; `parse()` gives the message or the stream."""
        if stream:
            return await _streamed(self._session().stream("create", params, timeout=timeout))
        begin = self._session().whole("create", params, timeout=timeout)
        response = await _whole(begin, read_message)
        await response.read()
        return response

    async def count_tokens(
        self, *, timeout: Any = NOT_GIVEN, **params: Unpack[CountTokensParams]
    ) -> AsyncAPIResponse[MessageTokensCount]:
        """As `Messages.count_tokens`."""
        begin = self._session().count_tokens("count_tokens", params, timeout=timeout)
        response = await _whole(begin, read_tokens_count)
        await response.read()
        return response


class AsyncMessagesWithStreamingResponse:
    """`create` and `count_tokens`, giving a response to enter with `with`."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    def create(
        self, *, stream: bool = False, timeout: Any = NOT_GIVEN, **params: Unpack[CreateParams]
    ) -> AsyncResponseManager[Any]:
        """As `Messages.create`."""
        if stream:
            begin = self._session().stream("create", params, timeout=timeout)
            return AsyncResponseManager(lambda: _streamed(begin))
        begin = self._session().whole("create", params, timeout=timeout)
        return AsyncResponseManager(lambda: _whole(begin, read_message))

    def count_tokens(
        self, *, timeout: Any = NOT_GIVEN, **params: Unpack[CountTokensParams]
    ) -> AsyncResponseManager[MessageTokensCount]:
        """As `Messages.count_tokens`."""
        begin = self._session().count_tokens("count_tokens", params, timeout=timeout)
        return AsyncResponseManager(lambda: _whole(begin, read_tokens_count))


async def _streamed(begin: Begin) -> AsyncAPIResponse[AsyncStream]:
    exchange = begin()
    await exchange.start()

    async def parse() -> AsyncStream:
        return AsyncStream(exchange)

    return AsyncAPIResponse(exchange, parse)


async def _whole(begin: Begin, read: Callable[[bytes, Exchange], T]) -> AsyncAPIResponse[T]:
    exchange = begin()
    await exchange.start()

    async def parse() -> T:
        return read(await response.read(), exchange)

    response: AsyncAPIResponse[T] = AsyncAPIResponse(exchange, parse)
    return response
