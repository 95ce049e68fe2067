"""Bodies that a server compressed although it was asked not to: gzip and deflate, as they come.

A compressor may hold text back until it has enough, so requests ask for `identity`. Some servers
compress all the same.
"""

from __future__ import annotations

import zlib

from tailrace.core.chunked import BodyError

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class Inflate:
    """A decoder for one compressed body (RFC 9110, section 8.4.1)."""

    __slots__ = ("_began", "_decoder", "_window")

    def __init__(self, coding: str) -> None:
        self._window = _WINDOWS[coding]
        self._decoder = zlib.decompressobj(self._window)
        self._began = False

    def feed(self, data: bytes) -> bytes:
        """What the next compressed bytes give, which may be nothing yet. Raises `BodyError`."""
        pieces: list[bytes] = []
        while data:
            if self._decoder.eof:  # a gzip body may be several, one after the other
                self._decoder = zlib.decompressobj(self._window)
            pieces.append(self._decompress(data))
            data = self._decoder.unused_data
        return b"".join(pieces)

    def end(self) -> None:
        """Take note that the body ended. Raises `BodyError` if its compressed form did not."""
        if self._began and not self._decoder.eof:
            raise BodyError("the body ended in the middle of its compressed form")

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._decoder.decompress(data)
        except zlib.error as error:
            if self._window != zlib.MAX_WBITS or self._began:
                raise BodyError("the body is not compressed as its headers say") from error
            # Some servers leave out the zlib header that "deflate" means to have.
            self._window = _RAW
            self._decoder = zlib.decompressobj(_RAW)
            return self._decompress(data)
        finally:
            self._began = True


def inflate_for(coding: str | None) -> Inflate | None:
    """The decoder for a `content-encoding`, `None` if the body is as it is.

    Raises `BodyError` for a coding that was not asked for and is not known.
    """
    name = (coding or "identity").strip().lower()
    if name == "identity":
        return None
    if name not in _WINDOWS:
        raise BodyError("the body has a content-encoding that was not asked for")
    return Inflate(name)
