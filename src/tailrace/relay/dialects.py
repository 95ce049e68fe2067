"""What viewers are told: the entries of a log as server-sent events, in one of three dialects.

Theory of operation. A dialect turns one event, or the end of a generation, into frames: the name
and data of server-sent events. An `Encoding` belongs to one tail and one dialect; it encodes each
entry once, in order (a dialect may remember what came before), and its bytes are shared by all
viewers. Every frame carries the cursor of its event as `id:`, the last one `end`, so a viewer that
lost its connection anywhere goes on exactly there.

The end is always said, whatever it was: a reply that is not complete ends with an error in the
dialect's own terms, never with a silence that looks like completeness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from tailrace.core.framing import encode

from .cursors import END_CURSOR, format_cursor
from .journal import END, Entry
from .records import DONE, End, Event, decode_record, raw_json, record_events
from .tail import Tail

Frame = tuple[str | None, bytes]
"""The name and the data of one server-sent event."""


class Dialect(Protocol):
    """One way to say what happens in a generation; made anew for each reading from the start."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Headers of its own."""
        ...

    @property
    def reset(self) -> bytes | None:
        """What makes a viewer forget what it was told, `None` if nothing can."""
        ...

    def event(self, event: Event) -> list[Frame]:
        """The frames of one event."""
        ...

    def end(self, end: End) -> list[Frame]:
        """The frames after the last event."""
        ...


def error_of(end: End) -> Event:
    """What ended an incomplete generation, as the API's error object."""
    error = end.error or {"type": "api_error", "message": f"the generation ended: {end.end}"}
    kind, message = error.get("type"), error.get("message")
    return {"type": kind, "message": message}


class AnthropicDialect:
    """Claude's own events, as the official SDKs read them.

    A generation that is not complete ends with Claude's `error` event.
    """

    headers: Sequence[tuple[bytes, bytes]] = ()
    reset = None  # an SDK cannot take events back, so its connection is broken instead

    def event(self, event: Event) -> list[Frame]:
        """The event under its own name."""
        return [(str(event.get("type")), bytes(raw_json(event)))]

    def end(self, end: End) -> list[Frame]:
        """Nothing after a complete reply, else an `error` event."""
        if end.end == DONE:
            return []
        return [("error", bytes(raw_json({"type": "error", "error": error_of(end)})))]


class TextDialect:
    """The text alone, for `EventSource`: each event's data is a JSON string.

    `event: reset` voids the text so far, `event: end` says how it ended (`{"end": "done"}`); what
    went wrong comes before it as `event: failed`, because `error` is a name EventSource uses
    itself.
    """

    headers: Sequence[tuple[bytes, bytes]] = ()
    reset = encode("reset", b"{}")

    def event(self, event: Event) -> list[Frame]:
        """One frame for a text delta, none for anything else."""
        delta: Any = event.get("delta")
        if not isinstance(delta, dict):
            return []
        text = cast("Event", delta).get("text")
        return [(None, bytes(raw_json(text)))] if isinstance(text, str) else []

    def end(self, end: End) -> list[Frame]:
        """How it ended."""
        failed: list[Frame] = []
        if end.end != DONE:
            failed = [("failed", bytes(raw_json({"end": end.end, "error": error_of(end)})))]
        return [*failed, ("end", bytes(raw_json({"end": end.end})))]


class Encoding:
    """The bytes of one tail in one dialect, made once."""

    def __init__(self, tail: Tail, make: Callable[[], Dialect]) -> None:
        self._tail = tail
        self._dialect = make()
        self._pieces: list[tuple[bytes, ...]] = []
        self._whole: list[bytes] = []

    def bytes_of(self, start: int, stop: int, skip: int = 0) -> bytes:
        """The entries from `start` to before `stop`, without the first `skip` events of the first.

        They must have been read by the tail.
        """
        for entry in self._tail.entries[len(self._whole) : stop]:
            pieces = self._encode(entry)
            self._pieces.append(pieces)
            self._whole.append(b"".join(pieces))
        if skip and start < stop:
            first = b"".join(self._pieces[start][skip:])
            return first + b"".join(self._whole[start + 1 : stop])
        if stop - start == 1:
            return self._whole[start]
        return b"".join(self._whole[start:stop])

    def _encode(self, entry: Entry) -> tuple[bytes, ...]:
        """One piece for each event, so that a place between two of them can be found again."""
        record = decode_record(entry.data)
        groups = [self._dialect.event(event) for event in record_events(record)]
        cursors = [format_cursor(entry.at, k) for k in range(len(groups))]
        if entry.at == END:
            last = self._dialect.end(cast("End", record))
            if last or not groups:
                groups.append(last)
                cursors.append(END_CURSOR)
            cursors[-1] = END_CURSOR
        return tuple(map(_join, groups, cursors))


def _join(frames: list[Frame], cursor: str) -> bytes:
    """The frames of one event; the cursor stands on the last, as only then all were read."""
    if not frames:
        return b""
    head = b"".join(encode(name, data) for name, data in frames[:-1])
    name, data = frames[-1]
    return head + encode(name, data, id=cursor)


def encoding_of(tail: Tail, make: Callable[[], Dialect]) -> Encoding:
    """The tail's encoding in a dialect, shared by all its viewers."""
    key = getattr(make, "__name__", "?")
    found = tail.shared.get(key)
    if found is None:
        found = tail.shared[key] = Encoding(tail, make)
    return cast("Encoding", found)
