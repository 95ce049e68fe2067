"""The top-level blocks of a Markdown text that still grows, for rendering it as it comes.

Theory of operation. Markdown's block structure is decided line by line, and most lines by their
first few characters. So each line is classified as soon as its beginning allows (`_classify`), and
the open block says whether a line of that kind still belongs to it (`goes_on`); if not, the block
leaves before the line is even complete. Once a line is complete the block takes it (`add`) and may
be `done` with it: a fence with its closing line, a paragraph with the blank line after it. What may
stand inside lists and quotes only matters for one question, whether an unindented line is the lazy
continuation of a paragraph in there (`_Inside`). Every character is looked at a bounded number of
times: an undecided beginning is looked at again only when a character arrives that may decide it.

The rules are those of CommonMark 0.31 (section 4, leaf blocks; section 5, container blocks) and the
tables of GitHub Flavored Markdown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import NamedTuple

_WS = r"[ \t\r]"
_CELL = rf"{_WS}*:?-+:?{_WS}*"  # of the row below a table's head
_ANY = re.compile(".")
_NOT_SPACE = re.compile(r"[^ \t\r]")


class _Line(NamedTuple):
    """What a line is, judged by its beginning."""

    kind: str
    indent: int = 0  # columns of white space before it
    text: str = ""  # what follows the indent; of an incomplete line, what has come
    mark: str = ""  # a list's bullet or delimiter
    width: int = 0  # columns before the content of a list item
    bare: bool = False  # a list item without content on its first line
    interrupts: bool = False  # whether it ends a paragraph that stands before it


class MarkdownBlocks:
    r"""The top-level blocks of a Markdown text; a fence, list, table or quote stays whole.

    A paragraph or quote leaves with the blank line that ends it, a heading, thematic break or
    closed fence with its own newline, a list with the first line that cannot belong to it, as soon
    as the beginning of that line shows it. Further blank lines begin the next piece, so only the
    last piece of a text can be all blank. An unclosed fence lasts to the end of the text.
    """

    def __init__(self) -> None:
        self._open: list[str] = []  # the complete lines of the piece
        self._block: _Block | None = None
        self._begin_line()

    def _begin_line(self) -> None:
        self._line: list[str] = []  # the line that still grows
        self._known = False
        self._decider = _ANY  # what may tell the kind of an undecided line

    def feed(self, text: str) -> list[str]:
        """Take the next fragment; give back the blocks that can no longer change."""
        pieces: list[str] = []
        *ended, rest = text.split("\n")
        for line in ended:
            self._line.append(line + "\n")
            self._finish_line(pieces)
        if rest:
            self._line.append(rest)
            if not self._known and self._decider.search(rest):
                self._look(pieces)
        return pieces

    def end(self) -> list[str]:
        """Give back the last block, whether or not anything ended it."""
        pieces: list[str] = []
        if self._line:
            self._finish_line(pieces)
        self._leave(pieces)
        return pieces

    def _look(self, pieces: list[str]) -> None:
        """Judge an incomplete line, and let the open block go if it cannot belong to it."""
        beginning = "".join(self._line)
        self._line = [beginning]
        if self._block is None:
            self._known = True  # it makes no difference before the line is complete
            return
        found = _classify(beginning, whole=False)
        if isinstance(found, re.Pattern):
            self._decider = found
            return
        self._known = True
        if not self._block.goes_on(found):
            self._leave(pieces)

    def _finish_line(self, pieces: list[str]) -> None:
        text = "".join(self._line)
        line = _classify(text, whole=True)
        assert isinstance(line, _Line)
        if self._block is not None and not self._block.goes_on(line):
            self._leave(pieces)
        self._open.append(text)
        if self._block is None:
            self._block = _begin(line)
        else:
            self._block.add(line)
        if self._block is not None and self._block.done:
            self._leave(pieces)
        self._begin_line()

    def _leave(self, pieces: list[str]) -> None:
        if self._open:
            pieces.append("".join(self._open))
            self._open.clear()
        self._block = None


# -- lines -----------------------------------------------------------------------------------

# Section 4.6, by the kinds' numbers: 1 to 5 have an end of their own, 6 and 7 a blank line.
_HTML = re.compile(
    r"<(?:(?P<tag>script|pre|style|textarea)(?=[\s>]|\Z)|(?P<comment>!--)|(?P<pi>\?)"
    r"|(?P<cdata>!\[CDATA\[)|(?P<declaration>![A-Z])"
    r"|(?P<block>/?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col"
    r"|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame"
    r"|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes"
    r"|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr"
    r"|track|ul)(?=[\s>]|/>|\Z)))",
    re.IGNORECASE,
)
_LONE_TAG = re.compile(r"<(?:/[a-z][a-z\d-]*\s*|[a-z][a-z\d-]*(?:\s[^<>]*)?)>\s*\Z", re.IGNORECASE)
_HTML_ENDS = {
    "tag": re.compile("</(?:script|pre|style|textarea)>", re.IGNORECASE),
    "comment": re.compile("-->"),
    "pi": re.compile(r"\?>"),
    "cdata": re.compile(r"\]\]>"),
    "declaration": re.compile(">"),
}
_FENCE = re.compile(r"(`{3,})[^`]*\Z|(~{3,})")
_RULE = re.compile(rf"([-*_])(?:{_WS}*\1){{2,}}{_WS}*\Z")
_HEADING = re.compile(rf"#{{1,6}}(?:{_WS}|\Z)")
_ITEM = re.compile(rf"([-+*]|\d{{1,9}}[.)])({_WS}*)(?=(\S?))")

# Beginnings that may still become different things, and what can decide between them.
_UNDECIDED: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"#{1,6}|`{1,2}|~{1,2}|\d{1,9}"), _ANY),
    (re.compile(r"`{3,}"), re.compile("[^`]")),
    (re.compile(r"`{3,}[^`]+"), re.compile("`")),
    (re.compile(rf"-(?:{_WS}*-)*{_WS}*"), re.compile(r"[^- \t\r]")),
    (re.compile(rf"\*(?:{_WS}*\*)*{_WS}*"), re.compile(r"[^* \t\r]")),
    (re.compile(rf"_(?:{_WS}*_)*{_WS}*"), re.compile(r"[^_ \t\r]")),
    (re.compile(rf"(?:\+|\d{{1,9}}[.)]){_WS}*"), _NOT_SPACE),
    (re.compile(r"<(?:!(?:-|\[[CDAT]{0,5})?|/?[a-z\d]{0,10}/?)?", re.IGNORECASE), _ANY),
)


def _classify(line: str, *, whole: bool) -> _Line | re.Pattern[str]:
    """What a line is, or, if its beginning cannot tell yet, what to wait for."""
    body = line.lstrip(" \t")
    indent = _columns(line[: len(line) - len(body)])
    text = body.rstrip("\r\n") if whole else body
    if not text.strip("\r"):
        return _Line("blank") if whole else _NOT_SPACE
    if indent >= 4:
        return _Line("indented", indent, text)
    if not whole:
        for beginning, decider in _UNDECIDED:
            if beginning.fullmatch(text):
                return decider
    return _marked(indent, text) or _item(indent, text) or _Line("text", indent, text)


def _marked(indent: int, text: str) -> _Line | None:
    if text[0] == ">":
        return _Line("quote", indent, text, interrupts=True)
    for kind, start in (("heading", _HEADING), ("fence", _FENCE), ("rule", _RULE), ("html", _HTML)):
        if start.match(text):
            return _Line(kind, indent, text, interrupts=True)
    return _Line("html", indent, text) if _LONE_TAG.match(text) else None


def _item(indent: int, text: str) -> _Line | None:
    found = _ITEM.match(text)
    if found is None:
        return None
    marker, space, content = found.groups()
    if content and not space:
        return None
    before = " " * indent + marker
    room = _columns(before + space) - len(before)
    width = len(before) + (room if content and room <= 4 else 1)
    interrupts = bool(content) and (not marker[0].isdigit() or marker[:-1] == "1")
    return _Line("item", indent, text, marker[-1], width, not content, interrupts)


def _columns(space: str) -> int:
    return len(space.expandtabs(4)) if "\t" in space else len(space)


# -- blocks ----------------------------------------------------------------------------------


class _Block:
    """An open block. Unless it says otherwise it takes every line and never ends."""

    done = False  # the line just added was its last

    def __init__(self, line: _Line) -> None:
        del line

    def goes_on(self, line: _Line) -> bool:
        """Whether a line, of which the beginning is enough, still belongs to it."""
        del line
        return True

    def add(self, line: _Line) -> None:
        """Take a complete line that belongs to it."""
        del line


def _begin(line: _Line) -> _Block | None:
    """The block that a complete line opens; a blank one opens none."""
    return None if line.kind == "blank" else _BLOCKS[line.kind](line)


class _Single(_Block):
    """A heading or a thematic break."""

    done = True


class _Paragraph(_Block):
    """A paragraph, a heading underlined on its last line, or a table.

    A table directly below a paragraph, with no blank line between, stays with it.
    """

    raw = False
    _underline = re.compile(rf"(?:=+|-+){_WS}*\Z")
    _table = re.compile(rf"(?=.*\|)\|?{_CELL}(?:\|{_CELL})*\|?\Z")

    def __init__(self, line: _Line) -> None:
        self._is_table = False
        self._head = line.text  # the last line, which may be a table's head

    def goes_on(self, line: _Line) -> bool:
        if self._is_table:
            return line.kind in ("text", "blank") or (line.kind == "html" and not line.interrupts)
        return not line.interrupts or self._underlines(line)

    def add(self, line: _Line) -> None:
        self.done = line.kind == "blank" or (not self._is_table and self._underlines(line))
        if self._table.match(line.text.rstrip()) and _cells(line.text) == _cells(self._head):
            self._is_table = True
        self._head = line.text

    def _underlines(self, line: _Line) -> bool:
        return line.indent < 4 and bool(self._underline.match(line.text))


def _cells(row: str) -> int:
    row = row.strip().removeprefix("|").removesuffix("|")
    return 1 + row.count("|") - row.count("\\|")


class _Indented(_Block):
    """An indented code block."""

    def goes_on(self, line: _Line) -> bool:
        return line.kind in ("indented", "blank")


class _Fence(_Block):
    """A fenced code block, up to a closing fence at least as long as the opening one."""

    def __init__(self, line: _Line) -> None:
        self._closing = _closing_fence(line.text)

    def add(self, line: _Line) -> None:
        self.done = line.indent < 4 and self._closing.match(line.text) is not None


def _closing_fence(opening: str) -> re.Pattern[str]:
    mark = opening[0]
    size = len(opening) - len(opening.lstrip(mark))
    return re.compile(rf"{mark}{{{size},}}{_WS}*\Z")


class _Html(_Block):
    """A block of HTML: with an end of its own, over blank lines too, or up to a blank line."""

    def __init__(self, line: _Line) -> None:
        found = _HTML.match(line.text)
        self._end = _HTML_ENDS.get((found and found.lastgroup) or "")
        self.done = found is not None and self._ends(line.text[found.end() :])

    def _ends(self, text: str) -> bool:
        return self._end is not None and self._end.search(text) is not None

    def add(self, line: _Line) -> None:
        self.done = self._ends(line.text) if self._end else line.kind == "blank"


class _Inside:
    """What the last line of a container leaves open: a paragraph, a fence or neither."""

    _prefix = re.compile(rf"(?:{_WS}*(?:>|(?:[-+*]|\d{{1,9}}[.)])(?={_WS}|\Z)))*({_WS}*)")

    def __init__(self) -> None:
        self.lazy = False  # a paragraph is open, which an unindented line would go on with
        self._closing: re.Pattern[str] | None = None

    def goes_on_lazily(self, line: _Line) -> bool:
        return self.lazy and not line.interrupts and line.kind != "item"

    def saw(self, text: str, inset: int = 0) -> None:
        """Take a line of the container, `inset` columns deeper than what the container holds."""
        found = self._prefix.match(text)
        space, rest = (found[1], text[found.end() :]) if found else ("", text)
        is_code = not self.lazy and (inset >= 4 or len(space) > 4)
        if self._closing is not None:
            self._closing = None if self._closing.match(rest) else self._closing
        elif _FENCE.match(rest) and not is_code:
            self._closing = _closing_fence(rest)
            self.lazy = False
        else:
            is_other = _HEADING.match(rest) or _RULE.match(rest)
            self.lazy = bool(rest) and not is_code and not is_other


class _Quote(_Block):
    """A block quote; a blank line ends it."""

    def __init__(self, line: _Line) -> None:
        self._inside = _Inside()
        self._inside.saw(line.text)

    def goes_on(self, line: _Line) -> bool:
        return line.kind in ("quote", "blank") or self._inside.goes_on_lazily(line)

    def add(self, line: _Line) -> None:
        self.done = line.kind == "blank"
        self._inside.saw(line.text)


_NOTHING_FITS = sys.maxsize


class _List(_Block):
    """A list with all its items; blank lines may stand between and inside them."""

    def __init__(self, line: _Line) -> None:
        self._mark = line.mark
        self._begin_item(line)

    def _begin_item(self, line: _Line) -> None:
        self._width = line.width
        self._bare = line.bare
        self._inside = _Inside()
        self._inside.saw(line.text)

    def _is_sibling(self, line: _Line) -> bool:
        return line.kind == "item" and line.mark == self._mark and line.indent < self._width

    def goes_on(self, line: _Line) -> bool:
        if line.kind == "blank" or line.indent >= self._width or self._is_sibling(line):
            return True
        return self._inside.goes_on_lazily(line)

    def add(self, line: _Line) -> None:
        if line.kind == "blank":
            self._inside.lazy = False
            # Section 5.2: an item can begin with one blank line at most.
            self._width = _NOTHING_FITS if self._bare else self._width
        elif self._is_sibling(line):
            self._begin_item(line)
        else:
            self._bare = False
            self._inside.saw(line.text, line.indent - self._width)


_BLOCKS: dict[str, Callable[[_Line], _Block]] = {
    "heading": _Single,
    "rule": _Single,
    "fence": _Fence,
    "html": _Html,
    "quote": _Quote,
    "item": _List,
    "indented": _Indented,
    "text": _Paragraph,
}
