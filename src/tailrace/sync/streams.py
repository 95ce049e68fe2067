"""Streams for synchronous code: an iterator over one exchange.

Theory of operation. All state is in the exchange and its cursor; a stream object only drives them,
and nothing they hold refers back to it. So whatever is dropped last (the stream, or the iterator
of a `for` loop over it) takes the connection with it, at once and without the garbage collector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

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
from tailrace.procedures.wire import settle

if TYPE_CHECKING:
    from tailrace.core.output import GrowingOutput

T = TypeVar("T")


def _iterate(exchange: Exchange, take: Callable[[Cursor], T | None]) -> Iterator[T]:
    """Everything `take` finds, more frames being brought whenever it finds nothing."""
    cursor = exchange.cursor
    while True:
        if cursor.stop_asked:
            exchange.stop()
            return
        try:
            item = take(cursor)
        except APIError as error:
            settle(exchange.recover(error))
            continue
        if item is not None:
            yield item
            continue
        frames = settle(exchange.next_frames())
        if frames:
            cursor.feed(frames)
        elif exchange.ended:
            return


def _split(texts: Iterator[str], splitter: str) -> Iterator[str]:
    """The pieces a splitter makes of the texts; joined, they are the texts."""
    pieces = new_splitter(splitter)
    for text in texts:
        if text is RESTARTED:
            pieces = new_splitter(splitter)
            yield text
        yield from pieces.feed(text)
    yield from pieces.end()


class _StreamBase(Generic[T]):
    def __init__(self, exchange: Exchange, take: Callable[[Cursor], T | None]) -> None:
        self._exchange = exchange
        self._iterator = _iterate(exchange, take)

    def __iter__(self) -> Iterator[T]:
        return self._iterator

    def __next__(self) -> T:
        return next(self._iterator)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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

    def close(self) -> None:
        """Close the connection at once, without reading the rest; may be called again, and from
        another thread, which ends a read in progress with `StreamClosedError`."""
        settle(self._exchange.close())


class Stream(_StreamBase[RawMessageStreamEvent]):
    """The wire events of a reply, as `messages.create(stream=True)` gives them.

    Iterating raises `StreamTruncatedError` where the reply was cut, `APITimeoutError` where a clock
    ran out, and the class of its `error.type` for an `error` event; each carries `partial`.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange, Cursor.next_raw)


class MessageStream(_StreamBase[MessageStreamEvent]):
    """A reply as it grows: its events, its text, and the message they add up to.

    Iterating the stream, `text_stream` and the `get_final_*` methods share one place in it, so they
    can be mixed: each goes on where the other stopped. Errors are those of `Stream`.
    """

    text_stream: Iterator[str]
    """The pieces of text, as they come."""

    def __init__(self, exchange: Exchange, output: GrowingOutput | None = None) -> None:
        super().__init__(exchange, Cursor.next_event)
        self.text_stream = _iterate(exchange, Cursor.next_text)
        self._output = output

    @property
    def current_message_snapshot(self) -> Message:
        """The message as far as it was read: always the same object, brought up to date by asking.

        Raises `RuntimeError` before the first event.
        """
        return current_snapshot(self._exchange.cursor)

    def get_final_message(self) -> Message:
        """Read to the end and return the complete message.

        Raises what iterating would; never returns a message that was cut. `StreamClosedError` if
        the stream was closed before its end.
        """
        self.until_done()
        return final_message(self._exchange.cursor, self._output)

    def get_final_text(self) -> str:
        """Read to the end and return the text of all text blocks, joined.

        Raises `RuntimeError` if the reply has no text block, else as `get_final_message`.
        """
        return final_text(self.get_final_message())

    def until_done(self) -> None:
        """Read to the end."""
        for _ in _iterate(self._exchange, Cursor.next_text):
            pass

    # -- text in useful pieces -----------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """The text line by line, each with its line ending."""
        return _split(self.text_stream, "Lines")

    def sentences(self) -> Iterator[str]:
        """The text sentence by sentence, for speech for example, each with the space after it."""
        return _split(self.text_stream, "Sentences")

    def paragraphs(self) -> Iterator[str]:
        """The text paragraph by paragraph, each with the blank lines after it."""
        return _split(self.text_stream, "Paragraphs")

    def markdown_blocks(self) -> Iterator[str]:
        """The text as whole Markdown blocks: paragraphs, lists, tables, fenced code."""
        return _split(self.text_stream, "MarkdownBlocks")

    # -- structured output ---------------------------------------------------------------------

    @property
    def partial_output(self) -> Any:
        """An object of the output format as far as its text was read; what is missing is `None`.

        Raises `RuntimeError` without `output_format`.
        """
        return current_output(self._exchange.cursor, self._output)

    def items(self, path: str | Sequence[str | int] = ()) -> Iterator[Any]:
        """Each element of an array in the reply's JSON, the moment it is finished.

        `path` leads to the array, as `"people"`, `"report.people"` or `("report", "people")`.
        Elements are of their type in the output format, or plain JSON without one. Where the reply
        is restarted they begin anew. Raises `OutputParseError` for one that does not fit.
        """
        from tailrace.core.output import Items

        items = Items(path, None if self._output is None else self._output.output_type)
        for text in self.text_stream:
            yield from items.feed(text)


class MessageStreamManager:
    """What `messages.stream()` returns: entering it sends the request and gives the stream.

    Each `with` sends a new request. Errors before the first event are raised on entering.
    """

    def __init__(self, begin: Callable[[], Exchange], output_type: Any = None) -> None:
        self._begin = begin
        self._output_type = output_type
        self._stream: MessageStream | None = None

    def __enter__(self) -> MessageStream:
        exchange = self._begin()
        settle(exchange.start())
        self._stream = MessageStream(exchange, growing_output(self._output_type))
        return self._stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
