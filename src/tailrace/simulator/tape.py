r"""Tapes: one exchange with an API as text that people can read in a diff.

    tailrace tape 1
    > POST /v1/messages
    > anthropic-version: 2023-06-01
    > x-api-key: [redacted]
    {
      "model": "claude-sonnet-5-5",
      ...
    }
    < 200
    < content-type: text/event-stream; charset=utf-8
    @ 0.4127                        the head came 0.4127 s after the request was sent
    + 0.0008                        the first chunk of the body, 0.0008 s after the head
    | event: message_start
    | data: {"type":"message_start", ...}
    |
    + 0.0310                        the next one
    ...
    = 0.0002 end                    and how it ended

A line of a chunk starts with `| `; `|- ` marks one without a line feed after it, which is how a
chunk that ends in the middle of a line is written. Bytes that are no plain text (malformed UTF-8,
control characters) make it `|x ` or `|x- `, with `\xNN` for those bytes and `\\` for a backslash.
The request's body stands between its head and the response, as indented JSON where it is JSON.
Times are in seconds, to a tenth of a millisecond.

Reading what was written gives the same exchange, chunk for chunk and byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tailrace.simulator.acts import Fate
from tailrace.simulator.pieces import Piece, Response

FIRST_LINE = "tailrace tape 1"

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})|\\\\")

N = TypeVar("N", int, float)

Headers = tuple[tuple[str, str], ...]


class TapeError(ValueError):
    """A tape that cannot be read; the message names the file and the line."""


@dataclass(frozen=True)
class Chunk:
    """A chunk of the body, `after` so many seconds from what came before it.

    `announced` is the length the chunk claimed, where it was cut short.
    """

    after: float
    data: bytes
    announced: int = 0


@dataclass(frozen=True)
class Tape:
    """One exchange. Neither headers nor bodies are in the `repr`.

    `sized` is whether the body had a `content-length` instead of chunks. `masked` is whether the
    contents were made unreadable. Header names are lower-case.
    """

    method: str
    path: str
    status: int
    request_headers: Headers = field(default=(), repr=False)
    request_body: bytes = field(default=b"", repr=False)
    headers: Headers = field(default=(), repr=False)
    head_after: float = 0.0
    chunks: tuple[Chunk, ...] = field(default=(), repr=False)
    end_after: float = 0.0
    fate: Fate = Fate.END
    sized: bool = False
    masked: bool = False
    name: str = ""

    @property
    def body(self) -> bytes:
        """The response's body."""
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def json(self) -> Any:
        """The request's body as JSON; `None` where it is not."""
        try:
            return json.loads(self.request_body)
        except ValueError:
            return None

    def response(self, speed: float = 1.0) -> Response:
        """What a server replays, `speed` times as fast; infinity waits for nothing."""
        return Response(
            self.status,
            dict(self.headers),
            self._pieces(speed),
            self._length() if self.sized else None,
            self.head_after / speed,
        )

    def _length(self) -> int:
        """The announced length of a sized body, which a cut one does not reach."""
        named = dict(self.headers).get("content-length", "")
        return int(named) if named.isdigit() else len(self.body)

    def _pieces(self, speed: float) -> Iterator[Piece]:
        for chunk in self.chunks:
            fate = self.fate if chunk.announced else None
            yield Piece(chunk.after / speed, chunk.data, fate, chunk.announced)
        yield Piece(self.end_after / speed, b"", self.fate)


# -- writing ------------------------------------------------------------------------------------


def dump(tape: Tape) -> str:
    """The tape as text."""
    return "".join(f"{line}\n" for line in _lines(tape))


def _lines(tape: Tape) -> Iterator[str]:
    yield FIRST_LINE + (" masked" if tape.masked else "")
    yield f"> {tape.method} {tape.path}"
    yield from (f"> {name}: {value}" for name, value in tape.request_headers)
    yield from _request_body(tape)
    yield f"< {tape.status}"
    yield from (f"< {name}: {value}" for name, value in tape.headers)
    yield f"@ {tape.head_after:.4f}" + (" sized" if tape.sized else "")
    for chunk in tape.chunks:
        yield f"+ {chunk.after:.4f}" + (f" of {chunk.announced}" if chunk.announced else "")
        yield from _chunk_lines(chunk.data)
    yield f"= {tape.end_after:.4f} {tape.fate.value}"


def _request_body(tape: Tape) -> Iterator[str]:
    value = tape.json
    if value is not None:
        yield from json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    elif tape.request_body:
        yield from _chunk_lines(tape.request_body)


def _chunk_lines(data: bytes) -> Iterator[str]:
    *whole, rest = data.split(b"\n")
    for line in whole:
        yield _line(line, "")
    if rest:
        yield _line(rest, "-")


def _line(line: bytes, mark: str) -> str:
    text = line.decode("utf-8", "surrogateescape")
    if not text:
        return f"|{mark}"
    if _plain(text) and not text[-1].isspace():  # editors like to cut spaces at the end
        return f"|{mark} {text}"
    shown = "".join(_shown(char) for char in text[:-1])
    return f"|x{mark} {shown}{_hex(text[-1]) if text[-1].isspace() else _shown(text[-1])}"


def _plain(text: str) -> bool:
    return text.replace("\t", " ").isprintable()


def _shown(char: str) -> str:
    if char == "\\":
        return "\\\\"
    return char if _plain(char) else _hex(char)


def _hex(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


# -- reading ------------------------------------------------------------------------------------


def load(text: str, name: str = "") -> Tape:
    """The tape a text holds. Raises `TapeError`."""
    return _Reader(text, name).tape()


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._at = 0
        self._name = name

    def tape(self) -> Tape:
        first = self._next("the first line")
        if first.removesuffix(" masked") != FIRST_LINE:
            raise self._error(f"a tape begins with {FIRST_LINE!r}")
        method, _, path = self._take("> ", "the request").partition(" ")
        asked = self._headers("> ")
        request_body = self._body_of_request()
        status = self._number(int, self._take("< ", "the response's status"))
        headers = self._headers("< ")
        after, _, sized = self._take("@ ", "the time of the head").partition(" ")
        chunks = tuple(self._chunks())
        end_after, _, fate = self._take("= ", "the end").partition(" ")
        if fate not in set(Fate):
            raise self._error(f"an end is one of {', '.join(Fate)}")
        return Tape(
            method,
            path,
            status,
            asked,
            request_body,
            headers,
            self._number(float, after),
            chunks,
            self._number(float, end_after),
            Fate(fate),
            sized == "sized",
            first.endswith(" masked"),
            self._name,
        )

    def _headers(self, mark: str) -> Headers:
        found: list[tuple[str, str]] = []
        while self._peek().startswith(mark):
            name, _, value = self._next("a header").removeprefix(mark).partition(": ")
            found.append((name, value))
        return tuple(found)

    def _body_of_request(self) -> bytes:
        if self._peek().startswith("|"):
            return self._data()
        lines: list[str] = []
        while self._at < len(self._lines) and not self._peek().startswith("< "):
            lines.append(self._next("the request's body"))
        if not lines:
            return b""
        try:
            return json.dumps(json.loads("\n".join(lines)), ensure_ascii=False).encode()
        except ValueError as error:
            raise self._error(f"the request's body is no JSON: {error}") from None

    def _chunks(self) -> Iterator[Chunk]:
        while self._peek().startswith("+ "):
            after, _, announced = self._take("+ ", "a chunk").partition(" of ")
            seconds = self._number(float, after)
            size = self._number(int, announced or "0")
            yield Chunk(seconds, self._data(), size)

    def _data(self) -> bytes:
        data = bytearray()
        while self._peek().startswith("|"):
            line = self._next("data")
            mark, _, text = line.partition(" ")
            if mark not in ("|", "|-", "|x", "|x-"):
                raise self._error("a line of data begins with '| ', '|- ', '|x ' or '|x- '")
            data += _unescaped(text) if "x" in mark else text.encode()
            if not mark.endswith("-"):
                data += b"\n"
        return bytes(data)

    def _peek(self) -> str:
        return self._lines[self._at] if self._at < len(self._lines) else ""

    def _next(self, what: str) -> str:
        if self._at >= len(self._lines):
            raise self._error(f"the tape ends before {what}")
        self._at += 1
        return self._lines[self._at - 1]

    def _take(self, mark: str, what: str) -> str:
        line = self._next(what)
        if not line.startswith(mark):
            raise self._error(f"expected {what}, a line that begins with {mark!r}")
        return line.removeprefix(mark)

    def _number(self, kind: type[N], text: str) -> N:
        try:
            return kind(text)
        except ValueError:
            raise self._error(f"expected a number, not {text!r}") from None

    def _error(self, problem: str) -> TapeError:
        return TapeError(f"{self._name or 'tape'}:{min(self._at, len(self._lines))}: {problem}")


def _unescaped(text: str) -> bytes:
    data = text.encode()
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"\\", data)
