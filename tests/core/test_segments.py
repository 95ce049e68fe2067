"""Sentences, lines and paragraphs: tables of texts, and what holds for every text and every cut."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.segments import Lines, MarkdownBlocks, Paragraphs, Sentences, Splitter

Make = Callable[[], Splitter]
ALL: list[Make] = [Sentences, Lines, Paragraphs, MarkdownBlocks]


def split(make: Make, fragments: list[str] | str) -> list[str]:
    splitter = make()
    pieces = [piece for fragment in fragments for piece in splitter.feed(fragment)]
    return pieces + splitter.end()


# Written with | where a piece ends; the bar is not part of the text.
SENTENCES = {
    "two": "Hello world. |How are you?",
    "marks": "No! |Really?! |Yes.",
    "one without a stop": "Hello",
    "stop at the end": "Hello. |Bye. ",
    "titles": "Dr. Smith met Prof. Li. |They talked.",
    "latin": "Cats, e.g. Tom, i.e. one. |Done.",
    "german": "Das ist z.B. Nr. 5 bzw. Hr. Maier. |Gut.",
    "ordinal": "Am 3. Oktober war es so. |Ja.",
    "small number at the end": "I have 3. |The rest is gone.",
    "initials": "J. R. R. Tolkien wrote it. |Good.",
    "letter before a starter": "Take vitamin C. |It helps.",
    "country before a name": "The U.S. Senate met. |Then it rested.",
    "country before a starter": "He lives in the U.S. |The end.",
    "etc in the middle": "Apples, pears, etc. are fruit. |Yes.",
    "etc at the end": "Apples, pears, etc. |They are fruit.",
    "hour before a name": "It is 5 p.m. EST now. |Go.",
    "number and no": "See No. 5. |No. |That is all.",
    "decimals": "Pi is 3.14. |It is 3.14159.",
    "versions": "Use v2.11.0 of Node.js. |It works.",
    "urls": "See https://example.com/a.b?c=1. |Then go.",
    "mail": "Write to a.b@example.com. |Thanks.",
    "ellipsis goes on": "Well... maybe. |Sure.",
    "ellipsis ends": "Wait... |What?",
    "one character ellipsis": "Well… maybe… |Maybe not.",
    "spaced dots": "And . . . nothing. |End.",
    "dot in front": "Edit the .env file. |Save it.",
    "quotes": 'He said "Stop." |She did.',
    "curly quotes": "He said “Stop.” |She did.",
    "question inside a sentence": "“What?” she asked. |Nothing.",
    "brackets": "It rained. |(Again.) |We left.",
    "emphasis": "**Bold.** |Next.",
    "french": "« Oui\u00a0!\u00a0» |Elle part.",
    "comma after the abbreviation": "Books, etc., are old. |So.",
    "lower case after a dot": "it is approx. five. so. he",
    "chinese": "你好。|我很好！|真的吗？|好",
    "chinese quotes": "「你好。」|他说。|“再见。”|完",
    "chinese after a plain mark": "好吗?|好",
    "japanese": "行く！|いいえ。",
    "hindi": "नमस्ते। |ठीक है।",
    "arabic": "كيف حالك؟ |بخير.",
    "emoji after the stop": "Great! 🎉 |Next one.",
    "joined emoji": "Family. 👨‍👩‍👧 |Next.",
    "emoji without a space": "好！🎉|下",
    "emoji instead of a stop": "I love it 🎉 so much. |Yes.",
    "newline": "A title\n|A line\n|",
    "windows newline": "One\r\n|Two",
    "blank lines lead": "One.\n|\n  Two.",
    "numbered list": "1. First\n|2. Second\n|10. Tenth",
    "numbered bold": "**1. Title** and more. |Then.",
    "roman numbers": "II. Part\n|a. point",
    "heading": "## 1.2. Title\n|Text.",
    "stop, then newline": "One.\n|Two.",
    "stop, spaces, newline": "One.  \n|Two.",
    "only space": "   ",
    "only newlines": "\n\n",
}


@pytest.mark.parametrize("marked", SENTENCES.values(), ids=SENTENCES)
def test_sentences(marked: str) -> None:
    expected = [piece for piece in marked.split("|") if piece]
    assert split(Sentences, ["".join(expected)]) == expected


# The moment a piece leaves: (fed so far, gone by then).
MOMENTS: list[tuple[Make, str, list[str]]] = [
    (Sentences, "Hello.", []),
    (Sentences, "Hello. ", []),
    (Sentences, "Hello. H", ["Hello. "]),
    (Sentences, "Hello.\n", ["Hello.\n"]),
    (Sentences, "Title\n", ["Title\n"]),
    (Sentences, "你好。", []),
    (Sentences, "你好。我", ["你好。"]),
    (Sentences, "in the U.S. T", []),
    (Sentences, "in the U.S. The", []),
    (Sentences, "in the U.S. The ", ["in the U.S. "]),
    (Sentences, "in the U.S. Sen", []),
    (Sentences, "am 3. Okt", []),
    (Sentences, "am 3. Obs", ["am 3. "]),
    (Lines, "one", []),
    (Lines, "one\r", []),
    (Lines, "one\r\ntw", ["one\r\n"]),
    (Paragraphs, "one\n", []),
    (Paragraphs, "one\n ", []),
    (Paragraphs, "one\n \n", ["one\n \n"]),
]


@pytest.mark.parametrize(("make", "text", "gone"), MOMENTS)
def test_a_piece_leaves_at_this_character(make: Make, text: str, gone: list[str]) -> None:
    assert make().feed(text) == gone


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", ["\n"]),
        ("a\n\nb", ["a\n", "\n", "b"]),
        ("a\rb\r\nc", ["a\rb\r\n", "c"]),
        ("a\u2028b", ["a\u2028b"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    assert split(Lines, list(text)) == lines


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("a\nb\n\nc", ["a\nb\n\n", "c"]),
        ("\n\na\n\n\n\nb", ["\n\na\n\n", "\n\nb"]),
        ("a\n\t\nb\n", ["a\n\t\n", "b\n"]),
        ("a\r\n\r\nb", ["a\r\n\r\n", "b"]),
        ("a\n\n\n", ["a\n\n", "\n"]),
    ],
)
def test_paragraphs(text: str, paragraphs: list[str]) -> None:
    assert split(Paragraphs, list(text)) == paragraphs


# Text that is dense in everything the splitters look at.
ATOMS = """a|B|word |The |U.S.|e.g.|3|1. |.|...|…|!|?| |\t|"|)|*|**|。|！|好|「|」|🎉|\u200d|# |- |
> |~~~|`|---|    |<!--|-->|_|Dr|Okt|Oktober|etc|I|No|\u00a0|\u0661|é|ß|\x0b|\x85|```"""
TEXT = st.lists(
    st.sampled_from([*ATOMS.replace("\n", "").split("|"), "\n", "\n\n", "\r\n", "|", "|---|\n"]),
    max_size=40,
).map("".join)


def cut(text: str, places: list[int]) -> list[str]:
    marks = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in itertools.pairwise(marks)]


@pytest.mark.parametrize("make", ALL)
@given(text=TEXT | st.text(), places=st.lists(st.integers(0, 200), max_size=8))
def test_cuts_do_not_matter(make: Make, text: str, places: list[int]) -> None:
    whole = split(make, [text])
    assert "".join(whole) == text
    assert split(make, list(text)) == whole
    assert split(make, cut(text, places)) == whole
    assert "" not in whole


@pytest.mark.parametrize("make", ALL)
@given(text=TEXT, more=TEXT)
def test_what_left_stays_so(make: Make, text: str, more: str) -> None:
    gone = make().feed(text)
    assert split(make, [text + more])[: len(gone)] == gone


@pytest.mark.parametrize("make", ALL)
@given(text=TEXT)
def test_only_the_last_piece_can_be_blank(make: Make, text: str) -> None:
    space = " \t\r\n" if make is MarkdownBlocks else None  # CommonMark knows no other
    blank = [piece for piece in split(make, [text])[:-1] if not piece.strip(space)]
    assert blank == [] or make is Lines


@pytest.mark.parametrize("make", ALL)
@given(first=TEXT, second=TEXT)
def test_after_the_end_it_is_as_new(make: Make, first: str, second: str) -> None:
    splitter = make()
    splitter.feed(first)
    splitter.end()
    assert splitter.feed(second) + splitter.end() == split(make, [second])
    assert splitter.end() == []


# What may come next, rich enough that every sentence that can still change does so under one.
NEXTS = """| |a|A| a| A|1|.| .|。|)|"|🎉|好| The X| X|he X|e X|xyz|s| Oktober|r X|er X|, |!|o. A|
\u00a0a|x. A"""
NEXT = [*NEXTS.replace("\n", "").split("|"), "\n"]


@given(text=TEXT)
def test_no_sentence_is_kept_longer_than_it_must(text: str) -> None:
    splitter = Sentences()
    gone = len(splitter.feed(text))
    if "".join(split(Sentences, [text])[gone:]).strip():
        assert len({tuple(split(Sentences, [text + more])[gone : gone + 1]) for more in NEXT}) > 1


HARD = [
    "a" * 4000,
    " " * 4000,
    "." * 4000,
    "! " + "🎉" * 4000,
    "`" * 4000,
    "- " * 2000,
    "\t" * 4000,
]


@pytest.mark.parametrize("text", HARD, ids=lambda text: text[:3])
@pytest.mark.parametrize("make", ALL)
def test_four_times_the_text_is_four_times_the_steps(make: Make, text: str) -> None:
    def steps(size: int) -> int:
        return counted(lambda: split(make, list(text[:size])))

    assert steps(len(text)) < 5 * steps(len(text) // 4) + 1000


def counted(work: Callable[[], object]) -> int:
    """How many lines of Python a piece of work runs."""
    count = 0

    def trace(frame: Any, event: str, arg: Any) -> Any:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def corpus_texts() -> Iterator[str]:
    """The text blocks of the recorded streams."""
    home = Path(os.environ.get("TAILRACE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
    for file in sorted(home.glob("*/*.sse")):
        texts: dict[int, list[str]] = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("data:") and '"text_delta"' in line:
                event = json.loads(line[5:])
                texts.setdefault(event["index"], []).append(event["delta"]["text"])
        yield from ("\0".join(parts) for parts in texts.values())


@pytest.mark.parametrize("make", ALL)
def test_recorded_texts(make: Make) -> None:
    texts = list(corpus_texts())
    if not texts:
        pytest.skip("no corpus; set TAILRACE_CORPUS to the folder of recorded streams")
    for text in texts:
        fragments = text.split("\0")
        pieces = split(make, fragments)
        assert "".join(pieces) == "".join(fragments)
        assert split(make, ["".join(fragments)]) == pieces
