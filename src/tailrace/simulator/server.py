"""The real port: connections that read requests and play replies at their time.

Theory of operation. One `Connection` per TCP connection feeds what it reads to the pure parser and
answers one request after the other; a `Player` writes the pieces of a reply and stops with the
connection. When a reply is over, its fate is carried out once its last byte has left.

A raw asyncio protocol rather than a web framework, because the faults need the transport (resets,
half a chunk, bytes that are no HTTP), and because it is faster: 108,000 events/s to 200 clients
where aiohttp.web, composing the same events, sent 68,000 (one event a write, two cores).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import sys
from collections import deque
from collections.abc import Iterator
from typing import Protocol, cast

from tailrace.simulator.acts import Fate
from tailrace.simulator.http import CONTINUE, BadHttp, HttpRequest, RequestParser
from tailrace.simulator.pieces import Piece, UnderWay
from tailrace.simulator.player import Player, Timers
from tailrace.simulator.received import Received

_LINGER = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends a reset
_DRAIN_SECONDS = 5.0
_RESET_STEP = 0.002

CLIENT_LEFT = "client left"

# What a reply in chunks that is cut by hand still says: their end, or half of one.
_LAST_BYTES = {Fate.END: b"0\r\n\r\n", Fate.HALF_CHUNK: b"40\r\nevent: content_block"}


class Host(Protocol):
    """Who decides what the connections say."""

    def refuses(self) -> bool:
        """Whether the connection just made is to be reset."""
        ...

    def answer(
        self, request: HttpRequest | BadHttp, connection: int
    ) -> tuple[Iterator[Piece], Received]:
        """The reply to a request, as timed bytes, and the record of the request."""
        ...

    def began(self, received: Received, reply: UnderWay) -> None:
        """The reply to this request is being sent, and can be interfered with."""
        ...

    def finished(self, received: Received) -> None:
        """The reply to this request is over; `received.ended` says how."""
        ...


class Connection(asyncio.Protocol):
    """One TCP connection: requests in, replies out, in order."""

    def __init__(self, host: Host, port: Port) -> None:
        self._host = host
        self._port = port
        self._parser = RequestParser()
        self._requests: deque[HttpRequest | BadHttp] = deque()
        self._player: Player | None = None
        self._received: Received | None = None
        self._keep_alive = True
        self._unread = False
        self._ending: Fate | None = None
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.number = 0

    @property
    def idle(self) -> bool:
        """Whether no reply is under way."""
        return self._received is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast("asyncio.Transport", transport)
        self.number = self._port.add(self)
        if self._host.refuses():
            reset(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or the reply's fate was carried out."""
        self._port.remove(self)
        if self._player is not None:
            self._player.stop()
        self._finish(CLIENT_LEFT)

    def eof_received(self) -> bool:
        """A client that shut down its side has left; the transport closes."""
        return False

    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        if not self._keep_alive:
            return
        self._requests += self._parser.feed(data)
        if self._parser.wants_continue and self.idle:
            self._transport.write(CONTINUE)
            self._parser.wants_continue = False
        self._next()

    def _next(self) -> None:
        """Answer the next request, if the last one is answered."""
        if not self.idle or not self._requests or self._transport.is_closing():
            return
        request = self._requests.popleft()
        self._unread = isinstance(request, BadHttp)
        self._keep_alive = isinstance(request, HttpRequest) and request.keep_alive
        pieces, self._received = self._host.answer(request, self.number)
        self._player = Player(
            self._port.timers, self._transport, pieces, self._received, self._over
        )
        self._host.began(self._received, Interference(self, self._player))
        self._player.play()

    def cut(self, player: Player, fate: Fate) -> None:
        """End the reply that this player plays, if it still does."""
        if player is not self._player or self._received is None:
            return
        player.stop()
        if fate in _LAST_BYTES and (self._received.sized or not self._received.sent):
            fate = Fate.CLOSE
        self._transport.write(_LAST_BYTES.get(fate, b""))
        self._over(fate)

    def _over(self, fate: Fate) -> None:
        """The reply has been written; end it as its fate says, after its last byte has left."""
        self._player = None
        if fate is Fate.END:
            self._finish(fate.value)
            if self._keep_alive:
                self._port.loop.call_soon(self._next)
            elif self._unread:
                self._drain()
            else:
                self._transport.close()
            return
        self._ending = fate
        self._transport.set_write_buffer_limits(high=0)
        if not self._transport.get_write_buffer_size():
            self.resume_writing()

    def _drain(self) -> None:
        """Close after a request that was refused unread.

        Closing a socket with unread bytes sends a reset, which can overtake the answer (RFC 9112,
        9.6): so only the writing side is closed, and what still comes is read and thrown away.
        """
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._port.loop.call_later(_DRAIN_SECONDS, self._transport.abort)
        else:
            self._transport.close()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        if self._player is not None:
            self._player.pause()

    def resume_writing(self) -> None:
        """The client has caught up, or the last byte has left."""
        if self._player is not None:
            self._player.resume()
        elif self._ending is not None:
            fate, self._ending = self._ending, None
            if fate is Fate.RESET:
                self._reset()
            else:
                self._finish(fate.value)
                self._transport.close()

    def _reset(self) -> None:
        """Reset the connection once the client's machine has every byte: a reset overtakes them."""
        if self._transport.is_closing():
            return
        if _unsent(self._transport):
            self._port.loop.call_later(_RESET_STEP, self._reset)
        else:
            self._finish(Fate.RESET.value)
            reset(self._transport)

    def _finish(self, ended: str) -> None:
        received, self._received = self._received, None
        if received is not None:
            received.ended = ended
            self._host.finished(received)

    def abort(self) -> None:
        """Drop the connection, whatever it is doing."""
        self._transport.abort()


class Interference:
    """A reply under way, in somebody's hand."""

    def __init__(self, connection: Connection, player: Player) -> None:
        self._connection = connection
        self._player = player
        self.hold = player.hold
        self.go_on = player.go_on

    @property
    def held(self) -> bool:
        """Whether it was told to wait."""
        return self._player.held

    def cut(self, fate: Fate) -> None:
        """End it here."""
        self._connection.cut(self._player, fate)


class Port:
    """A listening socket and its connections, on the running event loop."""

    def __init__(self, host: Host, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._made = 0
        self._none_left = asyncio.Event()
        self._none_left.set()
        self.loop = asyncio.get_running_loop()
        self.timers = Timers(self.loop)

    async def open(self, listening: socket.socket) -> None:
        """Accept connections on a socket that is bound; it is closed by `close`."""
        self._server = await self.loop.create_server(
            lambda: Connection(self._host, self), sock=listening, ssl=self._tls, backlog=1024
        )

    async def shut(self, *, idle_only: bool = False) -> None:
        """Stop listening and drop the connections (or those that are waiting for a request)."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            if connection.idle or not idle_only:
                connection.abort()
        if not idle_only:
            await self._none_left.wait()
        await asyncio.sleep(0)

    def add(self, connection: Connection) -> int:
        """Note a connection; its number counts from 1."""
        self._connections.add(connection)
        self._none_left.clear()
        self._made += 1
        return self._made

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        if not self._connections:
            self._none_left.set()


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address; port 0 takes a free one.

    Raises `OSError` when the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio switches Nagle's algorithm off for the accepted connections;
    # without, the second reply on a connection would wait 40 ms for a delayed acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


def _unsent(transport: asyncio.Transport) -> int:
    """How many bytes of the socket the peer has not acknowledged; 0 where that is not known."""
    sock = transport.get_extra_info("socket")
    try:
        import fcntl
        import termios

        waiting = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except (ImportError, AttributeError, OSError):
        return 0
    return int.from_bytes(waiting, sys.byteorder)


def reset(transport: asyncio.WriteTransport) -> None:
    """Close with a TCP reset, as a crashed or impatient peer does."""
    with contextlib.suppress(OSError):  # the client was faster
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    transport.abort()
