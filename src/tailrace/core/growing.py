"""Text and tool input while they grow, and their value at any earlier moment.

Theory of operation. Fragments are only appended to a list, so a reply costs linear time and memory
when nobody looks. Looking joins what is pending onto what was joined before. An event remembers
how long the text was at its own moment (one integer), and cuts that much off when it is asked, so
keeping every event of a reply keeps one copy of its text, not one per event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .partial_json import PartialJSON


class GrowingText:
    """A string that is only ever appended to."""

    __slots__ = ("_joined", "length", "pending")

    def __init__(self, initial: str = "") -> None:
        self._joined = initial
        self.pending: list[str] = []
        """Fragments that were not joined yet. Who adds one here adds its size to `length`."""
        self.length = len(initial)
        """How long the text is now, in characters."""

    def append(self, fragment: str) -> None:
        """Add a fragment at the end. Raises `TypeError` for what is no text."""
        if type(fragment) is not str:
            raise TypeError(f"a fragment must be text, not {type(fragment).__name__}")
        self.pending.append(fragment)
        self.length += len(fragment)

    @property
    def text(self) -> str:
        """All of it, as of now."""
        if self.pending:
            self.pending.insert(0, self._joined)
            self._joined = "".join(self.pending)
            self.pending.clear()
        return self._joined

    def upto(self, length: int) -> str:
        """The text as it was when it was `length` characters long."""
        text = self.text
        return text if length == len(text) else text[:length]

    def __reduce__(self) -> Any:
        return type(self), (self.text,)


class GrowingJSON(GrowingText):
    """Tool input that is only ever appended to, and what it means so far.

    Nothing is parsed until somebody asks. From then on each fragment is parsed as it comes, so
    asking again costs nothing.
    """

    __slots__ = ("_parser", "initial")

    def __init__(self, initial: Any = None) -> None:
        super().__init__()
        self.initial = initial
        """The block's `input` before its first fragment."""
        self._parser: PartialJSON | None = None

    def append(self, fragment: str) -> None:
        """Add a fragment at the end."""
        super().append(fragment)
        if self._parser is not None:
            self._parser.feed(fragment)

    def value_at(self, length: int) -> Any:
        """The partial value of the first `length` characters.

        At the newest length this is the parser's live value, which later fragments go on growing
        and which costs nothing to ask for; at an earlier one it is parsed anew and frozen.
        """
        # The parser's grammar takes 30 ms to compile; streams without tools never need it.
        from .partial_json import PartialJSON, parse_partial

        if length != self.length:
            return self._meant(parse_partial(self.upto(length)))
        if self._parser is None:
            self._parser = PartialJSON()
            self._parser.feed(self.text)
        return self._meant(self._parser.value())

    def _meant(self, value: Any) -> Any:
        return self.initial if value is None else value

    def __reduce__(self) -> Any:
        return _rebuild_json, (self.initial, self.text)


def _rebuild_json(initial: Any, text: str) -> GrowingJSON:
    growing = GrowingJSON(initial)
    growing.append(text)
    return growing
