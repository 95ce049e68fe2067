"""Text as it is useful: sentences, lines, paragraphs and Markdown blocks while it still grows.

Theory of operation. A splitter is fed the fragments of a text and gives back its pieces; joined
they are the text, character for character. Each splitter is a small state machine that reads every
character once and in order, so neither the pieces nor the total cost depend on how the text was
cut, and a piece leaves on the very character that makes its end certain. What is still open is a
list of strings that is joined once, when the piece leaves: linear, however long a piece grows.
`end()` says that no more will come and gives back what is left.

Sentences are told apart by tables, not by a model: stops, closing quotes, abbreviations. Where a
table cannot know ("in the U.S. The ...", "the U.S. Senate") the next word decides; in doubt two
sentences stay together, since a listener notices a wrong pause more than a missing one.
"""

from __future__ import annotations

import re
from typing import Literal, Protocol

from tailrace.core.markdown_blocks import MarkdownBlocks

__all__ = ["Lines", "MarkdownBlocks", "Paragraphs", "Sentences", "Splitter"]


class Splitter(Protocol):
    """What every splitter here offers."""

    def feed(self, text: str) -> list[str]:
        """Take the next fragment; give back the pieces that can no longer change."""
        ...

    def end(self) -> list[str]:
        """The text is over: give back what is left. The splitter is then as new."""
        ...


class Lines:
    r"""The lines of a text, each with the `"\n"` (or `"\r\n"`) that ends it.

    A lone `"\r"` does not end a line.
    """

    def __init__(self) -> None:
        self._open: list[str] = []

    def feed(self, text: str) -> list[str]:
        """Take the next fragment; give back the lines it completes."""
        *ended, rest = text.split("\n")
        pieces = [line + "\n" for line in ended]
        if pieces and self._open:
            pieces[0] = "".join((*self._open, pieces[0]))
            self._open.clear()
        if rest:
            self._open.append(rest)
        return pieces

    def end(self) -> list[str]:
        """Give back the last line, if the text did not end with a newline."""
        return _rest(self._open)


class Paragraphs:
    """The paragraphs of a text, each with the blank line that ends it.

    A blank line holds nothing but white space. A paragraph leaves when that line is complete; any
    further blank lines begin the next piece, so only the last piece of a text can be all blank.
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self._open: list[str] = []
        self._empty = True

    def feed(self, text: str) -> list[str]:
        """Take the next fragment; give back the paragraphs it completes."""
        pieces: list[str] = []
        for line in self._lines.feed(text):
            blank = line.isspace()
            self._open.append(line)
            if blank and not self._empty:
                pieces += _rest(self._open)
                self._empty = True
            elif not blank:
                self._empty = False
        return pieces

    def end(self) -> list[str]:
        """Give back the last paragraph, if no blank line ended it."""
        self._open += self._lines.end()
        self._empty = True
        return _rest(self._open)


def _rest(parts: list[str]) -> list[str]:
    piece = "".join(parts)
    parts.clear()
    return [piece] if piece else []


# -- sentences -------------------------------------------------------------------------------

# The strength of each stop; in a run of stops the strongest counts. A dot ends a sentence if what
# stands around it allows, a mark needs white space after it, a full-width stop not even that.
_DOT, _MARK, _HARD = range(3)
_STRENGTH = {
    **dict.fromkeys(".…", _DOT),
    **dict.fromkeys("!?؟۔‼⁇⁈⁉‽", _MARK),
    **dict.fromkeys("。！？｡।॥", _HARD),
}
_STOP = re.compile(f"[\n{re.escape(''.join(_STRENGTH))}]")

# What may stand between a stop and the white space after it. No-break spaces are here because
# French sets one before its closing quotation mark; the asterisk and its kin are Markdown emphasis.
_CLOSERS = frozenset(")]}\"'”’»›」』）】》〉］｝〕*_`~\u00a0\u202f“‘«‹")
# After a full-width stop an opening quotation mark needs no space, so these open.
_OPENERS = frozenset("“‘«‹")

_EMOJI = re.compile(
    "[\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u200d\u20e3\ufe0f"
    "\U0001f000-\U0001faff\U000e0020-\U000e007f]"
)
_UNSPACED_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_TOKEN = re.compile(r"[^\s(\[{\"'“”‘’«»„<>*_`~/\-–—]*\Z")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_NUMBERING = re.compile(r"\d{1,3}(?:\.\d{1,3})*|[IVXLC]+|[ivx]+|[^\W\d_]")
_LINE_MARKS = " \t\r\u00a0>#*_-+"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A stop after one of these never ends a sentence: a name or an explanation follows.
_NEVER = _words(
    "dr mr mrs ms mx prof frl mme mlle mgr sra srta dra messrs rev gov sen capt cmdr lt sgt supt "
    "vs viz cf e.g i.e eg ie z.b z.t d.h u.a o.ä i.d.r s.o s.u m.e p.ex c.-à-d bzw ggf inkl exkl "
    "evtl bspw vgl approx resp dipl"
)
# After one of these a number belongs to it ("No. 5"); anything else begins a new sentence.
_BEFORE_NUMBER = _words(
    "no nr nos fig figs vol vols p pp s eq eqs sec secs ch chap art arts abs par para tab ver v "
    "op ed bd kap ziff aufl jan feb mar apr jun jul aug sep sept oct okt nov dec dez"
)
# These may or may not end a sentence; the next word tells.
_AMBIGUOUS = _words(
    "etc usw inc ltd co corp llc bros jr sr ph.d phd m.d esq dept est al ca st ave blvd rd mt ft "
    "hr fr hon rep gen col pres jan feb mar apr jun jul aug sep sept oct okt nov dec dez"
)
# Words that begin a sentence far more often than they follow an abbreviation.
_STARTERS = _words(
    "A An The This That These Those There Here It Its He She His Her They Their We Our You Your I "
    "My In On At By For From With To As Of But And Or So Yet If When While Then Now After Before "
    "Since Because Although Though However Therefore Also What Who Why How Where Which Let Please "
    "Not No Yes Once Until Each All Some Many Most Both One Two Der Die Das Den Dem Ein Eine Es Er "
    "Sie Wir Ihr Ich Im Am Bei Mit Auf Für Von Und Aber Oder Wenn Als Dann Dies Diese "
    "Dieser Dieses Le La Les Un Une Il Elle Ils Nous Vous Je Ce Cette El Los Las Una Este Esta"
)
# After a small number and a stop these show a German ordinal ("am 3. Oktober").
_ORDINAL_NOUNS = _words(
    "Januar Jänner Februar März April Mai Juni Juli August September Oktober November Dezember "
    "Jahrhundert Jahrhunderts"
)


def _beginnings(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word[:size] for word in words for size in range(1, len(word) + 1))


# (the words, their beginnings, whether meeting one of the words is what ends the sentence)
_NextWord = tuple[frozenset[str], frozenset[str], bool]
_STARTER_ENDS: _NextWord = (_STARTERS, _beginnings(_STARTERS), True)
_ORDINAL_JOINS: _NextWord = (_ORDINAL_NOUNS, _beginnings(_ORDINAL_NOUNS), False)

_RECENT = 24  # characters; longer than any abbreviation with what stands before it


class Sentences:
    r"""The sentences of a text, for speech synthesis.

    A sentence keeps its closing quotes and brackets, emoji that follow its stop, and the spaces
    after it. A newline ends a sentence too and belongs to it; further blank lines begin the next
    piece. A sentence leaves with the first character of the next one, a line with its newline.
    """

    def __init__(self) -> None:
        self._state: Literal["text", "tail", "next word"] = "text"
        self._open: list[str] = []
        self._begin_piece()

    def _begin_piece(self) -> None:
        self._recent = ""  # the last characters of the piece
        self._length = 0  # characters in the piece
        self._blank = True  # nothing but white space in the piece so far

    def feed(self, text: str) -> list[str]:
        """Take the next fragment; give back the sentences that can no longer change."""
        pieces: list[str] = []
        at = 0
        while at < len(text):
            if self._state == "text":
                at = self._in_text(text, at, pieces)
            elif self._state == "tail":
                at = self._in_tail(text, at, pieces)
            else:
                at = self._in_next_word(text, at, pieces)
        return pieces

    def end(self) -> list[str]:
        """Give back the last sentence, whether or not a stop ended it."""
        pieces: list[str] = []
        if self._state == "next word":
            self._decide_by_word(pieces)
        pieces += _rest(self._open)
        self._begin_piece()
        self._state = "text"
        return pieces

    # Each state reads from `at` and says where the next one goes on.

    def _in_text(self, text: str, at: int, pieces: list[str]) -> int:
        found = _STOP.search(text, at)
        if found is None:
            self._take(text[at:])
            return len(text)
        self._take(text[at : found.start()])
        stop = found[0]
        if stop == "\n":
            self._take(stop)
            self._cut(pieces)
        else:
            self._after_stop(stop)
        return found.end()

    def _after_stop(self, stop: str) -> None:
        found = _TOKEN.search(self._recent)
        self._token = found[0] if found else ""
        before = self._recent[: len(self._recent) - len(self._token)]
        self._leads = self._length <= _RECENT and not before.strip(_LINE_MARKS)
        self._strength = _STRENGTH[stop]
        self._ellipsis = stop == "…"
        self._closed = self._spaced = False
        self._take(stop)
        self._state = "tail"

    def _in_tail(self, text: str, at: int, pieces: list[str]) -> int:
        char = text[at]
        if not self._belongs_to_tail(char):
            return self._decide(char, at, pieces)
        self._take(char)
        if char == "\n":
            self._cut(pieces)
            self._state = "text"
        return at + 1

    def _belongs_to_tail(self, char: str) -> bool:
        if _EMOJI.match(char) or (char.isspace() and char not in _CLOSERS):
            self._spaced = True
        elif self._spaced:
            return False
        elif char in _CLOSERS and not (self._strength == _HARD and char in _OPENERS):
            self._closed = True
        elif char in _STRENGTH:
            self._strength = max(self._strength, _STRENGTH[char])
            self._ellipsis = True
        else:
            return False
        return True

    def _decide(self, char: str, at: int, pieces: list[str]) -> int:
        verdict = self._ends_before(char)
        self._state = "text"
        if verdict is True:
            self._cut(pieces)
        elif verdict is not False:
            self._next_word = verdict
            self._ahead = ""
            self._state = "next word"
        return at

    def _ends_before(self, char: str) -> bool | _NextWord:
        """Whether the sentence ends before `char`, the first one after its tail."""
        if self._strength == _HARD:
            return True
        if not self._spaced:  # a URL, a decimal, a version; or the next sentence in Chinese
            return self._strength == _MARK and _UNSPACED_SCRIPT.match(char) is not None
        if self._strength == _MARK:
            return not (self._closed and char.islower())
        if char.islower() or char in ",;:":
            return False
        if self._ellipsis:
            return True
        return self._ends_after_dot(self._token, self._token.lower(), char)

    def _ends_after_dot(self, token: str, lower: str, char: str) -> bool | _NextWord:
        """Whether one full stop after `token` ends the sentence, `char` being no small letter."""
        if not token or lower in _NEVER or (self._leads and _NUMBERING.fullmatch(token)):
            return False
        if lower in _BEFORE_NUMBER and char.isdigit():
            return False
        if lower in _AMBIGUOUS or _DOTTED.fullmatch(token) or (len(token) == 1 and token.isupper()):
            return _STARTER_ENDS if char.isalpha() else False
        if token.isdigit() and len(token) <= 2 and char.isalpha():
            return _ORDINAL_JOINS
        return True

    def _in_next_word(self, text: str, at: int, pieces: list[str]) -> int:
        char = text[at]
        if not char.isalpha():
            self._decide_by_word(pieces)
            return at
        self._ahead += char
        if self._ahead not in self._next_word[1]:
            self._decide_by_word(pieces)
        return at + 1

    def _decide_by_word(self, pieces: list[str]) -> None:
        words, _, ends = self._next_word
        if (self._ahead in words) is ends:
            self._cut(pieces)
        self._take(self._ahead)
        self._state = "text"

    def _take(self, text: str) -> None:
        if text:
            self._open.append(text)
            self._length += len(text)
            self._recent = (self._recent + text[-_RECENT:])[-_RECENT:]
            self._blank = self._blank and text.isspace()

    def _cut(self, pieces: list[str]) -> None:
        if not self._blank:  # leading blank lines wait for the sentence they lead to
            pieces += _rest(self._open)
            self._begin_piece()
