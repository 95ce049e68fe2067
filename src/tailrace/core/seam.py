"""Where a continuation meets what came before: one stream out of two.

Theory of operation. The events of the new reply are rewritten so that the reader sees one message
go on: its `message_start` is taken out, its blocks get the indices after those that were kept, and
if its first block is text while a text block is open, that block grows on. A continuation may begin
by repeating the end of the text it goes on from; `Overlap` holds back as many characters as could
still be a repetition and takes out the longest one.
"""

from __future__ import annotations

from typing import Any

from .recovery import Continuation


class Overlap:
    """Takes a repetition of `tail`'s end out of the beginning of what is fed.

    At least `least` characters in a row make a repetition; white space alone always does.
    """

    def __init__(self, tail: str, least: int) -> None:
        self._tail = tail
        self._least = least
        self._held: str | None = "" if tail else None

    def feed(self, text: str) -> str:
        """The part of the text so far that is new for certain."""
        if self._held is None:
            return text
        self._held += text
        held, tail = self._held, self._tail
        if any(tail[at:].startswith(held) for at in range(len(tail) - len(held))):
            return ""  # the next characters may go on repeating
        return self.end()

    def end(self) -> str:
        """What was held back and is no repetition."""
        held, self._held = self._held, None
        if not held:
            return ""
        for length in range(min(len(held), len(self._tail)), 0, -1):
            repeated = held[:length]
            if self._tail.endswith(repeated) and (length >= self._least or not repeated.strip()):
                return held[length:]
        return held


class Seam:
    """Rewrites the events of a continuation.

    Feed it each wire event's JSON; what it returns takes the event's place. `kept` is the number of
    blocks that the message keeps, the open one included.
    """

    def __init__(self, continuation: Continuation, kept: int) -> None:
        self._open = continuation.open_text
        self._overlap = Overlap(continuation.seam, continuation.least)
        self._stitched: int | None = None  # the block whose text may begin with a repetition
        self._next = kept
        self._at: dict[Any, int] = {}
        self.usage: dict[str, Any] = {}
        """The new reply's usage at its start."""

    def rewrite(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The events to go on with instead of this one."""
        kind = event.get("type")
        if kind == "message_start":
            message: dict[str, Any] = event.get("message") or {}
            self.usage = dict(message.get("usage") or {})
            return []
        if kind == "content_block_start":
            return self._start(event)
        if kind in ("content_block_delta", "content_block_stop"):
            return self._inside(event)
        return [*self._close(), event] if kind in ("message_delta", "message_stop") else [event]

    def _start(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        first = not self._at
        block: dict[str, Any] = event.get("content_block") or {}
        if first and block.get("type") == "text":
            if self._open is not None:
                self._at[event.get("index")] = self._stitched = self._open
                return self._text_so_far(event, block.get("text") or "")
            self._stitched = self._next
        closing = self._close()
        index = self._at[event.get("index")] = self._next
        self._next += 1
        return [*closing, {**event, "index": index}]

    def _inside(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        index = self._at.get(event.get("index"), event.get("index"))
        moved = {**event, "index": index}
        if index != self._stitched:
            return [moved]
        if event["type"] == "content_block_stop":
            self._open, self._stitched = None, None
            return [*self._held_back(index), moved]
        delta: dict[str, Any] = event.get("delta") or {}
        if delta.get("type") != "text_delta":
            return [moved]
        text = self._overlap.feed(delta["text"])
        return [{**moved, "delta": {**delta, "text": text}}] if text else []

    def _text_so_far(self, event: dict[str, Any], text: str) -> list[dict[str, Any]]:
        if not text:
            return []
        delta = {"type": "text_delta", "text": text}
        return self._inside(_delta(event.get("index"), delta))

    def _close(self) -> list[dict[str, Any]]:
        """The end of the block that was open, once."""
        if self._open is None:
            return []
        index, self._open = self._open, None
        return [*self._held_back(index), {"type": "content_block_stop", "index": index}]

    def _held_back(self, index: Any) -> list[dict[str, Any]]:
        text = self._overlap.end()
        return [_delta(index, {"type": "text_delta", "text": text})] if text else []


def _delta(index: Any, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}
