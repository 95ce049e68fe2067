"""The floor: bytes are read and counted, and nothing is made of them.

`http.client` for threads, a bare protocol for asyncio. The bytes of a reply are given to `took` as
they come; the end is known by the last HTTP chunk. Less than this cannot be done in Python.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from benchmarks.contestants import QUESTION
from benchmarks.replies import END

Took = Callable[[bytes], object]


def body_of(ask: list[Any]) -> bytes:
    """A request's body."""
    return msgspec.json.encode(
        {"model": "claude-haiku-4-5", "max_tokens": 1024, "messages": ask, "stream": True}
    )


@cache
def trusting() -> ssl.SSLContext:
    """The certificates of the system, read once: that takes longer than all the rest."""
    return ssl.create_default_context()


class Sync:
    """A connection of `http.client`."""

    def __init__(self, url: str, streams: int = 1) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._path = parts.path + "/v1/messages"
        if parts.scheme == "https":
            context = trusting()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port)

    def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The bytes, as they come."""
        headers = {"content-type": "application/json", "x-api-key": "x"}
        self._connection.request("POST", self._path, body_of(ask), headers)
        response = self._connection.getresponse()
        while data := response.read1(65536):
            took(data)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Connection(asyncio.Protocol):
    """One connection; `reply` is done when the last chunk has come."""

    def __init__(self) -> None:
        self.took: Took = len
        self._reply: asyncio.Future[None] | None = None
        self._end = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def ask(self, request: bytes, took: Took) -> asyncio.Future[None]:
        """Send a request."""
        self.took = took
        self.transport.write(request)
        self._reply = asyncio.get_running_loop().create_future()
        return self._reply

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._reply is not None:
            self._reply.set_exception(exc or ConnectionError("the reply was cut"))

    def data_received(self, data: bytes) -> None:
        """Some bytes of the reply, with HTTP's around them."""
        self.took(data)
        end = data[-5:] if len(data) >= 5 else (self._end + data)[-5:]
        self._end = end
        if end == END and self._reply is not None:
            self._reply.set_result(None)
            self._reply = None


class Async:
    """Connections of a bare protocol, each used again when its reply is over."""

    protocol = Connection

    def __init__(self, url: str, streams: int = 1) -> None:
        self._url = urlsplit(url)
        self._host, self._port = self._url.hostname or "", self._url.port or 0
        self._idle: list[Connection] = []
        self._tls = trusting() if self._url.scheme == "https" else None

    async def text(self, took: Took, ask: list[Any] = QUESTION) -> None:
        """The bytes, as they come."""
        body = body_of(ask)
        head = (
            f"POST {self._url.path}/v1/messages HTTP/1.1\r\nhost: {self._url.netloc}\r\n"
            f"content-type: application/json\r\nx-api-key: x\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        connection = self._idle.pop() if self._idle else await self._connect()
        await connection.ask(head.encode() + body, took)
        self._idle.append(connection)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            self.protocol, self._host, self._port, ssl=self._tls
        )
        return connection

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._idle:
            connection.transport.close()
