"""An answer with its status, headers and bytes, for those who want more than the message.

`with_raw_response` gives one whose body was read (or, for a stream, is read by what `parse()`
returns); `with_streaming_response` one whose body is still to be read.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from tailrace.core.lines import Lines
from tailrace.procedures.exchange import Exchange
from tailrace.procedures.replies import ResponseHead

T = TypeVar("T")


class AsyncAPIResponse(ResponseHead, Generic[T]):
    """One answer. `parse()` gives what the call without this prefix would have returned."""

    def __init__(self, exchange: Exchange, parse: Callable[[], Awaitable[T]]) -> None:
        super().__init__(exchange)
        self._parse = parse
        self._body: bytes | None = None
        self._parsed: T | None = None

    async def parse(self) -> T:
        """The message, or the stream, of this answer; always the same object."""
        if self._parsed is None:
            self._parsed = await self._parse()
        return self._parsed

    async def read(self) -> bytes:
        """The whole body."""
        if self._body is None:
            self._body = await self._exchange.read_body()
        return self._body

    async def text(self) -> str:
        """The whole body as text (UTF-8)."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """The whole body as JSON. Raises `json.JSONDecodeError` where it is none."""
        return json.loads(await self.read())

    async def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes, in pieces of at most `chunk_size` bytes if given."""
        while chunk := await self._exchange.read_chunk():
            step = chunk_size or len(chunk)
            for at in range(0, len(chunk), step):
                yield chunk[at : at + step]

    async def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """The body as text as it comes."""
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        async for chunk in self.iter_bytes(chunk_size):
            yield decoder.decode(chunk)
        if rest := decoder.decode(b"", final=True):
            yield rest

    async def iter_lines(self) -> AsyncIterator[str]:
        """The body line by line, as it comes, without line endings."""
        lines = Lines()
        async for chunk in self.iter_bytes():
            for line in lines.feed(chunk):
                yield line
        for line in lines.end():
            yield line

    async def close(self) -> None:
        """Close the connection at once."""
        await self._exchange.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncResponseManager(Generic[T]):
    """What `with_streaming_response` calls return: entering it sends the request."""

    def __init__(self, begin: Callable[[], Awaitable[AsyncAPIResponse[T]]]) -> None:
        self._begin = begin
        self._response: AsyncAPIResponse[T] | None = None

    async def __aenter__(self) -> AsyncAPIResponse[T]:
        self._response = await self._begin()
        return self._response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        response, self._response = self._response, None
        if response is not None:
            await response.close()
