"""Where a continuation meets what came before: nothing twice, nothing lost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.corpus import STOP, Event, ends, frames, grows, opens, shuts, starts, text, tool

from tailrace.core.cursor import Cursor
from tailrace.core.recovery import Continuation
from tailrace.core.seam import Overlap, Seam

LEAST = 10
SEAM = 400

words = st.lists(
    st.text("abcdeé \n👋", min_size=1, max_size=12) | st.text(min_size=1, max_size=12), max_size=40
).map("".join)


def longest_repetition(tail: str, head: str) -> int:
    """How many characters at the head of a text are taken for a repetition, found by trying."""
    for length in range(min(len(tail), len(head)), 0, -1):
        again = head[:length]
        if tail.endswith(again) and (length >= LEAST or not again.strip()):
            return length
    return 0


def fragments(data: st.DataObject, whole: str) -> list[str]:
    """A text in pieces, some of which may be empty."""
    places = data.draw(st.lists(st.integers(0, len(whole)), max_size=8), label="cuts")
    marks = [0, *sorted(places), len(whole)]
    return [whole[a:b] for a, b in pairwise(marks)]


@st.composite
def interrupted(draw: st.DrawFn) -> tuple[str, int, int]:
    """A text, where it was cut, and how much the continuation repeats: ten characters or none."""
    whole = draw(words)
    at = draw(st.integers(0, len(whole)))
    overlap = draw(st.integers(LEAST, at)) if at >= LEAST and draw(st.booleans()) else 0
    assume(overlap <= SEAM)
    # What is said twice in the text itself cannot be told from a repetition.
    assume(longest_repetition(whole[:at][-SEAM:], whole[at - overlap :]) == overlap)
    return whole, at, overlap


# -- the overlap -------------------------------------------------------------------------------


@given(interrupted(), st.data())
def test_nothing_is_said_twice_and_nothing_is_lost(
    case: tuple[str, int, int], data: st.DataObject
) -> None:
    whole, at, overlap = case
    seam = Overlap(whole[:at][-SEAM:], LEAST)
    rest = [seam.feed(piece) for piece in fragments(data, whole[at - overlap :])]
    assert whole[:at] + "".join(rest) + seam.end() == whole


@given(words, words, st.data())
def test_only_a_repetition_is_ever_taken_out(tail: str, new: str, data: st.DataObject) -> None:
    tail = tail[-SEAM:]
    seam = Overlap(tail, LEAST)
    out = "".join(seam.feed(piece) for piece in fragments(data, new)) + seam.end()
    assert out == new[longest_repetition(tail, new) :]


REPETITIONS = [
    # the end of what was said, what comes, what is new in it
    ("The quick brown fox", "quick brown fox jumps", " jumps"),
    ("The quick brown fox", " jumps", " jumps"),
    ("The quick brown fox", "The quick brown fox", ""),
    ("The quick brown fox", "fox trot", "fox trot"),  # shorter than ten: may well be meant
    ("Ha", "Ha ha", "Ha ha"),
    ("Half a ", " reply", "reply"),  # white space was not sent back, so it may come again
    ("Half a \n\n", "\n\nreply", "reply"),
    ("Half a", " reply", " reply"),
    ("", "anything", "anything"),
    ("0123456789", "0123456789" * 2, "0123456789"),
    ("x", "", ""),
]


@pytest.mark.parametrize(("tail", "comes", "new"), REPETITIONS)
def test_repetitions(tail: str, comes: str, new: str) -> None:
    for pieces in ([comes], list(comes)):
        seam = Overlap(tail, LEAST)
        assert "".join(map(seam.feed, pieces)) + seam.end() == new


def test_text_is_held_back_no_longer_than_it_could_be_a_repetition() -> None:
    seam = Overlap("The quick brown fox", LEAST)
    assert [seam.feed(piece) for piece in ("quick ", "brown ", "hare", " and")] == [
        "",
        "",
        "quick brown hare",
        " and",
    ]
    assert seam.end() == ""


# -- the events --------------------------------------------------------------------------------


def going_on(seam: str = "", open_text: int | None = None) -> Continuation:
    return Continuation({}, (), open_text, seam, LEAST)


def rewritten(seam: Seam, *events: Event) -> list[Event]:
    return [one for event in events for one in seam.rewrite(event)]


def test_an_open_text_goes_on_and_the_rest_moves_up() -> None:
    seam = Seam(going_on("One", open_text=2), kept=3)
    events = [starts(), *text(0, " two"), *tool(1, "{}"), ends("tool_use"), STOP]
    assert rewritten(seam, *events) == [
        grows(2, "text_delta", text=" two"),
        shuts(2),
        *tool(3, "{}", id="toolu_1"),
        ends("tool_use"),
        STOP,
    ]
    assert seam.usage == {"input_tokens": 10, "output_tokens": 1}


def test_an_open_text_that_does_not_go_on_is_closed_first() -> None:
    seam = Seam(going_on("One", open_text=0), kept=1)
    assert rewritten(seam, starts(), *tool(0, "{}"), ends()) == [
        shuts(0),
        *tool(1, "{}", id="toolu_0"),
        ends(),
    ]


@pytest.mark.parametrize("end", [[ends(), STOP], [STOP]])
def test_a_continuation_without_content_closes_the_open_text(end: list[Event]) -> None:
    seam = Seam(going_on("One", open_text=0), kept=1)
    assert rewritten(seam, starts(), *end) == [shuts(0), *end]


def test_what_is_held_back_comes_before_the_end_of_its_block() -> None:
    seam = Seam(going_on("The quick brown fox", open_text=0), kept=1)
    assert rewritten(seam, starts(), *text(0, "quick"), ends()) == [
        grows(0, "text_delta", text="quick"),
        shuts(0),
        ends(),
    ]


def test_what_is_held_back_comes_even_if_its_block_never_ends() -> None:
    seam = Seam(going_on("The quick brown fox", open_text=0), kept=1)
    assert rewritten(seam, starts(), *text(0, "quick")[:-1], ends(), STOP) == [
        grows(0, "text_delta", text="quick"),
        shuts(0),
        ends(),
        STOP,
    ]


def test_text_in_the_start_of_a_block_is_text_too() -> None:
    seam = Seam(going_on("One two three", open_text=0), kept=1)
    started = opens(0, "text", text="two three four")
    assert rewritten(seam, starts(), started, *text(0, " five")[1:]) == [
        grows(0, "text_delta", text="two three four"),
        grows(0, "text_delta", text=" five"),
        shuts(0),
    ]


def test_a_new_text_does_not_repeat_the_last_one_that_was_kept() -> None:
    seam = Seam(going_on("The quick brown fox"), kept=1)
    assert rewritten(seam, starts(), *text(0, "quick brown fox", " jumps"), ends()) == [
        opens(1, "text", text=""),
        grows(1, "text_delta", text=" jumps"),
        shuts(1),
        ends(),
    ]


def test_only_the_first_block_can_repeat() -> None:
    seam = Seam(going_on("The quick brown fox", open_text=0), kept=1)
    later = text(1, "The quick brown fox")
    out = rewritten(seam, starts(), *text(0, "!"), *later, ends())
    assert out[-4:-1] == later


def test_deltas_and_events_of_other_kinds_pass() -> None:
    citation: Event = grows(0, "citations_delta", citation={"type": "x"})
    unknown: Event = {"type": "brand_new", "index": 0}
    seam = Seam(going_on("One", open_text=4), kept=5)
    opened = opens(0, "text", text="")
    assert rewritten(seam, starts(), opened, citation, unknown) == [
        {**citation, "index": 4},
        unknown,
    ]


def test_an_event_is_not_changed_itself() -> None:
    events = [starts(), *text(0, " two"), ends(), STOP]
    before = repr(events)
    rewritten(Seam(going_on("One", open_text=2), kept=3), *events)
    assert repr(events) == before


# -- both --------------------------------------------------------------------------------------


@given(interrupted(), st.data())
def test_two_streams_are_one_message(case: tuple[str, int, int], data: st.DataObject) -> None:
    whole, at, overlap = case
    assume(at)
    cursor = Cursor()
    feed(cursor, [starts(), *text(0, *fragments(data, whole[:at]))[:-1]])
    first = taken(cursor)
    cursor.go_on(
        going_on(whole[:at][-SEAM:], open_text=0),
        {"type": "stream_continued", "attempt": 2, "reason": "lost", "discarded": []},
    )
    feed(cursor, [starts(), *text(0, *fragments(data, whole[at - overlap :])), ends(), STOP])
    assert first + taken(cursor) == whole
    message = cursor.accumulator.snapshot()
    assert message is not None
    assert message.complete
    assert [block.text for block in message.content] == [whole]


def feed(cursor: Cursor, events: list[Event]) -> None:
    cursor.feed(frames(events))


def taken(cursor: Cursor) -> str:
    pieces: list[Any] = []
    while (piece := cursor.next_text()) is not None:
        pieces.append(piece)
    return "".join(pieces)
