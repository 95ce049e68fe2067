"""Events on their way into the journal; adjacent deltas of one block become one.

A wake-up costs the same however many tokens it brings, so text is merged while it waits. Only
deltas that consist of their text and nothing else are merged: a signature, a citation, or a delta
with a field this version does not know, is kept as it came. Fragments are joined once, when taken.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec import Raw

from .records import Event, raw_json

_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_EVENT_KEYS = {"type", "index", "delta"}


class Merger:
    """Events in, fewer events out, with the same text.

    An event is encoded when it comes: the object belongs to a message that goes on growing.
    """

    def __init__(self) -> None:
        self._events: list[Raw] = []
        self._parts: list[str] = []
        self._open: tuple[int, str] | None = None

    def __bool__(self) -> bool:
        return bool(self._events or self._open)

    def add(self, event: Event) -> None:
        """Take one event; pings say nothing and are left out."""
        kind = event.get("type")
        if kind == "ping":
            return
        place, text = _growth(event) if kind == "content_block_delta" else (None, "")
        if place is not None and place == self._open:
            self._parts.append(text)
            return
        self._join()
        if place is None:
            self._events.append(raw_json(event))
        else:
            self._open, self._parts = place, [text]

    def take(self) -> list[Raw]:
        """The events so far, merged; what comes next is not merged with them."""
        self._join()
        events, self._events = self._events, []
        return events

    def _join(self) -> None:
        if self._open is not None:
            index, kind = self._open
            delta = {"type": kind, _GROWING[kind]: "".join(self._parts)}
            event = {"type": "content_block_delta", "index": index, "delta": delta}
            self._events.append(raw_json(event))
            self._open = None


def _growth(event: Event) -> tuple[tuple[int, str] | None, str]:
    """Where a delta adds its text, and the text; `None` if it is more than text."""
    if event.keys() != _EVENT_KEYS or not isinstance(event["delta"], dict):
        return None, ""
    delta = cast("Event", event["delta"])
    kind, index = str(delta.get("type")), event["index"]
    text: Any = delta.get(_GROWING.get(kind, ""))
    if len(delta) != 2 or not isinstance(text, str) or type(index) is not int:
        return None, ""
    return (index, kind), text
