"""The recorder: a proxy in front of an API that writes each exchange to a tape.

It passes on what it is sent and what it gets back, chunk by chunk as it arrives, and notes when.
What is written has no keys in it (`redact`). Exchanges that the client gave up are not written.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from tailrace.simulator import http, redact
from tailrace.simulator.acts import Fate
from tailrace.simulator.api_errors import error_body
from tailrace.simulator.http import BadHttp, HttpRequest, RequestParser
from tailrace.simulator.http_response import (
    Part,
    ResponseChunk,
    ResponseEnd,
    ResponseHead,
    ResponseParser,
)
from tailrace.simulator.loose import a_dict
from tailrace.simulator.pieces import Piece, Response
from tailrace.simulator.running import Service
from tailrace.simulator.server import log, reset
from tailrace.simulator.tape import Chunk, Tape, dump

API = "https://api.anthropic.com"

# Headers about one connection, or that the proxy sets itself.
_NOT_PASSED_ON = {
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
}
_READ = 1 << 16


class Recorder(Service):
    """A proxy that records: point a client at its `url`.

    `upstream` is the API's base URL. Each exchange becomes a file in `folder`, which is made if
    need be; they are numbered, after those already there. `mask` makes the contents unreadable.
    `on_tape` is called with each tape as it is written, on the recorder's thread. `verify` is the
    TLS context for the upstream, the system's if not given.
    """

    def __init__(
        self,
        upstream: str = API,
        folder: str | Path = "tapes",
        *,
        mask: bool = False,
        on_tape: Callable[[Tape], None] | None = None,
        verify: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self._upstream = _checked(upstream)
        self._folder = Path(folder)
        self._mask = mask
        self._on_tape = on_tape
        self._verify = verify
        self.tapes: list[Tape] = []

    def _make(self) -> Proxy:
        verify = self._verify
        if verify is None and self._upstream.scheme == "https":
            verify = ssl.create_default_context()
        return Proxy(self._upstream, self._keep, verify, self._tls)

    def _keep(self, tape: Tape) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{_next_number(self._folder):04d}-{_slug(tape)}.tape"
        clean = redact.clean(replace(tape, name=name), mask=self._mask)
        (self._folder / name).write_text(dump(clean), encoding="utf-8", newline="\n")
        self.tapes.append(clean)
        if self._on_tape is not None:
            self._on_tape(clean)


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
        take = _Take(request)
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
        take: _Take,
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
        path = self._upstream.path.rstrip("/") + _target(request)
        headers = {
            "host": self._upstream.netloc,
            **{name: value for name, value in request.headers.items() if _passed_on(name)},
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


@dataclass
class _Take:
    """One exchange while it is recorded."""

    request: HttpRequest
    head: ResponseHead | None = None
    head_after: float = 0.0
    chunks: list[Chunk] = field(default_factory=list[Chunk])
    end: ResponseEnd | None = None
    end_after: float = 0.0
    _last: float = 0.0

    def started(self, now: float) -> None:
        self._last = now

    def add(self, part: Part, now: float) -> None:
        after, self._last = now - self._last, now
        if isinstance(part, ResponseHead):
            self.head, self.head_after = part, after
        elif isinstance(part, ResponseChunk):
            self.chunks.append(Chunk(after, part.data))
        elif part.announced:
            self.chunks.append(Chunk(after, part.rest, part.announced))
            self.end = part
        else:
            self.end, self.end_after = part, after

    def wire(self, part: Part) -> bytes:
        """The part as it is passed back."""
        if isinstance(part, ResponseHead):
            response = Response(part.status, dict(part.headers), length=0 if part.sized else None)
            return http.encode_head(response, keep_alive=self.request.keep_alive, now=None)
        sized = self.head is not None and self.head.sized
        if isinstance(part, ResponseChunk):
            piece = Piece(0.0, part.data)
        else:
            piece = Piece(0.0, part.rest, part.fate, part.announced)
        return piece.data if sized else http.chunked(piece).data

    def tape(self) -> Tape:
        assert self.head is not None
        assert self.end is not None
        kept = [(name, value) for name, value in self.request.headers.items() if _passed_on(name)]
        return Tape(
            self.request.method,
            _target(self.request),
            self.head.status,
            tuple(kept),
            self.request.body,
            self.head.headers,
            self.head_after,
            tuple(self.chunks),
            self.end_after,
            self.end.fate,
            self.head.sized,
        )


def _checked(upstream: str) -> SplitResult:
    url = urlsplit(upstream)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"the upstream must be an http or https URL, not {upstream!r}")
    return url


def _target(request: HttpRequest) -> str:
    return request.path + (f"?{request.query}" if request.query else "")


def _passed_on(name: str) -> bool:
    return name not in _NOT_PASSED_ON


def _next_number(folder: Path) -> int:
    numbers = [re.match(r"\d+", path.name) for path in folder.glob("*.tape")]
    return max((int(found[0]) for found in numbers if found), default=0) + 1


def _slug(tape: Tape) -> str:
    """A name for the file: the model, or the end of the path."""
    model = a_dict(tape.json).get("model")
    return re.sub(r"[^A-Za-z0-9.-]+", "-", str(model or tape.path.rpartition("/")[2]))[:60]


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
