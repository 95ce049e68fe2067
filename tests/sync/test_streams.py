"""Reading a reply: events, text and the message, all from one place in the stream."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any

import pytest
from tests.corpus import STOP, ends, grows, opens, shuts, starts, text, tool
from tests.procedures.scripted import (
    ASKED,
    BEGUN,
    HELLO,
    OPENING,
    PING,
    Scripted,
    kinds,
    reply,
    says,
    whole,
)

from tailrace import (
    AuthenticationError,
    MessageStream,
    Stream,
    StreamClosedError,
    StreamTruncatedError,
    TextEvent,
)
from tailrace.transports.memory import Answer, Pause, Silence

STALLED = reply(*OPENING, *says("Half"), Pause(1), *says(" a"), Silence())
CALLS = reply(starts(), *text(0, "Well"), *tool(1, '{"a"', ": 1}"), ends("tool_use"), STOP)


def stream(turn: Answer = HELLO, **options: Any) -> MessageStream:
    return Scripted(turn, **options).stream()


def raw(turn: Answer = HELLO) -> Stream:
    return Scripted(turn).client.messages.create(stream=True, **ASKED)


# -- one place ---------------------------------------------------------------------------------


def test_all_ways_to_read_share_one_place() -> None:
    one = stream(whole("a", "b", "c", "d"))
    assert next(one).type == "message_start"
    assert next(one.text_stream) == "a"
    after = next(one)
    assert isinstance(after, TextEvent)  # what the piece of text means comes next, as officially
    assert after.text == "a"
    assert next(one).type == "content_block_delta"
    assert list(one.text_stream) == ["c", "d"]
    assert list(one) == []
    assert one.get_final_text() == "abcd"


def test_a_loop_goes_on_where_the_last_one_was_left() -> None:
    one = stream()
    for event in one:
        if event.type == "text":
            break
    assert kinds(one) == [
        "content_block_delta",
        "text",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert iter(one) is iter(one)


def test_text_stream_is_one_iterator() -> None:
    one = stream(whole("a", "b", "c"))
    for piece in one.text_stream:
        assert piece == "a"
        break
    assert one.text_stream is one.text_stream
    assert list(one.text_stream) == ["b", "c"]
    assert list(one.text_stream) == []


def test_after_a_break_the_final_message_is_still_the_whole_one() -> None:
    one = stream(whole("a", "b", "c"))
    for _ in one:
        break
    assert one.get_final_message().content[0].text == "abc"
    assert one.get_final_message() is one.get_final_message()


def test_text_stream_gives_the_text_of_every_block_and_nothing_else() -> None:
    thinking = [opens(0, "thinking", thinking=""), grows(0, "thinking_delta", thinking="Hm")]
    turn = reply(starts(), *thinking, shuts(0), *text(1, "a"), PING, *text(2, "b"), ends(), STOP)
    assert list(stream(turn).text_stream) == ["a", "b"]


# -- events ------------------------------------------------------------------------------------


def test_events_come_in_the_helpers_order() -> None:
    assert kinds(stream(CALLS)) == [
        "message_start",
        *("content_block_start", "content_block_delta", "text", "content_block_stop"),
        "content_block_start",
        *("content_block_delta", "input_json") * 2,
        "content_block_stop",
        *("message_delta", "message_stop"),
    ]


def test_wire_events_come_as_they_were_sent() -> None:
    sent = [starts(), *text(0, "Hello"), {"type": "brand_new", "x": [1]}, ends(), STOP]
    with raw(reply(PING, *sent)) as events:
        assert [event.to_dict() for event in events] == sent


def test_an_event_does_not_change_afterwards() -> None:
    one = stream(CALLS)
    kept = []
    for event in one:
        kept.append((event, copy.deepcopy(event.to_dict())))
    for event, then in kept:
        assert event.to_dict() == then
    begun = next(event for event, _ in kept if event.type == "content_block_start" and event.index)
    assert begun.content_block.input == {}
    assert kept[0][0].message.content == []


def test_enriched_events_hold_the_messages_own_objects() -> None:
    one = stream(CALLS)
    events = list(one)
    message = one.get_final_message()
    assert events[-1].message is message is one.current_message_snapshot
    stops = [event for event in events if event.type == "content_block_stop"]
    assert [stop.content_block is message.content[stop.index] for stop in stops] == [True, True]


def test_the_snapshot_grows() -> None:
    one = stream(whole("a", "b"))
    with pytest.raises(RuntimeError, match="no message yet"):
        _ = one.current_message_snapshot
    seen = []
    for event in one:
        snapshot = one.current_message_snapshot
        seen.append("".join(block.text for block in snapshot.content))
        assert snapshot.complete == (event.type == "message_stop")
    assert list(dict.fromkeys(seen)) == ["", "a", "ab"]


# -- the final message -------------------------------------------------------------------------


def test_the_final_message_is_there_after_the_with_if_the_reply_was_read() -> None:
    with Scripted(HELLO).client.messages.stream(**ASKED) as one:
        one.until_done()
    assert one.get_final_text() == "Hello"
    assert one.response.is_closed


def test_reading_to_the_end_closes_without_a_with() -> None:
    one = stream()
    assert not one.response.is_closed
    one.until_done()
    assert one.response.is_closed


@pytest.mark.parametrize("left", ["by the with", "by close"])
def test_a_stream_left_early_has_no_final_message_and_says_what_there_was(left: str) -> None:
    one = stream(STALLED)
    with one if left == "by the with" else nullcontext():
        assert next(one.text_stream) == "Half"
        if left == "by close":
            one.close()
            one.close()
    for ask in (one.get_final_message, one.get_final_text, one.until_done, one.__next__):
        with pytest.raises(StreamClosedError) as caught:
            ask()
        assert caught.value.partial is not None
        assert caught.value.partial.content[0].text == "Half"
    assert one.current_message_snapshot.content[0].text == "Half"


def test_the_text_is_that_of_all_text_blocks() -> None:
    turn = reply(starts(), *text(0, "a", "b"), *tool(1, "{}"), *text(2, "c"), ends(), STOP)
    assert stream(turn).get_final_text() == "abc"


def test_without_a_text_block_there_is_no_final_text() -> None:
    turn = reply(starts(), *tool(0, "{}"), ends("tool_use"), STOP)
    with pytest.raises(RuntimeError, match="tool_use") as caught:
        stream(turn).get_final_text()
    assert "get_final_message" in str(caught.value)


def test_a_cut_reply_has_no_final_message() -> None:
    with pytest.raises(StreamTruncatedError):
        stream(BEGUN, max_retries=0).get_final_message()


# -- stopping ----------------------------------------------------------------------------------


def test_stop_ends_the_loop_without_an_error() -> None:
    scripted = Scripted(STALLED)
    one = scripted.stream()
    for piece in one.text_stream:
        if piece == " a":
            one.stop()
            one.stop()
    message = one.get_final_message()
    assert message.content[0].text == "Half a"
    assert message.stopped_by_caller
    assert not message.complete
    assert message.to_param()["content"] == [{"type": "text", "text": "Half a"}]
    assert scripted.wire.answers[0].aborted


@pytest.mark.parametrize("how", ["events", "text", "raw"])
def test_stop_when_hands_on_the_event_that_stops(how: str) -> None:
    def enough(event: Any) -> bool:
        delta = event.to_dict().get("delta") or {}
        return delta.get("text") == "b"

    if how == "raw":
        events = list(raw(whole("a", "b", "c")).stop_when(enough))
        assert events[-1].delta.text == "b"
        return
    one = stream(whole("a", "b", "c")).stop_when(enough)
    if how == "text":
        assert list(one.text_stream) == ["a", "b"]
    else:
        last = list(one)[-1]
        assert last.type == "content_block_delta"
    assert one.get_final_text() == "ab"
    assert one.get_final_message().stopped_by_caller


def test_a_predicate_that_never_holds_changes_nothing() -> None:
    one = stream().stop_when(lambda event: False)
    assert list(one.text_stream) == ["Hel", "lo"]
    assert one.get_final_message().complete
    assert not one.get_final_message().stopped_by_caller


# -- the answer's head -------------------------------------------------------------------------

HEAD = {
    "content-type": "text/event-stream",
    "Request-Id": "req_7",
    "anthropic-workspace-id": "wrk_1",
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-21T00:00:00Z",
}


def test_what_the_head_says() -> None:
    for one in (stream(whole("a", headers=HEAD)), raw(whole("a", headers=HEAD))):
        assert (one.request_id, one.workspace_id) == ("req_7", "wrk_1")
        assert one.response.headers["request-id"] == "req_7"
        assert one.response.status_code == 200
        assert (one.rate_limits.requests.limit, one.rate_limits.requests.remaining) == (50, 49)
        assert [attempt.reason for attempt in one.attempts] == ["ok"]
    message = stream(whole("a", headers=HEAD)).get_final_message()
    assert (message._request_id, message._workspace_id) == ("req_7", "wrk_1")


# -- the manager -------------------------------------------------------------------------------


def test_entering_sends_and_entering_again_sends_anew() -> None:
    scripted = Scripted(whole("one"), whole("two"))
    manager = scripted.client.messages.stream(**ASKED)
    assert scripted.wire.requests == []
    with manager as first:
        assert first.get_final_text() == "one"
    with manager as second:
        assert second.get_final_text() == "two"
    assert len(scripted.wire.requests) == 2
    assert first.get_final_text() == "one"


def test_a_manager_is_not_a_stream() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        iter(Scripted().client.messages.stream(**ASKED))  # type: ignore[call-overload]


def test_errors_before_the_first_event_are_raised_on_entering() -> None:
    manager = Scripted(Answer(status=401)).client.messages.stream(**ASKED)
    with pytest.raises(AuthenticationError), manager:
        pytest.fail("the block was entered")


def test_wire_events_are_asked_for_at_once_and_need_no_with() -> None:
    scripted = Scripted(reply(starts(), *text(0, "a"), Pause(1), ends(), STOP))
    events = scripted.client.messages.create(stream=True, **ASKED)
    assert len(scripted.wire.requests) == 1
    assert kinds(events)[-1] == "message_stop"
    assert events.response.is_closed
    assert not hasattr(events, "text_stream")


def test_leaving_closes_at_once() -> None:
    scripted = Scripted(STALLED, STALLED)
    with scripted.client.messages.stream(**ASKED) as one:
        next(one)
    with scripted.client.messages.create(stream=True, **ASKED) as events:
        next(events)
    assert [answer.aborted for answer in scripted.wire.answers] == [True, True]
