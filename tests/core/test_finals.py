"""What a stream gives at its end, and on the way there."""

from __future__ import annotations

import pytest
from tests.corpus import STOP, ends, frames, opens, starts, text, tool

from tailrace.core.cursor import Cursor
from tailrace.core.errors import StreamClosedError
from tailrace.core.finals import current_snapshot, final_message, final_text

REPLY = [starts(), *text(0, "Hel", "lo"), *tool(1, "{}"), *text(2, " you"), ends(), STOP]


def read(count: int) -> Cursor:
    """A cursor that has read so many wire events."""
    cursor = Cursor()
    cursor.feed(frames(REPLY))
    for _ in range(count):
        cursor.next_raw()
    return cursor


def test_the_final_message_is_the_snapshot_once_it_is_complete():
    cursor = read(len(REPLY))
    message = final_message(cursor)
    assert message is current_snapshot(cursor)
    assert message.complete
    assert final_text(message) == "Hello you"


@pytest.mark.parametrize("count", range(len(REPLY) - 2))
def test_there_is_no_final_message_before(count):
    with pytest.raises(StreamClosedError, match="was not read to its end") as caught:
        final_message(read(count))
    partial = caught.value.partial
    assert (partial is None) == (count == 0)
    if partial is not None:
        assert not partial.complete
        assert "Hello you".startswith(final_text(partial) if partial.content else "")


def test_a_stop_reason_is_enough():
    assert final_message(read(len(REPLY) - 1)).stop_reason == "end_turn"


def test_a_message_stopped_by_its_caller_is_final():
    cursor = read(4)
    current_snapshot(cursor)._stopped_by_caller = True
    assert final_text(final_message(cursor)) == "Hello"


def test_there_is_no_snapshot_before_the_first_event():
    with pytest.raises(RuntimeError, match="first event has not been read"):
        current_snapshot(read(0))
    assert current_snapshot(read(1)).content == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([], "this one has no content"),
        ([opens(0, "tool_use")["content_block"]], "this one has tool_use; use get_final_message"),
        ([{"type": "thinking"}, {"type": "new"}, {"type": "new"}], "this one has new, thinking;"),
    ],
)
def test_a_reply_without_text_has_no_final_text(content, what):
    cursor = Cursor()
    cursor.feed(frames([starts(content=content)]))
    cursor.next_event()
    with pytest.raises(RuntimeError, match=what):
        final_text(current_snapshot(cursor))


def test_an_empty_text_is_a_text():
    cursor = Cursor()
    cursor.feed(frames([starts(), *text(0), ends(), STOP]))
    cursor.next_text()
    assert final_text(final_message(cursor)) == ""
