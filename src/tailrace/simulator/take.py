"""One exchange while it is recorded: the parts of the response, each with its time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from tailrace.simulator import http
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.http_response import Part, ResponseChunk, ResponseEnd, ResponseHead
from tailrace.simulator.pieces import Piece, Response
from tailrace.simulator.tape import Chunk, Tape

# Headers about one connection, or that the recorder sets itself.
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


@dataclass
class Take:
    """What has been seen of an exchange so far. Times are in seconds, from any clock."""

    request: HttpRequest
    head: ResponseHead | None = None
    head_after: float = 0.0
    chunks: list[Chunk] = field(default_factory=list[Chunk])
    end: ResponseEnd | None = None
    end_after: float = 0.0
    _last: float = 0.0

    def started(self, now: float) -> None:
        """The request has been sent."""
        self._last = now

    def add(self, part: Part, now: float) -> None:
        """A part has arrived."""
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
        """The whole exchange, secrets and all. The response must have ended."""
        assert self.head is not None
        assert self.end is not None
        kept = [(name, value) for name, value in self.request.headers.items() if passed_on(name)]
        return Tape(
            self.request.method,
            self.request.target,
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


def passed_on(name: str) -> bool:
    """Whether a request's header goes to the upstream, and on the tape."""
    return name not in _NOT_PASSED_ON
