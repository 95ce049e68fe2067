"""The heads of HTTP/1.1 messages: a request's as bytes, an answer's from bytes (RFC 9112, 2-5).

Theory of operation. `request_head` writes what comes before a request's body. A `HeadReader` takes
bytes as they come off the connection and keeps them until the empty line that ends the head; what
follows it is the beginning of the body and is handed over with it. Interim answers (RFC 9110,
section 15.2) are skipped. Bytes that are no head are a `HeadError` as soon as that is certain: a
server of another protocol must not be waited for. Lines may end with LF alone (RFC 9112, section
2.2), and a folded field becomes one line (section 5.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn
from urllib.parse import quote

MAX_HEAD = 65_536
"""The longest head, in bytes."""

_STATUS_LINE = re.compile(rb"HTTP/(1\.\d) ([1-9]\d\d)(?: [^\r\n]*)?\r?\n").match
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)\r?\n").match
_FOLD = re.compile(rb"\r?\n[ \t]+").sub
_END = re.compile(rb"\n\r?\n").search
_BEGINNING = b"HTTP/1."

_PRINTED = "".join(map(chr, range(0x21, 0x7F)))


class HeadError(ValueError):
    """The bytes are not the head of an answer, or not all of it. The text quotes nothing."""


class Head(NamedTuple):
    """The head of an answer; `rest` is what came of its body with it."""

    version: str
    status: int
    fields: list[tuple[str, str]]
    rest: bytes

    def values(self, name: str) -> list[str]:
        """The values of a field, whose name is in lower case, one by one."""
        return [value for field, value in self.fields if field == name]

    def keeps_connection(self) -> bool:
        """Whether the connection may serve another request afterwards (RFC 9112, section 9.3)."""
        named = {
            option.strip().lower()
            for value in self.values("connection")
            for option in value.split(",")
        }
        return "close" not in named and (self.version != "1.0" or "keep-alive" in named)


class HeadReader:
    """The bytes of a connection in, the head of an answer out."""

    __slots__ = ("_held", "_searched")

    def __init__(self) -> None:
        self._held = b""
        self._searched = 0  # so far there is no end in what is held

    def feed(self, data: bytes) -> Head | None:
        """The head, once all of it has come; feed no more after that. Raises `HeadError`."""
        data = self._held + data if self._held else data
        while data:
            end = _END(data, self._searched)
            self._searched = 0
            if (len(data) if end is None else end.end()) > MAX_HEAD:
                raise HeadError(f"the answer's headers are longer than {MAX_HEAD} bytes")
            if end is None:
                self._hold(data)
                return None
            head = _read(data[: end.end()], data[end.end() :])
            if head.status >= 200 or head.status == 101:
                return head
            data = head.rest
        self._held = b""
        return None

    def end(self) -> NoReturn:
        """Take note that the connection ended. Raises `HeadError`: the head is not complete."""
        where = "in the middle of" if self._held else "before"
        raise HeadError(f"the connection ended {where} its headers")

    def _hold(self, data: bytes) -> None:
        if not data.startswith(_BEGINNING[: len(data)]):
            raise HeadError("the answer is not HTTP/1.1")
        self._held = data
        self._searched = max(0, len(data) - 2)  # an end may have begun in the last two bytes


def _read(head: bytes, rest: bytes) -> Head:
    """One whole head, ended by its empty line."""
    line = _STATUS_LINE(head)
    if line is None:
        raise HeadError("the answer is not HTTP/1.1")
    fields: list[tuple[str, str]] = []
    at = line.end()
    while (field := _FIELD(head, at)) is not None:
        value = field[2]
        if b"\n" in value:
            value = _FOLD(b" ", value)
        fields.append((field[1].lower().decode("ascii"), value.strip(b" \t").decode("latin-1")))
        at = field.end()
    if head[at:] not in (b"\r\n", b"\n"):
        raise HeadError("a line among the answer's headers is malformed")
    return Head(line[1].decode("ascii"), int(line[2]), fields, rest)


_ONE_PACKET = 65_536  # bytes: up to here a copy is cheaper than one more system call


def packets(head: bytes, content: bytes) -> tuple[bytes, ...]:
    """A request as what is to be written, one after the other."""
    return (head + content,) if len(content) <= _ONE_PACKET else (head, content)


def request_head(
    method: str, target: str, host: str, fields: Iterable[tuple[str, str]], length: int | None
) -> bytes:
    """The head of a request; `length` is that of its body in bytes, `None` if it has none.

    What cannot stand in a target is percent-encoded. Raises `ValueError` for a method, host or
    field that would not come out as it went in.
    """
    lines = [f"{method} {quote(target, safe=_PRINTED)} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields]
    if length is not None:
        lines.append(f"content-length: {length}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a method, host or header with a line ending cannot be sent")
    return text.encode("latin-1") + b"\r\n\r\n"
