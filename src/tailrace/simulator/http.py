"""HTTP/1.1 as a server needs it: bytes to requests, replies to timed bytes.

Theory of operation. The simulator's faults are faults of this layer (half a chunk, a head that
drips, no end of the body, bytes that are no HTTP at all), so it is written out here instead of
being asked of a web framework that prevents them. It is pure: the server feeds what it
reads and writes what it is given. RFC 9112 is the text; what a client of an API never sends
(trailers, upgrades, line folding) is refused or ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from tailrace.simulator.acts import Fate
from tailrace.simulator.pieces import Piece, Response, until_fate

MAX_HEAD = 64 * 1024
"""The bound on a request's head, in bytes."""

MAX_BODY = 32 * 1024 * 1024
"""The API's bound on a request's body, in bytes (32 MB)."""

_HEX = re.compile(rb"[0-9a-fA-F]{1,8}\Z")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class HttpRequest:
    """A whole request. Header names are lower-case; repeated headers are joined with ", ".

    Header values and the body are not in the `repr`: they hold keys and prompts.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)
    keep_alive: bool = True

    @property
    def target(self) -> str:
        """The path with its query, as in the request line."""
        return self.path + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True)
class BadHttp:
    """Bytes that are no request, or one too large; the connection ends after the answer.

    `head` has what could be read of it before.
    """

    status: int
    message: str
    head: HttpRequest | None = None


class RequestParser:
    """Bytes in, requests out.

    Call `feed` with what was read and answer each request in order. `wants_continue` is true while
    a client waits for "100 Continue" before it sends the body. After a `BadHttp` feed no more.
    """

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._buffer = bytearray()
        self._max_body = max_body
        self._head: HttpRequest | None = None
        self._body = bytearray()
        self._left: int | None = 0  # bytes of the body still to come; None: chunked
        self.wants_continue = False

    def feed(self, data: bytes) -> list[HttpRequest | BadHttp]:
        """Take the next bytes; return the requests they complete."""
        self._buffer += data
        done: list[HttpRequest | BadHttp] = []
        try:
            while (request := self._next()) is not None:
                done.append(request)
        except _BadError as bad:
            done.append(BadHttp(bad.status, str(bad), self._head))
        return done

    def _next(self) -> HttpRequest | None:
        if self._head is None and not self._take_head():
            return None
        if self._left is None:
            if not self._take_chunks():
                return None
        elif not self._take_body():
            return None
        head = self._head
        assert head is not None
        body, self._body, self._head = bytes(self._body), bytearray(), None
        self.wants_continue = False
        return HttpRequest(head.method, head.path, head.query, head.headers, body, head.keep_alive)

    def _take_head(self) -> bool:
        while self._buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: ignore empty lines before
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) > MAX_HEAD:
            raise _BadError(431, f"the request's head is larger than {MAX_HEAD} bytes")
        if end < 0:
            return False
        head = read_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self._head = head
        self._left = _body_length(head.headers)
        if self._left is not None and self._left > self._max_body:
            raise _BadError(413, "Request exceeds the maximum size")
        self.wants_continue = head.headers.get("expect", "").lower() == "100-continue"
        return True

    def _take_body(self) -> bool:
        assert self._left is not None
        part = self._buffer[: self._left]
        del self._buffer[: len(part)]
        self._body += part
        self._left -= len(part)
        return self._left == 0

    def _take_chunks(self) -> bool:
        """RFC 9112, 7.1. Whole chunks only: a request is not read before it is complete."""
        while (line := self._buffer.find(b"\r\n")) >= 0:
            digits = bytes(self._buffer[:line]).partition(b";")[0].strip()
            if not _HEX.match(digits):
                raise _BadError(400, "a chunk of the request has no size")
            size = int(digits, 16)
            if len(self._body) + size > self._max_body:
                raise _BadError(413, "Request exceeds the maximum size")
            if len(self._buffer) < line + size + 4:
                return False
            self._body += self._buffer[line + 2 : line + 2 + size]
            del self._buffer[: line + size + 4]
            if size == 0:
                return True
        if len(self._buffer) > MAX_HEAD:
            raise _BadError(400, "a chunk of the request has no size")
        return False


class _BadError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read_head(head: bytes) -> HttpRequest:
    """The request line and headers of a head, without its last blank line."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _BadError(400, "the request line is not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _BadError(400, "a header line is malformed")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    try:
        url = urlsplit(parts[1])
    except ValueError:
        raise _BadError(400, "the request's target is no path or URL") from None
    tokens = headers.get("connection", "").lower()
    keep = "close" not in tokens and (parts[2] != "HTTP/1.0" or "keep-alive" in tokens)
    return HttpRequest(parts[0], unquote(url.path) or "/", url.query, headers, b"", keep)


def _body_length(headers: Mapping[str, str]) -> int | None:
    """RFC 9112, 6.3: the length of a request's body in bytes; `None` if it comes in chunks."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise _BadError(400, "content-length is not a number")
    return int(text)


# -- replies ------------------------------------------------------------------------------------


def write(
    reply: Response, *, keep_alive: bool, now: float, head_only: bool = False
) -> Iterator[Piece]:
    """The reply as timed bytes, the head first; the last piece has a fate.

    `now` is the Unix time in seconds, for the `date` header. `head_only` answers a HEAD request.
    """
    if not reply.status:
        yield from reply.body
        return
    head = encode_head(reply, keep_alive=keep_alive, now=now)
    if reply.head_drip:
        gap = reply.head_after / len(head)
        yield from (Piece(gap, head[at : at + 1]) for at in range(len(head)))
    else:
        yield Piece(reply.head_after, head)
    if head_only:
        yield Piece(0.0, b"", Fate.END)
    elif reply.length is not None:
        yield from until_fate(reply.body)
    else:
        yield from (chunked(piece) for piece in until_fate(reply.body))


def encode_head(reply: Response, *, keep_alive: bool, now: float | None) -> bytes:
    """The status line and headers, with those HTTP needs for this body and connection.

    A `date` or `content-length` among the headers stays as it is; `now=None` adds no date.
    """
    headers = dict(reply.headers)
    if now is not None:
        headers.setdefault("date", formatdate(now, usegmt=True))
    if reply.length is None:
        headers["transfer-encoding"] = "chunked"
    else:
        headers.setdefault("content-length", str(reply.length))
    headers.setdefault("connection", "keep-alive" if keep_alive else "close")
    lines = [f"HTTP/1.1 {reply.status} {_reason(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def chunked(piece: Piece) -> Piece:
    """The piece as an HTTP chunk; a good end adds the last chunk, a half chunk lacks its end."""
    data = piece.data
    if piece.announced:
        return Piece(piece.after, b"%x\r\n%b" % (piece.announced, data), piece.fate)
    if data and piece.framed:
        data = b"%x\r\n%b\r\n" % (len(data), data)
    if piece.fate is Fate.END:
        data += b"0\r\n\r\n"
    return Piece(piece.after, data, piece.fate)
