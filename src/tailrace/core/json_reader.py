"""JSON text into values, one fragment at a time.

Theory of operation. A `JSONReader` is one pass over the characters. Between fragments it keeps the
stack of open containers, what must come next (the state), and the unread beginning of a cut token:
an escape, a literal or a number, a bounded number of characters, which the next fragment is put
behind. A string that is not finished is a list of pieces. Each state has a step, which reads one
token and says where to go on. Finished values are put into their containers at once, so the value
so far is always there; only the cut token is not in it. After an error it stays as it is.

An error is at the first character that no JSON text could have there (a number out of range is
wrong from its start). So what a reader holds depends on the text, never on how it was cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, cast

from .json_scan import (
    ESCAPE_BEGUN,
    KEY,
    KEY_REST,
    LITERAL_BEGUN,
    LITERALS,
    MAX_NUMBER,
    SPACE,
    STRING,
    VALUE,
    WHITESPACE,
    is_number,
    number,
    unescape,
)

Path = tuple[str | int, ...]

# What must come next; each state has its step in `_STEPS` and its words in `_EXPECTED`.
_VALUE, _FIRST_VALUE, _KEY, _FIRST_KEY, _COLON, _AFTER, _DONE, _STRING, _KEY_STRING = range(9)

_NO_NAN: Final = "(NaN and Infinity are not JSON)"
_EXPECTED: Final = (
    f"a value {_NO_NAN}",
    f"a value or ']' {_NO_NAN}",
    "a key in double quotes",
    "a key in double quotes or '}'",
    "':' after a key",
    "',' or a closing bracket",
    "nothing more after the value",
    "the end of a string",
    "the end of a key",
)
_ENDS_NUMBER: Final = WHITESPACE + ",]}"


class PartialJSONError(ValueError):
    """The text is not JSON: where it stops being so, and what could have stood there.

    Of the text itself the message holds one character only.
    """

    position: int
    """The offset of the first character that is wrong, in characters from the start of the text;
    the length of the text if it ended too early."""
    expected: str
    """What would have been right there, in words."""

    def __init__(self, position: int, expected: str, found: str = "") -> None:
        super().__init__(position, expected, found)
        self.position = position
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        found = ascii(self.found) if self.found else "the end of the text"
        return f"not JSON at character {self.position}: expected {self.expected}, found {found}"


class JSONReader:
    """The finished values of a JSON text that arrives in fragments, and what is still open."""

    __slots__ = (
        "_error",
        "_finished",
        "_head",
        "_key",
        "_max_depth",
        "_offset",
        "_parts",
        "_rest",
        "_roots",
        "_stack",
        "_state",
        "_top",
    )

    def __init__(self, *, max_depth: int, paths: bool) -> None:
        self._max_depth = max_depth
        self._finished: list[tuple[Path, Any]] | None = [] if paths else None
        self._error: PartialJSONError | None = None
        self._offset = 0  # how many characters lie before `_rest`
        self._rest = ""  # the cut token that the next fragment goes on with
        self._state = _VALUE
        # The value itself is the only item of `_roots`, so that it has a container like any other.
        # `_key` is None in a list; `_stack` holds what `_top` and `_key` were further out.
        self._roots: list[Any] = []
        self._top: Any = self._roots
        self._key: str | None = None
        self._stack: list[tuple[Any, str | None]] = []
        # The unfinished string is `_head`, joined when it was last asked for, and `_parts` since.
        self._head = ""
        self._parts: list[str] = []

    def _read(self, fragment: str) -> None:
        if self._error is not None:
            return
        text = self._rest + fragment
        self._rest = ""
        at, end = 0, len(text)
        while at < end:
            at = _STEPS[self._state](self, text, at)
        self._offset += end - len(self._rest)

    def _unfinished_string(self) -> str | None:
        """The value that is a string and has not ended, as far as it is certain."""
        return self._string_so_far() if self._state == _STRING else None

    def _unfinished_number(self) -> int | float | None:
        """The value that is a number, or would be if the text ended here."""
        if self._state <= _FIRST_VALUE and is_number(self._rest):
            return number(self._rest)
        return None

    def _is_whole(self) -> bool:
        if self._stack or self._error is not None:
            return False
        return self._state == _DONE or self._unfinished_number() is not None

    def _string_so_far(self) -> str:
        # `+=` grows a string in place if the local variable is its only owner (CPython).
        head, self._head = self._head, ""
        if self._parts:
            head += "".join(self._parts)
            self._parts.clear()
        return head

    # -- steps: each reads one token at `at` and returns where to go on, the end if it must wait ---

    def _read_value(self, text: str, at: int) -> int:
        found = VALUE(text, at)
        return self._begin_value(text, at) if found is None else self._take_value(text, found)

    def _take_value(self, text: str, found: re.Match[str]) -> int:
        match found.lastindex:
            case 4:
                separator = found[4]
                self._store(unescape(found[3]))
            case 6:
                separator = found[6]
                if not self._read_number(text, found.start(5), found.end(5)):
                    return len(text)
            case 8:
                separator = found[8]
                self._store(LITERALS[found[7]])
            case 9:
                return self._open(text, found.end() - 1)
            case _:
                self._state = _STRING
                return self._pause(text, found.end(), found[3])
        return self._separate(text, found.end(), separator)

    def _begin_value(self, text: str, at: int) -> int:
        found = cast("re.Match[str]", LITERAL_BEGUN(text, at))
        begun, end = found[1], found.end()
        if end == len(text):
            self._rest = begun
            return end
        if self._state == _FIRST_VALUE and text[end] == "]" and not begun:
            return self._close(end + 1)
        words = [word for word in LITERALS if begun and word.startswith(begun)]
        return self._fail(text, end, "".join(words))

    def _read_number(self, text: str, start: int, end: int) -> bool:
        """Store the number, unless the text ends with it, so that it may go on, or it is wrong."""
        self._rest = token = text[start:end]
        if len(token) > MAX_NUMBER:
            self._rest = token[:MAX_NUMBER]
            self._fail(text, start + MAX_NUMBER, f"a number of at most {MAX_NUMBER} characters")
        elif end == len(text):
            pass
        elif not is_number(token):
            self._fail(text, end, f"a digit {_NO_NAN}")
        elif text[end] not in _ENDS_NUMBER:
            self._fail(text, end, self._after_value())
        elif (value := number(token)) is None:
            self._fail(text, start, "a number that is in range")
        else:
            self._rest = ""
            self._store(value)
            return True
        return False

    def _read_string(self, text: str, at: int) -> int:
        found = cast("re.Match[str]", STRING(text, at))
        if found[2] is None:
            return self._pause(text, found.end(1), found[1])
        self._store(self._whole_string(found[1]))
        return self._separate(text, found.end(), found[2])

    def _read_key(self, text: str, at: int) -> int:
        found = KEY(text, at)
        if found is not None:
            return self._end_key(text, found)
        at = _skip_space(text, at)
        if at == len(text):
            return at
        if self._state == _FIRST_KEY and text[at] == "}":
            return self._close(at + 1)
        return self._fail(text, at)

    def _read_key_on(self, text: str, at: int) -> int:
        return self._end_key(text, cast("re.Match[str]", KEY_REST(text, at)))

    def _end_key(self, text: str, found: re.Match[str]) -> int:
        colon = found[2]
        if colon is None:
            self._state = _KEY_STRING
            return self._pause(text, found.end(), found[1])
        self._key = self._whole_string(found[1])
        if not colon:
            self._state = _COLON
            return found.end(2)
        self._state = _VALUE
        return found.end() if found.lastindex == 2 else self._take_value(text, found)

    def _read_colon(self, text: str, at: int) -> int:
        at = _skip_space(text, at)
        if at == len(text):
            return at
        if text[at] != ":":
            return self._fail(text, at)
        self._state = _VALUE
        return at + 1

    def _read_separator(self, text: str, at: int) -> int:
        at = _skip_space(text, at)
        return at if at == len(text) else self._separate(text, at + 1, text[at])

    def _separate(self, text: str, end: int, separator: str) -> int:
        """Go on after a value; `separator`, if not empty, is the character before `end`."""
        if separator == "," and self._stack:
            self._state = _VALUE if self._key is None else _KEY
            return end
        if separator and separator == self._closer():
            return self._close(end)
        self._state = _AFTER if self._stack else _DONE
        return self._fail(text, end - 1) if separator else end

    # -- what steps share ----------------------------------------------------------------------

    def _store(self, value: Any) -> None:
        if self._key is None:
            self._top.append(value)
        else:
            self._top[self._key] = value
        if self._finished is not None:
            self._finish(value)

    def _finish(self, value: Any) -> None:
        frames = [*self._stack, (self._top, self._key)][1:]
        path = tuple(len(top) - 1 if key is None else key for top, key in frames)
        assert self._finished is not None
        self._finished.append((path, value))

    def _open(self, text: str, at: int) -> int:
        if len(self._stack) >= self._max_depth:
            return self._fail(text, at, f"containers to nest no deeper than {self._max_depth}")
        is_list = text[at] == "["
        container: Any = [] if is_list else {}
        if self._key is None:
            self._top.append(container)
        else:
            self._top[self._key] = container
        self._stack.append((self._top, self._key))
        self._top, self._key = container, None if is_list else ""
        self._state = _FIRST_VALUE if is_list else _FIRST_KEY
        return at + 1

    def _close(self, end: int) -> int:
        value = self._top
        self._top, self._key = self._stack.pop()
        self._state = _AFTER if self._stack else _DONE
        if self._finished is not None:
            self._finish(value)
        return end

    def _pause(self, text: str, at: int, characters: str) -> int:
        """Keep the characters of an open string; what follows is an escape, an error or the end."""
        if characters:
            self._parts.append(unescape(characters))
        if at == len(text):
            return at
        begun = ESCAPE_BEGUN(text, at)
        if begun is None:
            return self._fail(text, at, "a character that may stand in a string unescaped")
        if begun.end() == len(text):
            self._rest = text[at:]
            return len(text)
        return self._fail(text, begun.end(), "an escape that JSON knows, surrogates in pairs")

    def _whole_string(self, characters: str) -> str:
        last = unescape(characters)
        if not self._parts and not self._head:
            return last
        self._parts.append(last)
        return self._string_so_far()

    def _closer(self) -> str:
        if not self._stack:
            return ""
        return "]" if self._key is None else "}"

    def _after_value(self) -> str:
        return f"',' or {self._closer()!r}" if self._stack else _EXPECTED[_DONE]

    def _expected(self) -> str:
        """What could stand at the end of the text."""
        if self._state <= _FIRST_VALUE and self._rest:
            return "the rest of a number or literal"
        return self._after_value() if self._state == _AFTER else _EXPECTED[self._state]

    def _fail(self, text: str, at: int, expected: str = "") -> int:
        self._error = PartialJSONError(self._offset + at, expected or self._expected(), text[at])
        return len(text)


def _skip_space(text: str, at: int) -> int:
    found = SPACE(text, at) if text[at] in WHITESPACE else None
    return at if found is None else found.end()


_STEPS: Final[tuple[Callable[[JSONReader, str, int], int], ...]] = (
    JSONReader._read_value,
    JSONReader._read_value,
    JSONReader._read_key,
    JSONReader._read_key,
    JSONReader._read_colon,
    JSONReader._read_separator,
    JSONReader._read_separator,
    JSONReader._read_string,
    JSONReader._read_key_on,
)
