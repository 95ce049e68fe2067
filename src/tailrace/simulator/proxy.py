"""The recorder's port: requests go on to the upstream, responses come back to the client.

Each exchange has a connection of its own to the upstream. Every part of the response is noted with
its time before it is passed back, and the tape is kept before the client can know that the
exchange is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult

import msgspec

from tailrace.simulator import http
from tailrace.simulator.acts import Fate
from tailrace.simulator.api_errors import error_body
from tailrace.simulator.http import BadHttp, HttpRequest, RequestParser
from tailrace.simulator.http_response import ResponseEnd, ResponseParser
from tailrace.simulator.pieces import Response
from tailrace.simulator.player import log
from tailrace.simulator.server import reset
from tailrace.simulator.take import Take, passed_on
from tailrace.simulator.tape import Tape

_READ = 1 << 16


class Proxy:
    """The recorder's port, on the running event loop."""

    def __init__(
        self,
        upstream: SplitResult,
        keep: Callable[[Tape], None],
        verify: ssl.SSLContext | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._upstream = upstream
        self._keep = keep
        self._verify = verify
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, listening: socket.socket) -> None:
        """Accept connections on a bound socket."""
        self._server = await asyncio.start_server(self._connected, sock=listening, ssl=self._tls)

    async def shut(self, *, idle_only: bool = False) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._requests(_Client(reader), writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        except Exception:
            log.exception("the recorder gave up a connection")
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _requests(self, client: _Client, writer: asyncio.StreamWriter) -> None:
        """One request after the other, until the connection ends."""
        parser = RequestParser()
        while data := await client.read():
            for request in parser.feed(data):
                if isinstance(request, BadHttp):
                    await _say(writer, request.status, request.message)
                    return
                if not await self._exchange(request, client, writer):
                    return
            if parser.wants_continue:
                writer.write(http.CONTINUE)
                parser.wants_continue = False

    async def _exchange(
        self, request: HttpRequest, client: _Client, writer: asyncio.StreamWriter
    ) -> bool:
        """Pass one request on and its response back; whether the connection goes on."""
        port = self._upstream.port or (443 if self._verify else 80)
        try:
            upstream, sink = await asyncio.open_connection(
                self._upstream.hostname, port, ssl=self._verify
            )
        except OSError as error:
            message = f"the recorder cannot reach {self._upstream.netloc}: {error}"
            await _say(writer, 502, message)
            return False
        take = Take(request)
        gone = asyncio.ensure_future(client.left())
        try:
            sink.write(self._rewritten(request))
            take.started(asyncio.get_running_loop().time())
            ended = await self._pass_back(take, upstream, writer, gone)
        finally:
            sink.close()
            gone.cancel()
            with contextlib.suppress(OSError):
                await asyncio.gather(gone, sink.wait_closed(), return_exceptions=True)
        return ended is Fate.END and request.keep_alive

    async def _pass_back(
        self,
        take: Take,
        upstream: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gone: asyncio.Future[None],
    ) -> Fate | None:
        """The response, as it comes; how it ended, or `None` where the client left first."""
        parser = ResponseParser(bodiless=take.request.method == "HEAD")
        while True:
            reading = asyncio.ensure_future(upstream.read(_READ))
            either: list[asyncio.Future[Any]] = [reading, gone]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                return None
            try:
                data = reading.result()
                parts = parser.feed(data) if data else parser.end()
            except ConnectionResetError:
                parts = parser.end(reset=True)
            now = asyncio.get_running_loop().time()
            if not take.head and parts and isinstance(parts[0], ResponseEnd):
                await _say(writer, 502, "the upstream closed the connection without an answer")
                return None
            for part in parts:
                take.add(part, now)
            if take.end is not None:
                self._keep(take.tape())  # before the client can know that it is complete
            writer.write(b"".join(take.wire(part) for part in parts))
            if take.end is not None:
                return await _end(take.end.fate, writer)
            await writer.drain()

    def _rewritten(self, request: HttpRequest) -> bytes:
        """The request for the upstream, uncompressed and with a connection of its own."""
        path = self._upstream.path.rstrip("/") + request.target
        headers = {
            "host": self._upstream.netloc,
            **{name: value for name, value in request.headers.items() if passed_on(name)},
            "accept-encoding": "identity",
            "connection": "close",
            "content-length": str(len(request.body)),
        }
        lines = [f"{request.method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + request.body


class _Client:
    """What the client sends, with a way to notice that it leaves while nothing is expected."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._early = b""

    async def read(self) -> bytes:
        """The next bytes; none where the connection has ended."""
        early, self._early = self._early, b""
        return early or await self._reader.read(_READ)

    async def left(self) -> None:
        """Wait until the client leaves; what it sends early is kept for `read`."""
        with contextlib.suppress(OSError):
            while data := await self._reader.read(_READ):
                self._early += data


async def _say(writer: asyncio.StreamWriter, status: int, message: str) -> None:
    """An error of the recorder's own."""
    body = msgspec.json.encode(error_body("api_error", message))
    head = Response(status, {"content-type": "application/json"}, length=len(body))
    writer.write(http.encode_head(head, keep_alive=False, now=None) + body)
    await writer.drain()


async def _end(fate: Fate, writer: asyncio.StreamWriter) -> Fate:
    """Let the client's response end as the upstream's did."""
    with contextlib.suppress(OSError):
        await writer.drain()
    if fate is Fate.RESET:
        reset(writer.transport)
    elif fate is not Fate.END:
        writer.close()
    return fate
