"""A server that plays given bytes as a response body, and sees what the client does about it.

    with StreamServer() as server:
        server.play(Play(b"data: ...", sizes=(7, 1), end="reset"))
        client = Anthropic(base_url=server.url, api_key="any")

It knows nothing of the API, so that what it plays is exactly what a test says: the bytes, how they
are cut into chunks (each chunk is sent by itself), and how the body ends. Each connection is served
by a thread of its own until the client leaves it, which is noted.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, NamedTuple, Self

End = Literal["end", "close", "half_chunk", "reset", "stall", "silent", "unframed"]
"""How a body ends.

`end`: properly, and the connection can be used again. `close`: the connection ends without the last
chunk. `half_chunk`: likewise, inside a chunk that was announced longer. `reset`: a TCP reset.
`stall`: never; nothing more comes until the client leaves. `silent`: there is no answer at all,
not even a head, until the client leaves. `unframed`: a body without chunks, which
ends with the connection, so that nothing tells a cut from an end.
"""

EVENT_STREAM = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_1"}
_OVERSTATED = 16  # bytes by which the last chunk's announced size is too large
_MISSING_LAST_CHUNK = frozenset({"close", "half_chunk", "reset", "stall"})


class Play(NamedTuple):
    """One answer. `sizes` are those of the chunks, over and over; none: all in one chunk.

    `between` is called before each piece but the first, and may wait. A `status` of 0 is no head at
    all: only the end.
    """

    body: bytes = b""
    sizes: Sequence[int] = ()
    end: End = "end"
    status: int = 200
    headers: Mapping[str, str] = EVENT_STREAM
    between: Callable[[], object] | None = None

    def packets(self) -> Iterator[bytes]:
        """What is sent, one piece at a time, from the head to the last chunk."""
        if self.end == "silent" or not self.status:
            return
        framing = "connection: close" if self.end == "unframed" else "transfer-encoding: chunked"
        fields = [f"{name}: {value}" for name, value in self.headers.items()]
        head = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", framing, *fields]
        packet = "\r\n".join([*head, "", ""]).encode()
        pieces = list(self._pieces())
        for number, piece in enumerate(pieces, 1):
            overstated = _OVERSTATED if self.end == "half_chunk" and number == len(pieces) else 0
            packet += self._framed(piece, overstated)
            if self.sizes:
                yield packet
                packet = b""
                if self.between is not None and number < len(pieces):
                    self.between()
        last = b"" if self.end in _MISSING_LAST_CHUNK or self.end == "unframed" else b"0\r\n\r\n"
        if packet + last:
            yield packet + last

    def _framed(self, piece: bytes, overstated: int) -> bytes:
        if self.end == "unframed":
            return piece
        return b"%x\r\n%b" % (len(piece) + overstated, piece) + (b"" if overstated else b"\r\n")

    def _pieces(self) -> Iterator[bytes]:
        at = 0
        for size in itertools.cycle(self.sizes or (len(self.body) or 1,)):
            if at >= len(self.body):
                return
            yield self.body[at : at + size]
            at += size


def _phrase(status: int) -> str:
    known = {entry.value: entry.phrase for entry in HTTPStatus}
    return known.get(status, "Unknown")


@dataclass
class Connection:
    """One connection: how many requests came over it, and whether the client has left it."""

    socket: socket.socket
    requests: int = 0
    left: bool = False
    ended: bool = False
    """Whether it is over, whoever ended it."""
    buffer: bytearray = field(default_factory=bytearray)

    def request(self) -> bytes | None:
        """The next request's body; `None` once the client has left."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        sizes = [line for line in head.lower().split(b"\r\n") if b"content-length:" in line]
        size = int(sizes[0].partition(b":")[2]) if sizes else 0
        while len(self.buffer) < size:
            if not self._more():
                return None
        body = bytes(self.buffer[:size])
        del self.buffer[:size]
        self.requests += 1
        return body

    def wait_for_leave(self) -> None:
        """Wait until the client closes its side."""
        while self._more():
            pass

    def _until(self, mark: bytes) -> bytes | None:
        while (at := self.buffer.find(mark)) < 0:
            if not self._more():
                return None
        head = bytes(self.buffer[:at])
        del self.buffer[: at + len(mark)]
        return head

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65_536)
        except OSError:
            data = b""
        self.buffer += data
        self.left = not data
        return bool(data)


class StreamServer:
    """The server, in threads of its own.

    `standing` answers the requests that no answer is queued for, given their bodies.
    """

    def __init__(self, standing: Callable[[bytes], Play] | None = None) -> None:
        self.connections: list[Connection] = []
        self.bodies: list[bytes] = []
        """The bodies of the requests so far."""
        self._plays: deque[Play] = deque()
        self._standing = standing
        self._changed = threading.Condition()
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def play(self, *plays: Play) -> None:
        """Queue answers, one for each request to come."""
        self._plays.extend(plays)

    @property
    def open(self) -> int:
        """How many connections the client has and holds."""
        return sum(not connection.ended for connection in self.connections)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Whether `condition()` comes true within a time; it is asked whenever anything changes."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def wait_until_left(self, connections: int = 1) -> bool:
        """Whether so many connections were left by the client, within seconds."""
        return self.wait_until(lambda: sum(one.left for one in self.connections) >= connections)

    def wait_for_requests(self, requests: int = 1) -> bool:
        """Whether so many requests came, within seconds."""
        return self.wait_until(lambda: len(self.bodies) >= requests)

    # -- running it ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._accepting = self._started(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing = True
        socket.create_connection(self._listener.getsockname()).close()  # wakes `accept`
        self._accepting.join()
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _started(self, target: Any, *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            accepted, _ = self._listener.accept()
            if self._closing:
                accepted.close()
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(accepted)
            self.connections.append(connection)
            self._threads.append(self._started(self._serve, connection))

    def _serve(self, connection: Connection) -> None:
        try:
            while (body := connection.request()) is not None:
                with self._changed:
                    self.bodies.append(body)
                    play = self._plays.popleft() if self._plays else None
                    self._changed.notify_all()
                if play is None:
                    assert self._standing, "a request came that no answer was queued for"
                    play = self._standing(body)
                if not _perform(play, connection):
                    return
        finally:
            connection.socket.close()
            with self._changed:
                connection.ended = True
                self._changed.notify_all()


def _perform(play: Play, connection: Connection) -> bool:
    """Answer; whether the connection goes on."""
    try:
        for packet in play.packets():
            connection.socket.sendall(packet)
    except OSError:
        connection.left = True
        return False
    if play.end in ("stall", "silent"):
        connection.wait_for_leave()
    if play.end == "reset":
        linger = struct.pack("ii", 1, 0)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    return play.end == "end"
