"""The wire of an asynchronous client: aiohttp, on asyncio or uvloop.

aiohttp's sessions belong to an event loop, so there is one for each loop the wire is used on; a
client may be made before any loop and outlive several.

Reading takes what aiohttp has buffered, and waits only if that is nothing. aiohttp's own clocks are
off: a read's clock is a `MovingTimer`. What wakes a waiting read, be it the clock or `abort`, is an
exception put into aiohttp's stream, so no task is ever cancelled to end a wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import os
import weakref
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp

from tailrace.core.http import Headers, Request, Response
from tailrace.procedures.wire import ConnectFailed, ConnectionLost

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
from .moving_timer import SLACK, MovingTimer
from .per_loop import PerLoop
from .proxies import Proxies
from .redirects import following, origin
from .sockets import IDLE_CONNECTION_SECONDS, made, shut
from .system import SystemTime
from .tls import Verify, check_verify, context

DEFAULT_MAX_CONNECTIONS = 1000
"""How many connections a wire has in use at once on each loop, unless told otherwise."""

READ_BUFFER = 262_144
"""How many bytes of a body are buffered before the sender is made to wait."""

_LARGE = 1_048_576  # bytes; aiohttp warns of a larger body that is not a file


class _WaitOver(Exception):  # noqa: N818 - it never leaves this module
    """A read's deadline passed."""


class _Aborted(Exception):  # noqa: N818
    """This side closed the connection."""


def _aborted(error: Exception) -> ConnectionLost:
    return ConnectionLost("the connection was closed by this side")


_OPENING: Border = (
    (aiohttp.ConnectionTimeoutError, connecting_took_too_long),
    (TimeoutError, nothing_came),
    (aiohttp.ClientConnectorError, no_connection),
    (aiohttp.ClientHttpProxyError, no_connection),
    (aiohttp.InvalidURL, impossible),
    (aiohttp.NonHttpUrlClientError, impossible),
    (aiohttp.ClientError, lost),
    (OSError, lost),
    (ValueError, impossible),
)
_READING: Border = (
    (_WaitOver, nothing_came),
    (_Aborted, _aborted),
    (aiohttp.ClientError, lost),
    (aiohttp.http.HttpProcessingError, lost),
    (OSError, lost),
)
_NOT_OPENED, _BROKEN = kinds(_OPENING), kinds(_READING)


class AiohttpIncoming:
    """One answer."""

    def __init__(
        self, response: Response, answer: aiohttp.ClientResponse, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.response = response
        self._answer = answer
        self._content = answer.content
        self._over = False
        self._aborted = False
        self._timer = MovingTimer(loop, partial(_expire, answer.content))
        self._watch = _Watch(answer)
        self._unread = weakref.finalize(self, _cut_off, os.getpid(), loop, answer)
        if answer.content.at_eof():
            self._end()

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the body; see `Incoming`. A read that is cancelled takes nothing."""
        if self._over:
            return b""
        content = self._content
        timer = self._timer
        try:
            if self._aborted:
                raise _Aborted
            # `read_nowait` would drop what had come before the connection broke.
            data = content._read_nowait(-1)
            if not data:
                timer.start(wait)
                data = await content.readany()
                if not data:
                    self._end()
        except _BROKEN as error:
            self._give_up()
            raise crossed(error, _READING) from error
        finally:
            timer.waiting = False
        return data

    async def close(self) -> None:
        """Be done with the answer; see `Incoming`."""
        self._over = True
        if self._give_up():
            await asyncio.sleep(0)  # the loop closes the socket in its next round

    def abort(self) -> None:
        """Close the connection at once; see `Incoming`."""
        self._aborted = True
        self.response.is_closed = True
        self._unread()

    def _end(self) -> None:
        """The stream ended: the body is whole, unless the connection ended it by breaking."""
        error = self._content.exception()
        if error is not None:
            raise error
        self._over = True
        self._done()

    def _give_up(self) -> bool:
        """Close the connection unless the body came in whole; whether there was one to close."""
        self._done()
        return _cut(self._answer)

    def _done(self) -> None:
        self.response.is_closed = True
        self._unread.detach()
        self._timer.cancel()
        self._watch.end()


def _expire(content: aiohttp.StreamReader) -> None:
    content.set_exception(_WaitOver())


class _Watch:
    """Sees to it that a stream hears of the end of its connection.

    aiohttp takes a reset for the proper end of a body that ends with the connection, and says
    nothing at all to the reader of a body whose chunks turn out to be malformed.
    """

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        headers = answer.headers
        self._content = answer.content
        self._open_ended = not ("content-length" in headers or "transfer-encoding" in headers)
        connection = answer.connection
        protocol = None if connection is None else connection.protocol
        self._closing = None if protocol is None else protocol.closed
        if self._closing is not None:
            self._closing.add_done_callback(self._closed)
            # asyncio complains of an exception at which nobody has looked.
            self._closing.remove_done_callback(_look)
            self._closing.add_done_callback(_look)

    def end(self) -> None:
        """Stop watching; the connection may serve many more answers."""
        if self._closing is not None:
            self._closing.remove_done_callback(self._closed)

    def _closed(self, closing: asyncio.Future[None]) -> None:
        reset = not closing.cancelled() and closing.exception() is not None
        content = self._content
        if content.exception() is None and (not content.is_eof() or (reset and self._open_ended)):
            content.set_exception(aiohttp.ClientPayloadError())


def _look(closing: asyncio.Future[None]) -> None:
    if not closing.cancelled():
        closing.exception()


def _cut(answer: aiohttp.ClientResponse) -> bool:
    """Close an answer's connection at once, on its loop; whether there was one to close."""
    connection = answer.connection
    if connection is None:  # the body came in whole, and aiohttp has the connection back
        return False
    if answer.content.exception() is None:
        answer.content.set_exception(_Aborted())
    if connection.transport is not None:
        connection.transport.abort()
    answer.close()
    return True


def _cut_off(pid: int, loop: asyncio.AbstractEventLoop, answer: aiohttp.ClientResponse) -> None:
    """Close an answer's connection at once, from any thread or finaliser."""
    if pid != os.getpid():
        return  # a forked child leaves its parent's connections alone
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop:
        _cut(answer)
        return
    try:
        loop.call_soon_threadsafe(_cut, answer)
    except RuntimeError:  # the loop is closed
        _cut_without_loop(answer)


def _cut_without_loop(answer: aiohttp.ClientResponse) -> None:
    connection = answer.connection
    if connection is None:
        return
    sock = None if connection.transport is None else connection.transport.get_extra_info("socket")
    if sock is not None:
        shut(sock)
    with contextlib.suppress(RuntimeError):
        connection.close()


class _Room:
    """What the wire has on one event loop."""

    def __init__(self, max_connections: int) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(_begin_waiting)
        tracing.on_connection_reuseconn.append(_begin_waiting)
        self.incomings: weakref.WeakSet[AiohttpIncoming] = weakref.WeakSet()
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max_connections,
                keepalive_timeout=IDLE_CONNECTION_SECONDS,
                socket_factory=made,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BUFFER,
            skip_auto_headers=("user-agent", "accept", "content-type"),
            trace_configs=[tracing],
        )


async def _close_room(room: _Room) -> None:
    for incoming in list(room.incomings):
        incoming.abort()
    await room.session.close()


async def _begin_waiting(
    session: aiohttp.ClientSession, given: SimpleNamespace, parameters: object
) -> None:
    """The connection stands: from now on the answer is waited for."""
    clock, wait = given.trace_request_ctx
    if wait is not None:
        clock.reschedule(asyncio.get_running_loop().time() + wait + SLACK)


class AiohttpWire(SystemTime):
    """A wire over aiohttp, for asynchronous clients; tasks, loops and threads may share it.

    `verify` says which certificates to trust, `proxy` is the URL of the proxy to use; without one,
    `trust_env` has the environment's used. At most `max_connections` are in use at once on a loop;
    beyond that `open` waits for one, as long as for connecting. Raises `TypeError`, `ValueError` or
    `FileNotFoundError` for settings that cannot work.
    """

    def __init__(
        self,
        *,
        verify: Verify = True,
        proxy: str | None = None,
        trust_env: bool = True,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
    ) -> None:
        check_verify(verify)
        if max_connections < 1:
            raise ValueError(f"max_connections must be at least 1, not {max_connections}")
        self._verify: Verify = verify
        self._proxies = Proxies(proxy, trust_env)
        self._closed = False
        self._rooms = PerLoop(partial(_Room, max_connections), _close_room)

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> AiohttpIncoming:
        """Send a request and return the answer once its headers are there; see `Wire`."""

        async def exchange(request: Request) -> AiohttpIncoming:
            return await self._exchange(request, connect, wait)

        return await following(exchange, request)

    async def sleep(self, seconds: float) -> None:
        """Pause for a time in seconds."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close every connection, those in use too. May be called again.

        Those on another loop are closed by that loop, soon.
        """
        self._closed = True
        await self._rooms.close()

    async def _exchange(
        self, request: Request, connect: float | None, wait: float | None
    ) -> AiohttpIncoming:
        if self._closed:
            raise ConnectFailed("the client is closed", permanent=True)
        try:
            options = self._options(request)
        except (ValueError, OSError) as error:
            raise ConnectFailed(str(error), permanent=True) from error
        room = await self._rooms.get()
        loop = asyncio.get_running_loop()
        began = loop.time()
        clock = asyncio.timeout(None)
        try:
            async with clock:
                answer = await room.session.request(
                    request.method,
                    request.url,
                    data=_body(request.content),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(
                        connect=None if connect is None else max(connect, 0.001),
                        ceil_threshold=math.inf,
                    ),
                    trace_request_ctx=(clock, wait),
                    **options,
                )
        except _NOT_OPENED as error:
            raise crossed(error, _OPENING) from error
        response = Response(
            answer.status,
            Headers(answer.headers.items()),
            request=request,
            http_version="HTTP/{}.{}".format(*(answer.version or (1, 1))),
            elapsed=loop.time() - began,
        )
        incoming = AiohttpIncoming(response, answer, loop)
        room.incomings.add(incoming)
        return incoming

    def _options(self, request: Request) -> dict[str, Any]:
        """The headers, and how to get there."""
        key = origin(request.url)
        proxy = self._proxies.proxy_for(*key)
        options: dict[str, Any] = {"headers": {"accept-encoding": "identity", **request.headers}}
        if proxy is not None:
            options["proxy"] = proxy.url
        if key[0] == "https" or (proxy is not None and proxy.scheme == "https"):
            options["ssl"] = context(self._verify)
        return options


def _body(content: bytes) -> bytes | io.BytesIO | None:
    return io.BytesIO(content) if len(content) > _LARGE else content or None
