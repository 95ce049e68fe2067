"""Bytes to server-sent events, and back.

Theory of operation (WHATWG HTML, section 9.2 "Server-sent events"):

1. A line ends with LF, CR or CRLF, and data cannot contain any of them, so every ending is turned
   into LF as it arrives; a CR|LF pair cut by a chunk boundary is one ending.
2. An event ends with a blank line, so after rule 1 the bytes are cut at LF LF and nothing else.
3. Bytes that do not yet hold a blank line wait in one buffer. Only the newly arrived bytes (and the
   last one before them) are searched, and the buffer is cut once per chunk that completes events,
   so the cost is linear in the bytes however they are cut.
4. What is left when the body ends is not an event (9.2.6: "discard the pending data").

Fields are split as bytes, before decoding, so a multi-byte character may be cut anywhere and
U+2028 is an ordinary character.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import msgspec

DEFAULT_MAX_EVENT_BYTES = 64 * 1024 * 1024
"""The default bound on the size of one event, in bytes (64 MiB)."""

_BOM = b"\xef\xbb\xbf"

# The names the Messages API uses, so that the common block needs no decoding of its name.
_NAMES = {
    name.encode(): name
    for name in (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    )
}


_DELTA_PREFIX = b"event: content_block_delta\ndata: "
_DELTA_START = len(_DELTA_PREFIX)
_NEXT_DELTA = b"\n\n" + _DELTA_PREFIX
_ONE_DELTA = re.compile(re.escape(_DELTA_PREFIX) + rb"(.+)\n\n").fullmatch


class EventTooLargeError(ValueError):
    """One event grew past the bound.

    `size` is the number of bytes that had arrived of it, `limit` the bound, both in bytes.
    """

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"a server-sent event of at least {size} bytes exceeds the bound of {limit} bytes; "
            "raise max_event_bytes if events this large are expected"
        )

    def __reduce__(self) -> tuple[type[EventTooLargeError], tuple[int, int]]:
        return type(self), (self.size, self.limit)


class ServerSentEvent(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event, as the standard's section 9.2.6 leaves it.

    `event` is the event's name, `None` where no `event:` field came (the standard's "message").
    `raw_data` is the data as UTF-8 bytes; `data` is the same as text. `id` is the last event ID,
    which stays in force for later events. `retry` is the reconnection time in milliseconds, on
    the event whose block carried it.
    """

    event: str | None
    raw_data: bytes
    id: str | None = None
    retry: int | None = None

    @property
    def data(self) -> str:
        """The data as text; malformed UTF-8 becomes U+FFFD, as the standard's decoder does."""
        return self.raw_data.decode("utf-8", "replace")

    def json(self) -> Any:
        """The data as JSON. Raises `json.JSONDecodeError` (a `ValueError`) where it is not."""
        return json.loads(self.data)


class EventStreamDecoder:
    """The bytes of an event stream in, its events out.

    Call `feed` with each chunk in order and use the events it returns; when the body has ended,
    call `end`, which says how many bytes of an unfinished event were left.
    """

    __slots__ = (
        "_after_cr",
        "_between",
        "_last_id",
        "_limit",
        "_pending",
        "_start",
        "_too_large",
        "retry",
    )

    def __init__(self, *, max_event_bytes: int | None = DEFAULT_MAX_EVENT_BYTES) -> None:
        if max_event_bytes is not None and max_event_bytes < 1:
            raise ValueError(f"max_event_bytes must be positive or None, not {max_event_bytes}")
        self._limit = sys.maxsize if max_event_bytes is None else max_event_bytes
        self._pending = bytearray()
        self._start: bytes | None = b""  # the first bytes, until it is known whether they are a BOM
        self._after_cr = False
        self._between = False  # events: nothing of an earlier chunk matters to the next
        self._last_id: str | None = None
        self._too_large: EventTooLargeError | None = None
        self.retry: int | None = None
        """The last reconnection time the stream asked for, in milliseconds."""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events they complete, in order.

        Raises `EventTooLargeError` when one event exceeds the bound, after the events before it
        have been given.
        """
        only = self.only_delta(chunk)
        if only is not None:
            return [ServerSentEvent("content_block_delta", only, self._last_id)]
        if self._too_large is not None:
            raise self._too_large
        if self._start is not None:
            chunk = self._skip_bom(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._only_line_feeds(chunk)
        whole = self._take_whole(chunk)
        events = None if whole is None else self._only_deltas(whole)
        if events is None:
            events = self._read_blocks(whole)
        waiting = self._pending or self._after_cr or self._too_large is not None
        self._between = self._start is None and not waiting
        if self._too_large is not None and not events:
            raise self._too_large
        return events

    def only_delta(self, chunk: bytes) -> bytes | None:
        """The data of a chunk that is one delta, as the API sends each; for any other `None`.

        What `feed` would make of it, without an object; a chunk that is none is still to be fed.
        """
        if self._between:
            only = _ONE_DELTA(chunk)
            if only is not None and b"\r" not in chunk and len(chunk) <= self._limit:
                return only[1]
        return None

    def _only_deltas(self, whole: bytes) -> list[ServerSentEvent] | None:
        """The events of blocks that are all deltas, as nearly all are; `None` if any is not.

        Cut before each, they are right if the lines are as many as their names and data. What
        `_read_blocks` would make of them is the same (a property holds that).
        """
        if not whole.startswith(_DELTA_PREFIX) or len(whole) > self._limit:
            return None
        cut = whole[_DELTA_START:].split(_NEXT_DELTA)
        if whole.count(b"\n") != 3 * len(cut) - 2 or len(self._pending) > self._limit:
            return None
        last = self._last_id
        return [ServerSentEvent("content_block_delta", data, last) for data in cut]

    def _read_blocks(self, whole: bytes | None) -> list[ServerSentEvent]:
        blocks = [] if whole is None else whole.split(b"\n\n")
        events: list[ServerSentEvent] = []
        for block in self._within(self._limit, blocks, len(whole or b"")):
            event = self._read_block(block)
            if event is not None:
                events.append(event)
        return events

    def end(self) -> int:
        """Say that the body has ended; return how many bytes of an unfinished event it left.

        Raises `EventTooLargeError` where the last of what was fed exceeds the bound.
        """
        if self._too_large is not None:
            raise self._too_large
        left = len(self._pending) + len(self._start or b"")
        self._pending.clear()
        self._start = None
        return left

    def _take_whole(self, chunk: bytes) -> bytes | None:
        """The bytes up to the last blank line; the rest waits."""
        pending = self._pending
        if not pending:
            end = chunk.rfind(b"\n\n")
            if end < 0:
                pending += chunk
                whole = None
            else:
                pending += chunk[end + 2 :]
                whole = chunk[:end]
        else:
            searched = len(pending) - 1
            pending += chunk
            end = pending.rfind(b"\n\n", searched)
            if end < 0:
                whole = None
            else:
                whole = bytes(pending[:end])
                del pending[: end + 2]
        return whole

    def _within(self, limit: int, blocks: list[bytes], size: int) -> list[bytes]:
        """The blocks before the first that exceeds the bound, which is noted.

        Blank lines around an event are not part of it; they are looked for in the rare case only.
        """
        if size > limit:
            for at, block in enumerate(blocks):
                length = len(block.strip(b"\n"))
                if length > limit:
                    self._too_large = EventTooLargeError(length, limit)
                    return blocks[:at]
        if len(self._pending) > limit:
            length = len(self._pending.strip(b"\n"))
            if length > limit:
                self._too_large = EventTooLargeError(length, limit)
        return blocks

    def _skip_bom(self, chunk: bytes) -> bytes:
        """9.2.4: one leading byte order mark is not part of the stream."""
        start = (self._start or b"") + chunk
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BOM)

    def _only_line_feeds(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _read_block(self, block: bytes) -> ServerSentEvent | None:
        """9.2.6, line by line: the fields of one block, dispatched."""
        if block.startswith(_DELTA_PREFIX):  # the commonest, read in three C calls
            only = block[_DELTA_START:]
            if b"\n" not in only:
                return ServerSentEvent("content_block_delta", only, self._last_id)
        name: str | None = None
        retry: int | None = None
        data: list[bytes] = []
        for line in block.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = _NAMES.get(value) or value.decode("utf-8", "replace") or None
            elif field == b"id" and b"\0" not in value:
                self._last_id = value.decode("utf-8", "replace")
            elif field == b"retry" and value.isdigit():
                retry = self.retry = int(value[:18])
        if not data:
            return None
        return ServerSentEvent(name, b"\n".join(data), self._last_id, retry)


def encode(
    event: str | None,
    data: bytes | str,
    *,
    id: str | None = None,  # noqa: A002 - the field's own name
    retry: int | None = None,
) -> bytes:
    """One event as the bytes of a block, ended by its blank line.

    Line endings inside `data` start a new `data:` line, and so arrive as LF. Raises `ValueError`
    for an `event` or `id` that holds a line ending (or, for `id`, NUL), and for a negative `retry`:
    the format has no way to carry them.
    """
    head = b""
    if event is not None:
        head = b"event: " + _one_line("event", event) + b"\n"
    if id is not None:
        if "\0" in id:
            raise ValueError("id must not contain NUL: a reader would ignore it")
        head += b"id: " + _one_line("id", id) + b"\n"
    if retry is not None:
        if retry < 0:
            raise ValueError(f"retry must be a number of milliseconds, not {retry}")
        head += b"retry: %d\n" % retry
    raw = data.encode() if isinstance(data, str) else data
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\n" in raw:
        raw = raw.replace(b"\n", b"\ndata: ")
    return head + b"data: " + raw + b"\n\n"


def encode_comment(text: str = "") -> bytes:
    """A comment block, which readers ignore; it keeps a quiet connection open."""
    return b": " + _one_line("comment", text) + b"\n\n"


def _one_line(what: str, text: str) -> bytes:
    if "\n" in text or "\r" in text:
        raise ValueError(f"{what} must be one line: {text!r}")
    return text.encode()
