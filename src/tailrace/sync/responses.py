"""An answer with its status, headers and bytes, for those who want more than the message.

`with_raw_response` gives one whose body was read (or, for a stream, is read by what `parse()`
returns); `with_streaming_response` one whose body is still to be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from tailrace.core.lines import Lines
from tailrace.procedures.exchange import Exchange
from tailrace.procedures.replies import ResponseHead
from tailrace.procedures.wire import settle

T = TypeVar("T")


class APIResponse(ResponseHead, Generic[T]):
    """One answer. `parse()` gives what the call without this prefix would have returned."""

    def __init__(self, exchange: Exchange, parse: Callable[[], T]) -> None:
        super().__init__(exchange)
        self._parse = parse
        self._body: bytes | None = None
        self._parsed: T | None = None

    def parse(self) -> T:
        """The message, or the stream, of this answer; always the same object."""
        if self._parsed is None:
            self._parsed = self._parse()
        return self._parsed

    def read(self) -> bytes:
        """The whole body."""
        if self._body is None:
            self._body = settle(self._exchange.read_body())
        return self._body

    def text(self) -> str:
        """The whole body as text (UTF-8)."""
        return self.read().decode("utf-8", "replace")

    def json(self) -> Any:
        """The whole body as JSON. Raises `json.JSONDecodeError` where it is none."""
        return json.loads(self.read())

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body as it comes, in pieces of at most `chunk_size` bytes if given."""
        while chunk := settle(self._exchange.read_chunk()):
            step = chunk_size or len(chunk)
            for at in range(0, len(chunk), step):
                yield chunk[at : at + step]

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """The body as text as it comes."""
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for chunk in self.iter_bytes(chunk_size):
            yield decoder.decode(chunk)
        if rest := decoder.decode(b"", final=True):
            yield rest

    def iter_lines(self) -> Iterator[str]:
        """The body line by line, as it comes, without line endings."""
        lines = Lines()
        for chunk in self.iter_bytes():
            yield from lines.feed(chunk)
        yield from lines.end()

    def close(self) -> None:
        """Close the connection at once."""
        settle(self._exchange.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class ResponseManager(Generic[T]):
    """What `with_streaming_response` calls return: entering it sends the request."""

    def __init__(self, begin: Callable[[], APIResponse[T]]) -> None:
        self._begin = begin
        self._response: APIResponse[T] | None = None

    def __enter__(self) -> APIResponse[T]:
        self._response = self._begin()
        return self._response

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()
