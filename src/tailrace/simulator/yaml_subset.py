"""The part of YAML that vcrpy's cassettes are written in.

Block mappings and sequences, plain and quoted scalars over several lines, literal and folded
blocks, `!!binary`, and empty `{}` and `[]`: what PyYAML writes for plain data. Anything else
(anchors, other tags, flow collections with content) is refused with its line, never guessed.
YAML 1.1; the sections named are those of its specification.
"""

from __future__ import annotations

import base64
import re
from typing import Any

_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
    r"""|[^\s#'"\[\]{}&*!|>%@`-][^#]*?|-[^\s#][^#]*?)\s*:(?=[ \t]|$)"""
)
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "yes", "on"), True),
    **dict.fromkeys(("false", "False", "no", "off"), False),
}


class YamlError(ValueError):
    """Text that is not in the part of YAML read here; the message names the line."""


def loads(text: str) -> Any:
    """The data of a document. Raises `YamlError`."""
    reader = _Reader(text)
    value = reader.node(-1)
    reader.skip()
    if reader.at < len(reader.lines):
        raise reader.error("expected the end of the document")
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = text.replace("\r\n", "\n").split("\n")
        self.at = 0

    def skip(self) -> None:
        """Go past lines that are blank, comments, or document markers."""
        while self.at < len(self.lines):
            line = self.lines[self.at].strip(" \t")
            if line and not line.startswith("#") and line not in ("---", "..."):
                return
            self.at += 1

    def error(self, problem: str) -> YamlError:
        return YamlError(f"line {min(self.at + 1, len(self.lines))}: {problem}")

    def _indent(self) -> int:
        line = self.lines[self.at]
        return len(line) - len(line.lstrip(" "))

    def node(self, parent: int, *, in_mapping: bool = False) -> Any:
        """The value on the lines indented more than `parent`."""
        self.skip()
        if self.at >= len(self.lines):
            return None
        indent = self._indent()
        text = self.lines[self.at][indent:]
        is_item = text == "-" or text.startswith("- ")
        # 8.2.1: a sequence inside a mapping may stand at the mapping's own indentation.
        if indent <= parent and not (is_item and in_mapping and indent == parent):
            return None
        if is_item:
            return self._sequence(indent)
        if _KEY.match(text):
            return self._mapping(indent)
        self.lines[self.at] = ""
        return self._scalar(text, parent)

    def _sequence(self, indent: int) -> list[Any]:
        items: list[Any] = []
        while self._here(indent) and re.match(r"-([ \t]|$)", self.lines[self.at][indent:]):
            line = self.lines[self.at]
            # The dash becomes a space: what follows it is a node of its own.
            self.lines[self.at] = line[:indent] + " " + line[indent + 1 :]
            if self.lines[self.at].strip(" \t"):
                items.append(self.node(indent))
            else:
                self.at += 1
                items.append(self.node(indent))
        return items

    def _mapping(self, indent: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while self._here(indent):
            found = _KEY.match(self.lines[self.at][indent:])
            if not found:
                raise self.error("expected a key")
            key = _inline(found[1])
            rest = self.lines[self.at][indent + found.end() :].strip(" \t")
            self.lines[self.at] = ""
            fields[str(key)] = (
                self._scalar(rest, indent) if rest else self.node(indent, in_mapping=True)
            )
        return fields

    def _here(self, indent: int) -> bool:
        self.skip()
        return self.at < len(self.lines) and self._indent() == indent

    def _scalar(self, text: str, parent: int) -> Any:
        """A value that begins with this text, on a line that has been taken."""
        if text.startswith("!!binary"):
            value = self._scalar(text.removeprefix("!!binary").strip(" \t"), parent)
            return base64.b64decode(str(value))
        if text[:1] in ("|", ">"):
            return self._block(text, parent)
        if text[:1] in ("'", '"'):
            return self._quoted(text)
        if text[:1] in ("&", "*", "!", "%", "@", "`") or (
            text[:1] in ("[", "{") and text not in ("[]", "{}")
        ):
            raise self.error(f"{text[:1]!r} begins nothing that is read here")
        self.at += 1
        lines = [text, *self._deeper(parent)]
        return _inline(_folded([line.split(" #")[0].strip(" \t") for line in lines]))

    def _deeper(self, parent: int) -> list[str]:
        """The continuation lines of a plain scalar."""
        found: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip(" \t") and self._indent() <= parent:
                break
            found.append(line)
            self.at += 1
        while found and not found[-1].strip(" \t"):
            found.pop()
            self.at -= 1
        return found

    def _quoted(self, text: str) -> str:
        """7.3: lines of a quoted scalar are folded; a backslash at the end joins them."""
        quote = text[0]
        end = r"'(?:[^']|'')*'(?!')" if quote == "'" else r'"(?:[^"\\]|\\.)*"'
        lines = [text]
        while not (found := re.match(end, "\n".join(lines), re.DOTALL)):
            self.at += 1
            if self.at >= len(self.lines):
                raise self.error("a quoted text does not end")
            lines.append(self.lines[self.at])
        self.at += 1
        inner = found[0][1:-1].split("\n")
        if quote == "'":
            return _folded(_stripped(inner)).replace("''", "'")
        return _unescaped(inner)

    def _block(self, header: str, parent: int) -> str:
        """8.1: a literal or folded block."""
        self.at += 1
        explicit = re.search(r"\d", header)
        lines: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip(" \t") and self._indent() <= parent:
                break
            lines.append(line)
            self.at += 1
        first = next((line for line in lines if line.strip(" \t")), "")
        indent = (
            max(parent, 0) + int(explicit[0]) if explicit else len(first) - len(first.lstrip(" "))
        )
        text = "\n".join(line[indent:] for line in lines)
        if header[0] == ">":
            raise self.error("folded blocks ('>') are not read here")
        if "+" in header:
            return text if text.endswith("\n") or not text else text + "\n"
        text = text.rstrip("\n")
        return text if "-" in header or not text else text + "\n"


def _stripped(lines: list[str]) -> list[str]:
    """6.5: the white space around a line break is not content."""
    last = len(lines) - 1
    return [
        line[(len(line) - len(line.lstrip(" \t"))) * bool(at) :].rstrip(" \t")
        if at < last
        else line[(len(line) - len(line.lstrip(" \t"))) * bool(at) :]
        for at, line in enumerate(lines)
    ]


def _folded(lines: list[str]) -> str:
    """6.5: a line break is a space; n empty lines are n line breaks.

    The last line counts as content even where it is empty: the end of a quoted text stands there.
    """
    text = lines[0]
    breaks = 0
    for at, line in enumerate(lines[1:], start=1):
        if line or at == len(lines) - 1:
            text += ("\n" * breaks if breaks else " ") + line
            breaks = 0
        else:
            breaks += 1
    return text


def _unescaped(lines: list[str]) -> str:
    joined: list[str] = []
    for line in _stripped(lines):
        # An odd number of backslashes at the end: the break itself is escaped.
        escaped = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        joined.append(line[:-1] + "\0join" if escaped else line)
    text = _folded(joined).replace("\0join ", "").replace("\0join", "")
    return _ESCAPE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    if code not in _ESCAPES:
        raise YamlError(f"\\{code} is no escape")
    return _ESCAPES[code]


def _inline(text: str) -> Any:
    """A scalar on one line."""
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        return _unescaped([text[1:-1]])
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    empty: dict[str, Any] = {"[]": [], "{}": {}}
    return empty.get(text, text)
