"""Streams for asynchronous code: an asynchronous iterator over one exchange.

The names and their order are those of `sync.streams`. No asynchronous generator is involved, so
leaving a loop early leaves nothing suspended that somebody would have to finalise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from tailrace.core.content import Message
from tailrace.core.cursor import RESTARTED, Cursor
from tailrace.core.errors import APIError
from tailrace.core.events import MessageStreamEvent, RawMessageStreamEvent
from tailrace.core.finals import (
    current_output,
    current_snapshot,
    final_message,
    final_text,
    growing_output,
    new_splitter,
)
from tailrace.core.http import Response
from tailrace.core.rate_limits import RateLimits
from tailrace.core.recovery import RecoveryPolicy
from tailrace.core.retry import Attempt
from tailrace.procedures.exchange import Exchange

if TYPE_CHECKING:
    from tailrace.core.framing import ServerSentEvent
    from tailrace.core.output import GrowingOutput

T = TypeVar("T")


class _Iterate(AsyncIterator[T]):
    """Everything `take` finds, more frames being brought whenever it finds nothing.

    With a `lane`, what that finds in a delta which comes alone is taken before it is a frame.
    """

    __slots__ = ("_cursor", "_exchange", "_lane", "_take")

    def __init__(
        self,
        exchange: Exchange,
        take: Callable[[Cursor], T | None],
        lane: Callable[[bytes], T | None] | None = None,
    ) -> None:
        self._exchange = exchange
        self._cursor = exchange.cursor
        self._take = take
        self._lane = lane

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        exchange, cursor, lane = self._exchange, self._cursor, self._lane
        while True:
            if cursor.stop_asked:
                exchange.stop()
                raise StopAsyncIteration
            if lane is None or not cursor.drained:
                try:
                    item = self._take(cursor)
                except APIError as error:
                    await exchange.recover(error)
                    continue
                if item is not None:
                    return item
            found = await exchange.awaited_frames(lane)
            if not isinstance(found, list):
                return found
            if found:
                cursor.feed(cast("list[ServerSentEvent]", found))
            elif exchange.ended:
                raise StopAsyncIteration


def _texts(exchange: Exchange) -> _Iterate[str]:
    """Every piece of text."""
    return _Iterate(exchange, Cursor.next_text, exchange.cursor.text_in)


class _Pieces(AsyncIterator[T]):
    """What `feed` makes of each text, and `end` of what is left."""

    def __init__(
        self,
        texts: AsyncIterator[str],
        feed: Callable[[str], list[T]],
        end: Callable[[], list[T]],
    ) -> None:
        self._texts = texts
        self._feed = feed
        self._end: Callable[[], list[T]] | None = end
        self._ready: deque[T] = deque()

    async def __anext__(self) -> T:
        while not self._ready:
            if self._end is None:
                raise StopAsyncIteration
            try:
                text = await anext(self._texts)
            except StopAsyncIteration:
                self._ready.extend(self._end())
                self._end = None
            else:
                self._ready.extend(self._feed(text))
        return self._ready.popleft()


class _Split(_Pieces[str]):
    """The pieces a splitter makes of the texts; joined, they are the texts."""

    def __init__(self, texts: AsyncIterator[str], splitter: str) -> None:
        self._name = splitter
        self._splitter = new_splitter(splitter)
        super().__init__(texts, self._pieces_of, lambda: self._splitter.end())

    def _pieces_of(self, text: str) -> list[str]:
        if text is RESTARTED:
            self._splitter = new_splitter(self._name)
            return [text]
        return self._splitter.feed(text)


class _AsyncStreamBase(Generic[T]):
    def __init__(self, exchange: Exchange, take: Callable[[Cursor], T | None]) -> None:
        self._exchange = exchange
        self._iterator = _Iterate(exchange, take)

    def __aiter__(self) -> AsyncIterator[T]:
        return self._iterator

    async def __anext__(self) -> T:
        return await self._iterator.__anext__()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def response(self) -> Response:
        """The head of the answer: status and headers."""
        return self._exchange.response

    @property
    def request_id(self) -> str | None:
        """The API's id of this request (the `request-id` header)."""
        return self.response.request_id

    @property
    def workspace_id(self) -> str | None:
        """The workspace that was charged (the `anthropic-workspace-id` header)."""
        return self.response.workspace_id

    @property
    def rate_limits(self) -> RateLimits:
        """What the answer's headers say of the key's rate limits."""
        return RateLimits.from_headers(self.response.headers)

    @property
    def recovery(self) -> RecoveryPolicy:
        """What is done when the reply breaks after its first content."""
        return self._exchange.recovery

    @property
    def failure(self) -> APIError | None:
        """What ended the reply before it was complete, once something has."""
        return self._exchange.failure

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The tries so far: those that failed, and the one that answered."""
        return self._exchange.attempts

    def stop(self) -> None:
        """End the reply here, without an error: the loop ends, the connection is closed, and the
        message says `stopped_by_caller`."""
        self._exchange.stop()

    def stop_when(self, predicate: Callable[[T], object]) -> Self:
        """Stop once `predicate` is true of an event, after that event has been handed on.

        In `text_stream` too the predicate sees the events. Returns the stream itself.
        """
        self._exchange.cursor.watch(predicate)
        return self

    async def close(self) -> None:
        """Close the connection at once, without reading the rest; may be called again, and from
        another task, which ends a read in progress with `StreamClosedError`."""
        await self._exchange.close()

    aclose = close


class AsyncStream(_AsyncStreamBase[RawMessageStreamEvent]):
    """The wire events of a reply, as `await messages.create(stream=True)` gives them.

    Iterating raises what `Stream` does.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange, Cursor.next_raw)


class AsyncMessageStream(_AsyncStreamBase[MessageStreamEvent]):
    """A reply as it grows: its events, its text, and the message they add up to.

    As `MessageStream`, with `async for` and `await`.
    """

    text_stream: AsyncIterator[str]
    """The pieces of text, as they come."""

    def __init__(self, exchange: Exchange, output: GrowingOutput | None = None) -> None:
        super().__init__(exchange, Cursor.next_event)
        self.text_stream = _texts(exchange)
        self._output = output

    @property
    def current_message_snapshot(self) -> Message:
        """The message as far as it was read: always the same object, brought up to date by asking.

        Raises `RuntimeError` before the first event.
        """
        return current_snapshot(self._exchange.cursor)

    async def get_final_message(self) -> Message:
        """Read to the end and return the complete message; as in `MessageStream`."""
        await self.until_done()
        return final_message(self._exchange.cursor, self._output)

    async def get_final_text(self) -> str:
        """Read to the end and return the text of all text blocks, joined."""
        return final_text(await self.get_final_message())

    async def until_done(self) -> None:
        """Read to the end."""
        async for _ in _texts(self._exchange):
            pass

    # -- text in useful pieces -----------------------------------------------------------------

    def lines(self) -> AsyncIterator[str]:
        """The text line by line, each with its line ending."""
        return _Split(self.text_stream, "Lines")

    def sentences(self) -> AsyncIterator[str]:
        """The text sentence by sentence, for speech for example, each with the space after it."""
        return _Split(self.text_stream, "Sentences")

    def paragraphs(self) -> AsyncIterator[str]:
        """The text paragraph by paragraph, each with the blank lines after it."""
        return _Split(self.text_stream, "Paragraphs")

    def markdown_blocks(self) -> AsyncIterator[str]:
        """The text as whole Markdown blocks: paragraphs, lists, tables, fenced code."""
        return _Split(self.text_stream, "MarkdownBlocks")

    # -- structured output ---------------------------------------------------------------------

    @property
    def partial_output(self) -> Any:
        """An object of the output format as far as its text was read; what is missing is `None`.

        Raises `RuntimeError` without `output_format`.
        """
        return current_output(self._exchange.cursor, self._output)

    def items(self, path: str | Sequence[str | int] = ()) -> AsyncIterator[Any]:
        """Each element of an array in the reply's JSON, the moment it is finished.

        As in `MessageStream`.
        """
        from tailrace.core.output import Items

        items = Items(path, None if self._output is None else self._output.output_type)
        return _Pieces(self.text_stream, items.feed, list)


class AsyncMessageStreamManager:
    """What `messages.stream()` returns: entering it sends the request and gives the stream.

    Each `async with` sends a new request. Errors before the first event are raised on entering.
    """

    def __init__(self, begin: Callable[[], Exchange], output_type: Any = None) -> None:
        self._begin = begin
        self._output_type = output_type
        self._stream: AsyncMessageStream | None = None

    async def __aenter__(self) -> AsyncMessageStream:
        exchange = self._begin()
        await exchange.start()
        self._stream = AsyncMessageStream(exchange, growing_output(self._output_type))
        return self._stream

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
