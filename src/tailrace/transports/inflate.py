"""Bodies that a server compressed although it was asked not to: gzip and deflate, as they come.

A compressor may hold text back until it has enough, so requests ask for `identity`. Some servers
compress all the same.
"""

from __future__ import annotations

import zlib

from tailrace.core.chunked import BodyError

_GZIP = 16 + zlib.MAX_WBITS
_CODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class Inflate:
    """A decoder for one compressed body (RFC 9110, section 8.4.1)."""

    __slots__ = ("_decoder", "_first", "_window")

    def __init__(self, coding: str) -> None:
        self._window = _CODINGS[coding]
        self._decoder: zlib._Decompress | None = None
        self._first = b""

    def feed(self, data: bytes) -> bytes:
        """What the next compressed bytes give, which may be nothing yet. Raises `BodyError`."""
        if self._decoder is None:
            data = self._first = self._first + data
            if len(data) < 2:
                return b""
            self._decoder = self._begin(data)
        pieces: list[bytes] = []
        try:
            while data:
                if self._decoder.eof:  # a gzip body may be several, one after the other
                    self._decoder = zlib.decompressobj(self._window)
                pieces.append(self._decoder.decompress(data))
                data = self._decoder.unused_data
        except zlib.error as error:
            raise BodyError("the body is not compressed as its headers say") from error
        return b"".join(pieces)

    def end(self) -> None:
        """Take note that the body ended. Raises `BodyError` if its compressed form did not."""
        if self._first and (self._decoder is None or not self._decoder.eof):
            raise BodyError("the body ended in the middle of its compressed form")

    def _begin(self, data: bytes) -> zlib._Decompress:
        """A decoder. Some servers leave out the zlib header (RFC 1950) that "deflate" means."""
        if self._window == zlib.MAX_WBITS and (data[0] & 15 != 8 or (data[0] << 8 | data[1]) % 31):
            self._window = -zlib.MAX_WBITS
        return zlib.decompressobj(self._window)


def inflate_for(coding: str | None) -> Inflate | None:
    """The decoder for a `content-encoding`, `None` if the body is as it is.

    Raises `BodyError` for a coding that was not asked for and is not known.
    """
    name = (coding or "identity").strip().lower()
    if name == "identity":
        return None
    if name not in _CODINGS:
        raise BodyError("the body has a content-encoding that was not asked for")
    return Inflate(name)
