"""Where things stand in a TOML text: the line of every key and array element.

The standard library's parser tells no positions, and an error in a scenario must name its line.
This reads a text that parser has already accepted, so it checks nothing and only follows the
structure: tables, keys, arrays, inline tables, and the four kinds of strings, whose brackets do
not count.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*""")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]*")


def lines(text: str) -> dict[Path, int]:
    """The line, counted from 1, on which each key and each array element begins."""
    reader = _Reader(text)
    reader.document()
    return reader.found


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tables: dict[Path, int] = {}  # how many elements each array of tables has so far
        self.found: dict[Path, int] = {}

    def document(self) -> None:
        prefix: Path = ()
        while self._skip() < len(self._text):
            if self._text.startswith("[", self._at):
                prefix = self._table()
            else:
                self._pair(prefix)

    def _table(self) -> Path:
        """The path of `[table]` or of a new element of `[[table]]`."""
        start = self._at
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        keys = self._keys()
        self._at += 2 if array else 1
        path = self._inside(keys[:-1])
        path = (*path, keys[-1])
        if array:
            self._note(path, start)
            self._tables[path] = self._tables.get(path, 0) + 1
            path = (*path, self._tables[path] - 1)
        self._note(path, start)
        return path

    def _inside(self, keys: list[str]) -> Path:
        """A path through arrays of tables, whose last element is meant."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path

    def _pair(self, prefix: Path) -> None:
        start = self._at
        path = prefix
        for key in self._keys():
            path = (*path, key)
            self._note(path, start)
        self._at += 1  # the equals sign
        self._value(path)

    def _keys(self) -> list[str]:
        """A dotted key."""
        keys: list[str] = []
        while found := _KEY.match(self._text, self._at):
            keys.append(found[1].strip("\"'"))
            self._at = found.end()
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return keys

    def _value(self, path: Path) -> None:
        self._skip()
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._items(path, "]")
        elif opening == "{":
            self._items(path, "}")
        else:
            pattern = _STRING if opening in "\"'" else _SCALAR
            found = pattern.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)

    def _items(self, path: Path, closing: str) -> None:
        """The elements of an array, or the pairs of an inline table."""
        self._at += 1
        index = 0
        while self._skip() < len(self._text) and self._text[self._at] != closing:
            if closing == "]":
                self._note((*path, index), self._at)
                self._value((*path, index))
                index += 1
            else:
                self._pair(path)
            if self._skip() < len(self._text) and self._text[self._at] == ",":
                self._at += 1
        self._at += 1

    def _skip(self) -> int:
        """Go past white space and comments."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _note(self, path: Path, at: int) -> None:
        self.found.setdefault(path, self._text.count("\n", 0, at) + 1)
