"""Bytes of a body to lines of text, whatever the chunks."""

from __future__ import annotations

import codecs


class Lines:
    """Text lines out of chunks of UTF-8; a line ends with LF, CR or CRLF."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes, without their endings."""
        text = self._decoder.decode(chunk)
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        self._after_cr = self._after_cr or text.endswith("\r")
        *whole, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if whole:
            whole[0] = "".join((*self._parts, whole[0]))
            self._parts.clear()
        if rest:
            self._parts.append(rest)
        return whole

    def end(self) -> list[str]:
        """The last line, if it had no ending."""
        rest = "".join(self._parts) + self._decoder.decode(b"", final=True)
        self._parts.clear()
        return [rest] if rest else []
