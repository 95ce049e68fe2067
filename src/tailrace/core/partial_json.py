r"""Tool input, or any JSON, while it grows; and the one strict parse when it has ended.

Theory of operation. `JSONReader` holds the finished values in containers that grow in place. The
tail, the one value that is not finished, is put in its place by `value()` and taken out by the next
`feed()`, both in constant time. So nothing is parsed twice and nothing is copied, and `value()`
depends on the text so far alone. The grammar is RFC 8259, and strict. From an error on, `value()`
is what it was for the text before the wrong character. The value of an unfinished text is what
jiter 0.19 gives in its partial modes (which the official SDK uses: `partial_mode=True` and
`"trailing-strings"`), except that

- where jiter closes what is broken and says nothing (`{"a": 1 "b": 2}`, `[1}`, `[1] x`, `[1a`) the
  value is the same and `error` is set; and where jiter raises, the last good value remains;
- before the first value (empty text, white space, a top-level scalar that is cut) it is `None`;
  jiter raises;
- `NaN`, `Infinity` and `-Infinity` are errors, and so are floats that would be infinite (`1e400`):
  neither could be sent back as JSON. jiter accepts both. A tail that is out of range is left out;
- a number is at most 4300 characters long; jiter bounds integers only;
- containers nest to a depth of 200 unless `max_depth` says otherwise; jiter goes one deeper.

As with jiter, integers are exact, the last of duplicate keys wins (a cut string hides an earlier
value only where trailing strings are shown), and lone surrogates are errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec

from .json_reader import JSONReader, PartialJSONError, Path
from .json_scan import WHITESPACE, may_hold_long_number

__all__ = [
    "INVALID_JSON",
    "MAX_DEPTH",
    "PartialJSON",
    "PartialJSONError",
    "Path",
    "invalid_json_result",
    "parse_partial",
    "parse_strict",
]

MAX_DEPTH: Final = 200
"""How deep containers may nest, if nothing else is asked for."""

INVALID_JSON: Final = "INVALID_JSON"
"""The key under which the Messages API wants to get back tool input that was not JSON."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]").search
_CONTAINERS: Final = frozenset({dict, list})
_MISSING: Final[Any] = object()


class PartialJSON(JSONReader):
    """The value of a JSON text that arrives in fragments, at any moment.

    `max_depth` bounds how deep containers may nest; `paths=True` records each finished value with
    its path, for `completed()`. Feed it with `feed()`, then ask for `value()` as often as you like.
    """

    __slots__ = ("_attached", "_fed", "_shadowed")

    def __init__(self, *, max_depth: int = MAX_DEPTH, paths: bool = False) -> None:
        super().__init__(max_depth=max_depth, paths=paths)
        self._fed: list[str] = []
        self._attached = False  # whether the tail is in its container, hiding `_shadowed`
        self._shadowed: Any = _MISSING

    def feed(self, fragment: str) -> None:
        """Read on; any fragment will do, also an empty one.

        Costs time linear in the fragment. Never raises for what the text says: see `error`.
        """
        self._fed.append(fragment)
        if self._attached:
            self._detach()
        self._read(fragment)

    def value(self, *, trailing_strings: bool = False) -> Any:
        """The value so far; `None` as long as there is none.

        An unfinished string is left out together with its key or, with `trailing_strings`, shown up
        to where it is certain. A number is shown as soon as its digits make one.

        The containers are live: they are the parser's own, the next `feed()` grows them in place.
        Do not change them; to keep the value of a moment, copy it or use `parse_partial`.

        Costs constant time. With `trailing_strings` what came since the last call is appended to
        the string in place (as CPython does while nobody else holds the string), so a long string
        is still linear over all calls, however often it is asked for; whoever keeps the strings of
        earlier calls pays for one copy of the string each.
        """
        if self._attached:
            self._detach()
        tail: Any = self._unfinished_number()
        if tail is None and trailing_strings:
            tail = self._unfinished_string()
        if tail is not None:
            self._attach(tail)
        return self._roots[0] if self._roots else None

    def completed(self) -> list[tuple[Path, Any]]:
        """The values that were finished since the last call, in the order they ended.

        Each comes with its path: keys and list indexes from the outside in, `()` for the whole. A
        container follows what is in it, and is the live one, but does not change any more. A number
        has ended when white space, `,` or a bracket has come after it.

        Raises:
            RuntimeError: paths are not recorded, because `paths=True` was not given.
        """
        if self._finished is None:
            raise RuntimeError("completed paths are not recorded: use PartialJSON(paths=True)")
        finished, self._finished = self._finished, []
        return finished

    @property
    def text(self) -> str:
        """All that was fed, joined when it is asked for; also what came after an error."""
        if len(self._fed) > 1:
            self._fed = ["".join(self._fed)]
        return self._fed[0] if self._fed else ""

    @property
    def complete(self) -> bool:
        """Whether the text so far is one whole JSON value and nothing else but white space.

        Then `value()` is what `parse_strict` gives for it. More text can still make it wrong.
        """
        return self._is_whole()

    @property
    def error(self) -> PartialJSONError | None:
        """The first error in the text, if there is one."""
        return self._error

    def __repr__(self) -> str:
        state = "error" if self._error else "complete" if self.complete else "incomplete"
        return f"<{type(self).__name__} {state}>"

    def _attach(self, tail: Any) -> None:
        self._attached = True
        if self._key is None:
            self._top.append(tail)
        else:
            self._shadowed = self._top.get(self._key, _MISSING)
            self._top[self._key] = tail

    def _detach(self) -> None:
        self._attached = False
        if self._key is None:
            tail = self._top.pop()
        elif self._shadowed is _MISSING:
            tail = self._top.pop(self._key)
        else:
            tail, self._top[self._key] = self._top[self._key], self._shadowed
        if type(tail) is str:
            self._head = tail


def parse_partial(text: str, *, trailing_strings: bool = False, max_depth: int = MAX_DEPTH) -> Any:
    """The value of an unfinished JSON text, as `PartialJSON.value()` gives it, but nobody else's.

    Never raises for what the text says: a text with an error has the value it had before it.
    """
    parser = PartialJSON(max_depth=max_depth)
    parser.feed(text)
    return parser.value(trailing_strings=trailing_strings)


def parse_strict(text: str, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a finished JSON text: what may be handed to a tool.

    Empty or white text is the input of a tool without arguments: `{}`. Everything else is RFC 8259,
    read as the head of this module says (no NaN, no infinity, integers exact, the last of duplicate
    keys, surrogates in pairs, a bounded depth), with nothing missing and nothing left over.

    Raises:
        PartialJSONError: the text is not JSON, or beyond one of the bounds.
    """
    if not text.strip(WHITESPACE):
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = _MISSING
    if value is _MISSING or may_hold_long_number(text) or _is_deeper(value, text, max_depth):
        return _parse_slowly(text, max_depth)
    return value


def invalid_json_result(tool_use_id: str, raw: str) -> dict[str, Any]:
    """The `tool_result` block that tells the model its tool input was not JSON.

    `raw` is the text as it came. The form is the one the Messages API's page on fine-grained tool
    streaming asks for: `is_error`, and the text as the value of `INVALID_JSON` in a JSON object.
    """
    return {
        "type": "tool_result",
        "tool_use_id": tool_use_id,
        "is_error": True,
        "content": json.dumps({INVALID_JSON: raw}, ensure_ascii=_SURROGATE(raw) is not None),
    }


def _parse_slowly(text: str, max_depth: int) -> Any:
    # Our own grammar decides and words the error; msgspec is only the fast lane for what is valid.
    parser = PartialJSON(max_depth=max_depth)
    parser.feed(text)
    if parser.error is not None:
        raise parser.error
    if not parser.complete:
        raise PartialJSONError(len(text), parser._expected())
    return parser.value()


def _is_deeper(value: Any, text: str, depth: int) -> bool:
    if text.count("[") + text.count("{") <= depth:
        return False
    # Level by level, because a walk by recursion could itself end in a RecursionError.
    level: list[Any] = [value] if type(value) in _CONTAINERS else []
    while level and depth > 0:
        level = [
            item for container in level for item in _items(container) if type(item) in _CONTAINERS
        ]
        depth -= 1
    return bool(level)


def _items(container: Any) -> Iterable[Any]:
    return cast("Iterable[Any]", container.values() if type(container) is dict else container)
