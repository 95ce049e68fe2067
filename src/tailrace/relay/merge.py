"""Events on their way into the journal; adjacent deltas of one block become one.

A wake-up costs the same however many tokens it brings, so text is merged while it waits. Only
deltas that consist of their text and nothing else are merged: a signature, a citation, or a delta
with a field this version does not know, is kept as it came. Fragments are joined once, when taken.
"""

from __future__ import annotations

from .records import Event

_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_EVENT_KEYS = {"type", "index", "delta"}


class Merger:
    """Events in, fewer events out, with the same text."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._parts: list[str] = []  # fragments of the last event, which is a delta
        self._open: tuple[int, str] | None = None

    def __bool__(self) -> bool:
        return bool(self._events)

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
        self._events.append(event)
        self._open = place
        self._parts = [text]

    def take(self) -> list[Event]:
        """The events so far, merged; what comes next is not merged with them."""
        self._join()
        events, self._events = self._events, []
        self._open = None
        return events

    def _join(self) -> None:
        if self._open is not None and len(self._parts) > 1:
            index, kind = self._open
            delta = {"type": kind, _GROWING[kind]: "".join(self._parts)}
            self._events[-1] = {"type": "content_block_delta", "index": index, "delta": delta}


def _growth(event: Event) -> tuple[tuple[int, str] | None, str]:
    """Where a delta adds its text, and the text; `None` if it is more than text."""
    delta = event.get("delta")
    if not isinstance(delta, dict) or event.keys() != _EVENT_KEYS:
        return None, ""
    kind: object = delta.get("type")
    field = _GROWING.get(str(kind))
    text: object = delta.get(field)
    index = event["index"]
    if len(delta) != 2 or not isinstance(text, str) or type(index) is not int:
        return None, ""
    return (index, str(kind)), text
