"""The wires over an `httpx2` client that the user made: synchronous, asyncio, trio.

Theory of operation. The client's settings (proxies, certificates, HTTP/2, hooks, mounted
transports) are the user's; the clocks of each request are ours. `httpx2` has one read timeout for a
whole body. The synchronous wire therefore gives its connection a `read` that takes each wait as it
is asked for; the asynchronous wire has a cancel scope around each read instead.

An answer dropped unread has its connection shut down at once. Telling `httpx2`'s pool so needs
locks or an event loop, which a finaliser must not touch, so the next `open` or `close` does it.

A connection of HTTP/2 is shared by several requests: `abort` cannot shut it down, and an answer is
given up by `close` only.
"""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import anyio
import httpx2

from tailrace.core.http import Headers, Request, Response
from tailrace.procedures.wire import ConnectFailed, ConnectionLost, WireError

from .failures import (
    Border,
    connecting_took_too_long,
    crossed,
    impossible,
    kinds,
    lost,
    no_connection,
    nothing_came,
)
from .redirects import following
from .sockets import HasFileno, shut
from .system import SystemTime, monotonic

_OPENING: Border = (
    (httpx2.ConnectTimeout, connecting_took_too_long),
    (httpx2.PoolTimeout, connecting_took_too_long),
    (httpx2.TimeoutException, nothing_came),
    (httpx2.ConnectError, no_connection),
    (httpx2.ProxyError, no_connection),
    (httpx2.UnsupportedProtocol, impossible),
    (httpx2.LocalProtocolError, impossible),
    (httpx2.InvalidURL, impossible),
    (httpx2.HTTPError, lost),
    (OSError, lost),
    (ValueError, impossible),
)
_READING: Border = (
    (httpx2.TimeoutException, nothing_came),
    (TimeoutError, nothing_came),
    (httpx2.HTTPError, lost),
    (httpx2.StreamError, lost),
    (OSError, lost),
)
_NOT_OPENED, _BROKEN = kinds(_OPENING), kinds(_READING)

_ENDED = (httpx2.HTTPError, httpx2.StreamError, StopAsyncIteration, OSError)

AnyClient = TypeVar("AnyClient", httpx2.Client, httpx2.AsyncClient)

_Dropped = deque[tuple[httpx2.Response, Any]]
"""Answers nobody reads any more, with the iterators over their bodies, for the pool to be told."""


class _PerReadTimeout:
    """Gives each read the wait it was asked for.

    HTTP/2 looks at the request's timeouts for every read, HTTP/1.1 only before the first.
    """

    def __init__(self, answer: httpx2.Response, timeouts: dict[str, float | None]) -> None:
        self._timeouts = timeouts
        self._stream = _own_stream(answer)
        if self._stream is not None:
            original: Callable[..., bytes] = self._stream.read

            def read(size: int, timeout: float | None = None) -> bytes:
                return original(size, timeouts["read"])

            self._stream.read = read

    def set(self, wait: float | None) -> None:
        """The next read may take `wait` seconds."""
        self._timeouts["read"] = _positive(wait)

    def remove(self) -> None:
        """Leave the connection as it was."""
        if self._stream is not None:
            with contextlib.suppress(AttributeError):
                del self._stream.read
            self._stream = None


class _Answer:
    """What the answers of both wires have in common."""

    def __init__(
        self, response: Response, answer: httpx2.Response, chunks: Any, dropped: _Dropped
    ) -> None:
        self.response = response
        self._answer = answer
        self._chunks = chunks
        self._over = False
        self._aborted = False
        self._broken = False
        self._unread = weakref.finalize(
            self, _drop, os.getpid(), _socket_of(answer), answer, chunks, dropped
        )

    def abort(self) -> None:
        """Close the connection at once; see `Incoming`."""
        self._aborted = True
        self.response.is_closed = True
        self._unread()

    def _check(self) -> None:
        if self._aborted:
            raise ConnectionLost("the connection was closed by this side")
        if self._broken:
            raise ConnectionLost("an earlier read did not come to its end")

    def _failed(self, error: Exception) -> WireError:
        if self._aborted:
            return ConnectionLost("the connection was closed by this side")
        return crossed(error, _READING)

    def _ended(self) -> None:
        self._over = True
        self.response.is_closed = True
        self._unread.detach()


class Httpx2Incoming(_Answer):
    """One answer of a synchronous client."""

    def __init__(
        self,
        response: Response,
        answer: httpx2.Response,
        dropped: _Dropped,
        timeouts: dict[str, float | None],
    ) -> None:
        super().__init__(response, answer, answer.iter_bytes(), dropped)
        self._timeout = _PerReadTimeout(answer, timeouts)

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the body; see `Incoming`."""
        self._check()
        if self._over:
            return b""
        self._timeout.set(wait)
        try:
            data: bytes = next(self._chunks, b"")
        except _BROKEN as error:
            self._broken = True
            raise self._failed(error) from error
        except BaseException:
            self._broken = True
            raise
        self._check()
        if not data:
            self._timeout.remove()
            self._ended()
        return data

    async def close(self) -> None:
        """Be done with the answer; see `Incoming`."""
        self._timeout.remove()
        self._ended()
        _close(self._answer)


class AsyncHttpx2Incoming(_Answer):
    """One answer of an asynchronous client."""

    def __init__(self, response: Response, answer: httpx2.Response, dropped: _Dropped) -> None:
        super().__init__(response, answer, answer.aiter_bytes(), dropped)
        self._reading: anyio.CancelScope | None = None

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the body; see `Incoming`. After a cancelled read there is no other."""
        self._check()
        if self._over:
            return b""
        data = b""
        try:
            with anyio.fail_after(wait) as self._reading:
                data = await anext(self._chunks, b"")
        except _BROKEN as error:
            self._broken = True
            raise self._failed(error) from error
        except BaseException:
            self._broken = True
            raise
        finally:
            self._reading = None
        self._check()
        if not data:
            self._ended()
        return data

    async def close(self) -> None:
        """Be done with the answer; see `Incoming`. A read in another task is ended."""
        if self._reading is not None:
            # `httpx2` closes the connection when its reading is cancelled.
            self._aborted = True
            self._reading.cancel()
            self._ended()
            return
        self._ended()
        await _aclose(self._answer, self._chunks)


class _Wire(SystemTime, Generic[AnyClient]):
    """What both wires have in common."""

    def __init__(self, client: AnyClient, owned: bool) -> None:
        self._client: AnyClient = client
        self._owned = owned
        self._closed = False
        self._dropped: _Dropped = deque()

    def _build(self, request: Request, timeouts: dict[str, float | None]) -> httpx2.Request:
        if self._closed or self._client.is_closed:
            raise ConnectFailed("the client is closed", permanent=True)
        return self._client.build_request(
            request.method,
            request.url,
            headers={"accept-encoding": "identity", **request.headers},
            content=request.content or None,
            extensions={"timeout": timeouts},
        )

    def _drain(self) -> Iterator[tuple[httpx2.Response, Any]]:
        with contextlib.suppress(IndexError):
            while True:
                yield self._dropped.popleft()


class Httpx2Wire(_Wire[httpx2.Client]):
    """A wire over an `httpx2.Client`, for synchronous clients; threads may share it.

    `close` closes the client only if it is `owned`. Raises `TypeError` for anything else.
    """

    def __init__(self, client: httpx2.Client, *, owned: bool = False) -> None:
        _check_kind(client, httpx2.Client)
        super().__init__(client, owned)

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> Httpx2Incoming:
        """Send a request and return the answer once its headers are there; see `Wire`."""

        async def exchange(request: Request) -> Httpx2Incoming:
            return self._exchange(request, _timeouts(connect, wait))

        return await following(exchange, request)

    def _exchange(self, request: Request, timeouts: dict[str, float | None]) -> Httpx2Incoming:
        self._tell_pool()
        began = monotonic()
        try:
            built = self._build(request, timeouts)
            answer = self._client.send(built, stream=True, follow_redirects=False)
        except _NOT_OPENED as error:
            raise crossed(error, _OPENING) from error
        return Httpx2Incoming(_response(request, answer, began), answer, self._dropped, timeouts)

    async def sleep(self, seconds: float) -> None:
        """Pause for a time in seconds."""
        time.sleep(seconds)  # noqa: ASYNC251 - the wire blocks; see `settle`

    async def close(self) -> None:
        """Be closed; the client stays open unless it is owned. May be called again."""
        self._closed = True
        self._tell_pool()
        if self._owned:
            self._client.close()

    def _tell_pool(self) -> None:
        for answer, _ in self._drain():
            _close(answer)


class AsyncHttpx2Wire(_Wire[httpx2.AsyncClient]):
    """A wire over an `httpx2.AsyncClient`, for asynchronous clients on asyncio or trio.

    `close` closes the client only if it is `owned`. Raises `TypeError` for anything else.
    """

    def __init__(self, client: httpx2.AsyncClient, *, owned: bool = False) -> None:
        _check_kind(client, httpx2.AsyncClient)
        super().__init__(client, owned)

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> AsyncHttpx2Incoming:
        """Send a request and return the answer once its headers are there; see `Wire`."""

        async def exchange(request: Request) -> AsyncHttpx2Incoming:
            return await self._exchange(request, _timeouts(connect, wait))

        return await following(exchange, request)

    async def _exchange(
        self, request: Request, timeouts: dict[str, float | None]
    ) -> AsyncHttpx2Incoming:
        await self._tell_pool()
        began = monotonic()
        try:
            built = self._build(request, timeouts)
            answer = await self._client.send(built, stream=True, follow_redirects=False)
        except _NOT_OPENED as error:
            raise crossed(error, _OPENING) from error
        timeouts["read"] = None  # from here on each read has a cancel scope
        return AsyncHttpx2Incoming(_response(request, answer, began), answer, self._dropped)

    async def sleep(self, seconds: float) -> None:
        """Pause for a time in seconds."""
        await anyio.sleep(seconds)

    async def close(self) -> None:
        """Be closed; the client stays open unless it is owned. May be called again."""
        self._closed = True
        await self._tell_pool()
        if self._owned:
            await self._client.aclose()

    async def _tell_pool(self) -> None:
        for answer, chunks in self._drain():
            await _aclose(answer, chunks)


def _check_kind(client: object, wanted: type) -> None:
    if isinstance(client, wanted):
        return
    kind = type(client)
    hint = ""
    if isinstance(client, (httpx2.Client, httpx2.AsyncClient)):
        hint = "; synchronous clients take the one, asynchronous clients the other"
    elif kind.__module__.partition(".")[0] == "httpx":
        hint = "; httpx and httpx2 are different packages: make it with httpx2"
    raise TypeError(
        f"http_client must be an httpx2.{wanted.__name__}, "
        f"not {kind.__module__.partition('.')[0]}.{kind.__qualname__}{hint}"
    )


def _positive(wait: float | None) -> float | None:
    """A timeout for a socket, for which 0 would mean something else."""
    return None if wait is None else max(wait, 0.001)


def _timeouts(connect: float | None, wait: float | None) -> dict[str, float | None]:
    connect, wait = _positive(connect), _positive(wait)
    return {"connect": connect, "pool": connect, "write": wait, "read": wait}


def _response(request: Request, answer: httpx2.Response, began: float) -> Response:
    return Response(
        answer.status_code,
        Headers(answer.headers.multi_items()),
        request=request,
        http_version=answer.http_version,
        elapsed=monotonic() - began,
    )


def _own_stream(answer: httpx2.Response) -> Any:
    """The connection of an answer that has one to itself, else `None`."""
    is_shared = not answer.http_version.startswith("HTTP/1")
    return None if is_shared else answer.extensions.get("network_stream")


def _socket_of(answer: httpx2.Response) -> HasFileno | None:
    stream = _own_stream(answer)
    return None if stream is None else stream.get_extra_info("socket")


def _drop(
    pid: int, sock: HasFileno | None, answer: httpx2.Response, chunks: Any, dropped: _Dropped
) -> None:
    """Shut an answer's connection down, from any thread or finaliser."""
    if pid == os.getpid():
        if sock is not None:
            shut(sock)
        dropped.append((answer, chunks))


def _close(answer: httpx2.Response) -> None:
    with contextlib.suppress(httpx2.HTTPError, OSError):
        answer.close()


async def _aclose(answer: httpx2.Response, chunks: Any) -> None:
    with anyio.CancelScope(shield=True), contextlib.suppress(*_ENDED):
        await answer.aclose()
        if chunks.ag_running:  # another task reads; it wakes up to a closed answer and ends it
            return
        # httpx2 does not close the generators inside its own, of which trio complains. On a closed
        # connection that was nobody else's they end by themselves.
        while _own_stream(answer) is not None:
            await anext(chunks)
        await chunks.aclose()
