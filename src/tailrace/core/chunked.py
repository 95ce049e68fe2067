"""HTTP/1.1 message bodies: raw bytes in, body bytes out, and whether that was all (RFC 9112, 6-7).

Theory of operation. A body is chunked, or of a known size, or ends with the connection; each way is
a class here. `feed` takes bytes as they come off the socket and gives the body bytes in them, for
as many chunks as they hold. `done` says that the body is complete, `extra` holds what came after
it, and `end` is told that the connection ended. A `fault` in the framing takes nothing away from
what came before it: `feed` gives that, and whoever has used it raises the fault.

A chunk's data is followed by CRLF and the next size line. By pretending that a CRLF came before
the first chunk as well, `_SIZE_LINE` takes both at once: one match a chunk, or one search for all
chunks of a packet but the last. Only an unfinished size line or trailer section is kept between
calls, never data, so the cost is linear in the bytes. The framing is read strictly: a wrong size or
a missing CRLF means that the bytes cannot be trusted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Protocol

MAX_LINE = 4096
"""The longest size line, its extensions included, in bytes."""

MAX_TRAILERS = 16_384
"""The longest trailer section, in bytes."""

# Fifteen hexadecimal digits are more than any body has bytes, and fewer than 64 bits.
_SIZE_LINE = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n").match
_PLAIN_SIZE_LINE = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})\r\n")
_HEXADECIMAL = itertools.repeat(16)
_CRLF = b"\r\n"
_ONE_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n(.+)\r\n", re.DOTALL).fullmatch
_PART_OF_A_SIZE_LINE = re.compile(
    rb"\r?|\r\n(?:[0-9A-Fa-f]{1,15}(?:[ \t]*(?:;[^\r\n]*)?)?\r?)?"
).fullmatch
_TRAILERS = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n]*\r\n)*\r\n").match


class BodyError(ValueError):
    """The body broke off, or its framing makes no sense. The text quotes nothing of it."""


class Body(Protocol):
    """What all ways to delimit a body have in common."""

    done: bool
    """Whether the body is complete."""
    extra: bytes
    """What came after its end: nothing, unless the server is at fault."""

    fault: BodyError | None
    """What is wrong with the bytes after those that `feed` gave."""

    over: bool
    """Whether it is done or at fault."""

    def feed(self, data: bytes) -> bytes:
        """The body bytes in the next raw bytes, `b""` if there are none.

        Look whether it is `over` after it: then feed no more.
        """
        ...

    def end(self) -> None:
        """Take note that the connection ended. Raises `BodyError` if the body is not complete."""
        ...


class ChunkedBody:
    """A body with `transfer-encoding: chunked` (RFC 9112, section 7.1)."""

    __slots__ = ("_held", "_in_trailers", "_left", "done", "extra", "fault", "over")

    def __init__(self) -> None:
        self.done = self.over = False
        self.extra = b""
        self.fault: BodyError | None = None
        self._held = _CRLF
        self._left = 0  # of the data of the present chunk
        self._in_trailers = False

    def feed(self, data: bytes) -> bytes:
        """The data of all chunks, or parts of chunks, in the next raw bytes."""
        if self._held:
            if self._held is _CRLF and (one := _ONE_CHUNK(data)) is not None:
                # A packet that is one chunk, as the API sends each event: nothing is kept.
                length, chunk = one.groups()
                if int(length, 16) == len(chunk):
                    return chunk
            data = self._held + data
            self._held = b""
        if self._in_trailers:
            self._trailers(data, 0)
            return b""
        pieces: list[bytes] = []
        at = self._left
        size = len(data)
        if at:
            pieces.append(data[:at])
            self._left = max(0, at - size)
        if at < size:
            at += _take_all_but_last(data[at:] if at else data, pieces)
        while at < size:
            line = _SIZE_LINE(data, at)
            if line is None:
                self._hold(data[at:])
                break
            at = line.end()
            length = int(line[1], 16)
            if not length:
                self._trailers(data, at)
                break
            pieces.append(data[at : at + length])
            at += length
            if at > size:
                self._left = at - size
        return b"".join(pieces)

    def end(self) -> None:
        """Take note that the connection ended; only the last chunk ends a chunked body."""
        if not self.done:
            raise self.fault or BodyError("the connection ended before the last chunk")

    def _fail(self, what: str) -> None:
        self.fault = BodyError(what)
        self.over = True

    def _hold(self, rest: bytes) -> None:
        """Keep the beginning of a size line."""
        if rest == _CRLF:
            self._held = _CRLF
        elif not _PART_OF_A_SIZE_LINE(rest):
            self._fail("a chunk is not followed by a proper size line")
        elif len(rest) > MAX_LINE:
            self._fail(f"a chunk's size line is longer than {MAX_LINE} bytes")
        else:
            self._held = rest

    def _trailers(self, data: bytes, at: int) -> None:
        """Skip the trailer section, which ends with an empty line."""
        self._in_trailers = True
        section = _TRAILERS(data, at)
        if section is not None:
            self.done = self.over = True
            self.extra = data[section.end() :]
            return
        rest = data[at:]
        if b"\r\n\r\n" in rest or rest.startswith(b"\r\n"):
            self._fail("the trailer section is malformed")
        elif len(rest) > MAX_TRAILERS:
            self._fail(f"the trailer section is longer than {MAX_TRAILERS} bytes")
        else:
            self._held = rest


def _take_all_but_last(data: bytes, pieces: list[bytes]) -> int:
    """Take all chunks but the last, and return where that begins; or take none, and return 0.

    Cut wherever something looks like a size line, the bytes are cut right if each size is that of
    the bytes after it: two C calls and a comparison for a packet, however many chunks it holds.
    """
    before, *cut = _PLAIN_SIZE_LINE.split(data)
    sizes, chunks = cut[:-2:2], cut[1:-2:2]
    if before or not chunks or list(map(int, sizes, _HEXADECIMAL)) != list(map(len, chunks)):
        return 0
    if b"" in chunks:  # the last chunk, and what comes after it
        return 0
    pieces += chunks
    return len(data) - len(cut[-1]) - len(cut[-2]) - 2 * len(_CRLF)


class SizedBody:
    """A body as long as `content-length` says (RFC 9112, section 6.2)."""

    __slots__ = ("_left", "done", "extra", "fault", "over")

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = self.over = size == 0
        self.extra = b""
        self.fault: BodyError | None = None

    def feed(self, data: bytes) -> bytes:
        """As much of the raw bytes as belongs to the body."""
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data
        self.done = self.over = True
        if left:
            self.extra = data[left:]
            return data[:left]
        return data

    def end(self) -> None:
        """Take note that the connection ended."""
        if not self.done:
            raise BodyError(f"the connection ended {self._left} bytes before the body did")


class OpenBody:
    """A body that ends with the connection (RFC 9112, section 6.3, the last case)."""

    __slots__ = ("done", "extra", "fault", "over")

    def __init__(self) -> None:
        self.done = self.over = False
        self.extra = b""
        self.fault: BodyError | None = None

    def feed(self, data: bytes) -> bytes:
        """The raw bytes, all of which are body."""
        return data

    def end(self) -> None:
        """Take note that the connection ended, and the body with it."""
        self.done = self.over = True


def body_of(
    method: str, status: int, codings: Iterable[str] = (), sizes: Iterable[str] = ()
) -> Body:
    """How the body of an answer is delimited (RFC 9112, section 6.3).

    `codings` and `sizes` are the values of `transfer-encoding` and `content-length`. Raises
    `BodyError` where they leave it open, as an answer meant to mislead would.
    """
    if method == "HEAD" or status in (204, 304):
        return SizedBody(0)
    named = [coding.strip().lower() for coding in codings]
    if named:
        if named != ["chunked"]:
            raise BodyError("its transfer-encoding is not chunked alone")
        return ChunkedBody()
    said = {size.strip() for size in sizes}
    if not said:
        return OpenBody()
    size = said.pop()
    if said or not (size.isascii() and size.isdigit() and len(size) < 19):
        raise BodyError("its content-length is not one number")
    return SizedBody(int(size))
