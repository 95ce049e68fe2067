"""HTTP/1.1 as a recorder needs it: the bytes of a response to its head, its chunks and its end.

Unlike a client's parser it keeps the chunk boundaries, and says exactly how a body ended that did
not end well. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.simulator.acts import Fate


@dataclass(frozen=True)
class ResponseHead:
    """The status and headers of a response; names are lower-case, in their order.

    `sized` is whether the length of its body was announced.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    sized: bool


@dataclass(frozen=True)
class ResponseChunk:
    """A chunk of the body; where no chunks are used, what arrived at once."""

    data: bytes


@dataclass(frozen=True)
class ResponseEnd:
    """The end of the body. Inside a chunk: what came of it, and the length it had announced."""

    fate: Fate
    rest: bytes = b""
    announced: int = 0


Part = ResponseHead | ResponseChunk | ResponseEnd

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class ResponseParser:
    """Bytes in, parts out. Call `feed` with what was read, `end` when the connection ends."""

    def __init__(self, *, bodiless: bool = False) -> None:
        self._buffer = bytearray()
        self._bodiless = bodiless
        self._state = "head"
        self._left = 0
        self.complete = False

    def feed(self, data: bytes) -> list[Part]:
        """Take the next bytes; return what they complete.

        Raises `ValueError` for what is no HTTP.
        """
        self._buffer += data
        parts: list[Part] = []
        while (part := self._next()) is not None:
            parts.append(part)
        return parts

    def end(self, *, reset: bool = False) -> list[Part]:
        """The connection ended."""
        if self.complete:
            return []
        self.complete = True
        if self._state == "chunk" and self._left:
            fate = Fate.RESET if reset else Fate.HALF_CHUNK
            return [ResponseEnd(fate, bytes(self._buffer[: self._left]), self._left)]
        return [ResponseEnd(Fate.RESET if reset else Fate.CLOSE)]

    def _next(self) -> Part | None:
        if self.complete:
            return None
        return {
            "head": self._head,
            "size": self._size,
            "chunk": self._chunk,
            "sized": self._sized,
            "rest": self._rest,
        }[self._state]()

    def _head(self) -> Part | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        status = int(first.split(" ")[1])
        if 100 <= status < 200:
            return self._head()
        pairs = [line.partition(":") for line in lines]
        headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
        named = dict(headers)
        sized = "content-length" in named
        if "chunked" in named.get("transfer-encoding", "").lower():
            self._state = "size"
        else:
            self._state = "sized" if sized or self._bodiless else "rest"
            self._left = 0 if self._bodiless else int(named.get("content-length", 0))
        kept = tuple((name, value) for name, value in headers if name not in _HOP_BY_HOP)
        return ResponseHead(status, kept, sized)

    def _size(self) -> Part | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        self._left = int(bytes(self._buffer[:end]).partition(b";")[0], 16)
        del self._buffer[: end + 2]
        self._state = "chunk"
        return self._chunk()

    def _chunk(self) -> Part | None:
        if len(self._buffer) < self._left + 2:
            return None
        data = bytes(self._buffer[: self._left])
        del self._buffer[: self._left + 2]
        if not self._left:
            return self._ended()
        self._state = "size"
        return ResponseChunk(data)

    def _sized(self) -> Part | None:
        if not self._left:
            return self._ended()
        if not self._buffer:
            return None
        data = bytes(self._buffer[: self._left])
        del self._buffer[: len(data)]
        self._left -= len(data)
        return ResponseChunk(data)

    def _rest(self) -> Part | None:
        """A body that lasts as long as the connection."""
        if not self._buffer:
            return None
        data = bytes(self._buffer)
        self._buffer.clear()
        return ResponseChunk(data)

    def _ended(self) -> Part:
        self.complete = True
        return ResponseEnd(Fate.END)
