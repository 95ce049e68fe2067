"""One place in a stream, shared by every way of reading it; and what it raises."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import STOP, body, ends, frames, grows, opens, shuts, starts, text, tool

from tailrace.core import errors
from tailrace.core.cursor import RESTARTED, Cursor
from tailrace.core.errors import APIStatusError, StreamProtocolError
from tailrace.core.events import ContentBlockStopEvent, MessageStopEvent, TextEvent, UnknownEvent
from tailrace.core.framing import EventStreamDecoder
from tailrace.core.http import Headers, Request, Response
from tailrace.core.recovery import continuation

REPLY = [
    starts(),
    opens(0, "thinking", thinking="", signature=""),
    grows(0, "thinking_delta", thinking="hm"),
    grows(0, "signature_delta", signature="s"),
    shuts(0),
    *text(1, "Hel", "", "lo"),
    *tool(2, "", '{"a": ', "1}"),
    {"type": "brand_new", "data": 1},
    *text(3, "bye"),
    ends("tool_use"),
    STOP,
]


def cursor_at(*events: Any) -> Cursor:
    cursor = Cursor()
    cursor.response = Response(200, {"request-id": "req_1"}, request=REQUEST)
    cursor.feed(frames(events))
    return cursor


REQUEST = Request("POST", "https://api.test", Headers({"x-api-key": "sk-secret"}), b"the prompt")


def rest(cursor: Cursor, way: str = "next_event") -> list[Any]:
    found = []
    while (item := getattr(cursor, way)()) is not None:
        found.append(item)
    return found


# -- the order ---------------------------------------------------------------------------------


def test_the_helper_s_order():
    kinds = [event.type for event in rest(cursor_at(*REPLY))]
    assert kinds == [
        "message_start",
        "content_block_start",
        *("content_block_delta", "thinking"),
        *("content_block_delta", "signature"),
        "content_block_stop",
        "content_block_start",
        *("content_block_delta", "text") * 3,
        "content_block_stop",
        "content_block_start",
        *("content_block_delta", "input_json") * 3,
        "content_block_stop",
        "brand_new",
        "content_block_start",
        *("content_block_delta", "text"),
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_stops_are_enriched_for_events_and_plain_for_raw():
    events = rest(cursor_at(*REPLY))
    stops = [event for event in events if isinstance(event, ContentBlockStopEvent)]
    assert [stop.content_block.type for stop in stops] == ["thinking", "text", "tool_use", "text"]
    assert isinstance(events[-1], MessageStopEvent)
    assert [stop.content_block for stop in stops] == events[-1].message.content
    raw = rest(cursor_at(*REPLY), "next_raw")
    assert raw == REPLY
    assert type(raw[-1]) is not MessageStopEvent


def test_unknown_events_pass_with_their_data_at_any_time():
    events = rest(cursor_at({"type": "early", "x": {"y": 1}}, *REPLY))
    assert isinstance(events[0], UnknownEvent)
    assert events[0].x.y == 1
    assert "brand_new" in [event.type for event in events]


def test_every_derived_event_shows_its_own_moment_when_kept():
    events = rest(cursor_at(*REPLY))
    shown = [(e.type, e.snapshot) for e in events if e.type in ("text", "thinking", "input_json")]
    expected = [("thinking", "hm"), ("text", "Hel"), ("text", "Hel"), ("text", "Hello")]
    expected += [("input_json", {}), ("input_json", {}), ("input_json", {"a": 1}), ("text", "bye")]
    assert shown == expected


# -- one cursor --------------------------------------------------------------------------------

HELPER = rest(cursor_at(*REPLY))
DERIVED = {"text", "thinking", "signature", "input_json"}
WAYS = st.lists(st.sampled_from(["next_event", "next_text", "next_raw", "look"]), max_size=40)


def expected_of(ways: list[str]) -> list[Any]:
    """What each asking gets, from the helper's order alone."""
    at, found = 0, []
    for way in ways:
        item = None
        while way != "look" and at < len(HELPER):
            event = HELPER[at]
            at += 1
            if way == "next_event":
                item = event.type
                break
            if way == "next_raw" and event.type not in DERIVED:
                item = event.type
                at += at < len(HELPER) and HELPER[at].type in DERIVED  # its own, passed over
                break
            if way == "next_text" and getattr(event, "delta", {}).get("type") == "text_delta":
                item = event.delta.text
                break
        found.append(item)
    return found


@given(WAYS, st.lists(st.integers(1, 6), max_size=12))
def test_mixing_the_ways_of_reading_keeps_one_cursor(ways, batches):
    cursor = Cursor()
    waiting = frames(REPLY)
    found: list[Any] = []
    for way in ways:
        item = None
        while way != "look" and (item := getattr(cursor, way)()) is None and waiting:
            size = batches[len(waiting) % len(batches)] if batches else len(waiting)
            batch, waiting = waiting[:size], waiting[size:]
            cursor.feed(batch)
        if way == "look":
            cursor.accumulator.snapshot()
        found.append(item if item is None or isinstance(item, str) else item.type)
    assert found == expected_of(ways)
    rest(cursor)
    cursor.feed(waiting)
    rest(cursor)
    assert cursor.accumulator.snapshot() == HELPER[-1].message


def test_after_one_item_of_text_the_next_event_is_its_text_event():
    cursor = cursor_at(*REPLY)
    assert cursor.next_text() == "Hel"
    event = cursor.next_event()
    assert isinstance(event, TextEvent)
    assert (event.text, event.snapshot) == ("Hel", "Hel")
    assert cursor.next_event().type == "content_block_delta"
    assert rest(cursor, "next_text") == ["lo", "bye"]
    assert cursor.next_event() is None


def test_text_of_a_delta_that_only_the_general_way_can_read():
    new_field = {**grows(0, "text_delta", text="b"), "new": 1}
    surrogate = grows(0, "text_delta", text="\ud800")  # json.dumps escapes it; msgspec refuses it
    cursor = cursor_at(starts(), *text(0, "a")[:-1], new_field, surrogate)
    assert rest(cursor, "next_text") == ["a", "b", "\ud800"]
    assert cursor.accumulator.snapshot().content[0].text == "ab\ud800"


def test_text_of_a_block_without_a_text_is_handed_on_and_added_to_no_other():
    strange = [{**opens(1, "brand_new"), "index": 1}, grows(1, "text_delta", text="??"), shuts(1)]
    cursor = cursor_at(starts(), *text(0, "a")[:-1], *strange)
    assert rest(cursor, "next_text") == ["a", "??"]
    assert cursor.accumulator.snapshot().content[0].text == "a"


def test_the_message_is_as_far_as_its_reader():
    cursor = cursor_at(*REPLY)
    assert cursor.accumulator.snapshot() is None
    cursor.next_text()
    assert cursor.accumulator.snapshot().content[-1].text == "Hel"
    rest(cursor, "next_raw")
    assert cursor.accumulator.complete


@pytest.mark.parametrize("way", ["next_event", "next_text", "next_raw"])
def test_stop_drops_what_was_brought(way):
    cursor = cursor_at(*REPLY)
    cursor.next_raw()
    cursor.stop()
    assert cursor.stop_asked
    assert getattr(cursor, way)() is None


def test_watch_asks_to_stop_at_what_it_waits_for():
    for way in ("next_event", "next_text"):
        cursor = cursor_at(*REPLY)
        cursor.watch(lambda event: event.type == "text" and event.snapshot == "Hello")
        while not cursor.stop_asked:
            assert getattr(cursor, way)() is not None
        assert cursor.accumulator.snapshot().content[-1].text == "Hello"


def test_watching_does_not_move_the_cursor():
    cursor = cursor_at(*REPLY)
    cursor.watch(lambda event: False)
    assert cursor.next_text() == "Hel"
    assert cursor.next_event().type == "text"


@pytest.mark.parametrize("way", ["next_event", "next_raw"])
def test_every_predicate_is_asked_of_every_event(way):
    cursor, asked = cursor_at(*REPLY), []
    cursor.watch(lambda event: asked.append(event.type))
    cursor.watch(lambda event: event.type == "message_delta")
    found = rest(cursor, way)
    assert cursor.stop_asked
    assert asked == [event.type for event in found]


def test_a_predicate_is_asked_of_the_same_events_while_text_is_read():
    cursor, asked = cursor_at(*REPLY), []
    cursor.watch(asked.append)
    rest(cursor, "next_text")
    assert [event.type for event in asked] == [event.type for event in HELPER]


def test_tool_calls_are_told_of_when_they_are_complete():
    for way in ("next_event", "next_text", "next_raw"):
        cursor, told = cursor_at(*REPLY), []
        cursor.on_tool_use = told.append
        rest(cursor, way)
        assert [block.input for block in told] == [{"a": 1}]
        assert told[0] is cursor.accumulator.snapshot().content[2]


# -- going on after a failure ------------------------------------------------------------------

BROKEN = [starts(usage={"input_tokens": 3, "output_tokens": 2}), *text(0, "Hel")[:-1]]
REST = [
    starts(id="msg_2", usage={"input_tokens": 9, "output_tokens": 1}),
    *text(0, "lo"),
    *text(1, "!"),
    ends(),
    STOP,
]


def gone_on(*events: Any) -> Cursor:
    """A cursor that read a broken reply and was brought the rest of it."""
    cursor = cursor_at(*BROKEN)
    rest(cursor)
    asked = {"model": "claude-opus-9", "messages": []}
    how = continuation(asked, cursor.accumulator.snapshot(), cursor.accumulator.complete_blocks)
    assert how is not None
    cursor.go_on(how, {"type": "stream_continued", "attempt": 2, "reason": "x", "discarded": []})
    cursor.feed(frames(events))
    return cursor


def test_a_continuation_is_read_as_one_message():
    cursor = gone_on(*REST)
    assert cursor.next_event().type == "stream_continued"
    assert rest(cursor, "next_text") == ["lo", "!"]
    message = cursor.accumulator.snapshot()
    assert [block.text for block in message.content] == ["Hello", "!"]
    assert (message.id, message.complete) == ("msg_1", True)
    assert message.usage == {"input_tokens": 3 + 9, "output_tokens": 2 + 5}
    assert message.usage.certainty == "lower_bound"
    events = rest(gone_on(*REST))
    assert [e.snapshot for e in events if e.type == "text"] == ["Hello", "!"]


def test_a_reply_that_begins_anew_says_so():
    for way, mark in (("next_text", RESTARTED), ("next_event", None)):
        cursor = cursor_at(*BROKEN)
        rest(cursor, way)
        assert cursor.drained == (way == "next_text")
        cursor.start_over({"type": "stream_restarted", "attempt": 2, "reason": "x"})
        assert not cursor.drained, "the mark can be had before anything else comes"
        cursor.feed(frames(REST))
        first = getattr(cursor, way)()
        assert first is mark if mark is not None else first.type == "stream_restarted"
        rest(cursor, way)
        message = cursor.accumulator.snapshot()
        assert [block.text for block in message.content] == ["lo", "!"]
        assert message.id == "msg_2"


def test_a_continuation_can_itself_begin_anew():
    cursor = gone_on(*REST[:2])
    rest(cursor)
    cursor.start_over({"type": "stream_restarted", "attempt": 3, "reason": "x"})
    cursor.feed(frames(REPLY))
    assert cursor.next_event().type == "stream_restarted"
    rest(cursor)
    assert cursor.accumulator.snapshot() == HELPER[-1].message


@pytest.mark.parametrize(
    "event",
    [grows(0, "text_delta"), grows(0, "text_delta", text=None), {**shuts(0), "index": []}],
    ids=["no text", "null", "index"],
)
def test_a_malformed_continuation_is_a_protocol_error(event):
    cursor = gone_on(*REST[:2], event)
    with pytest.raises(StreamProtocolError) as caught:
        rest(cursor)
    assert caught.value.partial.content[0].text == "Hel"


# -- the frames --------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["next_event", "next_raw"])
def test_data_only_streams_are_typed_by_their_payload(way):
    bare = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in REPLY)
    assert rest(cursor_at(bare), way) == rest(cursor_at(*REPLY), way)
    assert rest(cursor_at(bare), "next_text") == ["Hel", "", "lo", "bye"]


def test_the_payload_s_type_wins_over_the_event_s_name():
    events = rest(cursor_at(starts(), b'event: message_stop\ndata: {"type": "other"}\n\n'))
    assert events[-1].type == "other"
    events = rest(cursor_at(starts(), b'event: other\ndata: {"x": 1}\n\n'))
    assert (events[-1].type, events[-1].x) == ("other", 1)


IGNORED = [
    b"event: ping\ndata: {}\n\n",
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'data: {"type": "ping"}\n\n',
    b"event: ping\ndata: not json\n\n",
    b"event: content_block_delta\ndata:\n\n",
    b"data\n\n",
    b"data: [DONE]\n\n",
    b"event: done\ndata: [DONE]\n\n",
    b": comment\n\n",
]


@pytest.mark.parametrize("frame", IGNORED)
@pytest.mark.parametrize("way", ["next_event", "next_text", "next_raw"])
def test_frames_that_say_nothing(frame, way):
    mixed = [item for event in REPLY for item in (frame, event)]
    assert rest(cursor_at(*mixed), way) == rest(cursor_at(*REPLY), way)


AFTER = [
    *REPLY,
    b"event: error\ndata: {}\n\n",
    b"data: garbage\n\n",
    *REPLY,
    grows(9, "text_delta"),
]


@pytest.mark.parametrize("way", ["next_event", "next_raw"])
def test_the_message_ends_at_message_stop_whatever_follows(way):
    assert rest(cursor_at(*REPLY, *AFTER), way) == rest(cursor_at(*REPLY), way)


@pytest.mark.parametrize("after", [AFTER[:1], AFTER[-1:], AFTER], ids=["start", "delta", "all"])
def test_the_text_ends_at_message_stop_whatever_follows(after):
    assert rest(cursor_at(*REPLY, *after), "next_text") == ["Hel", "", "lo", "bye"]


@pytest.mark.parametrize("way", ["next_event", "next_text", "next_raw"])
def test_frames_brought_after_message_stop_are_not_read(way):
    cursor = cursor_at(*REPLY)
    rest(cursor, way)
    cursor.feed(frames(AFTER))
    assert rest(cursor, way) == []


def test_every_recording_gives_the_same_at_every_cut(corpus):
    rng = random.Random(11)
    for recording in corpus:
        if "spliced" in recording.name:
            continue  # two replies in one: an error
        results = []
        for size in (len(recording.body), 4096, 97, 0):
            decoder, cursor, events, at = EventStreamDecoder(), Cursor(), [], 0
            while at < len(recording.body) and not cursor.accumulator.finished:
                step = size or rng.randint(1, 3000)
                cursor.feed(decoder.feed(recording.body[at : at + step]))
                events += [event.to_dict() for event in rest(cursor)]
                at += step
            results.append((events, cursor.accumulator.snapshot().to_dict()))
        assert all(result == results[0] for result in results), recording.name


def test_every_recording_s_text_is_its_message_s_text(corpus):
    for recording in corpus:
        if "spliced" in recording.name:
            continue
        cursor = Cursor()
        cursor.feed(EventStreamDecoder().feed(recording.body))
        found = "".join(rest(cursor, "next_text"))
        content = cursor.accumulator.snapshot().content
        assert found == "".join(block.text for block in content if block.type == "text")


# -- errors, each with what had arrived --------------------------------------------------------

BEFORE = [starts(), *text(0, "whole"), *text(1, "half")[:-1]]

MALFORMED = {
    "not JSON": (b"data: {oops\n\n", "data is not JSON"),
    "cut JSON": (b'event: content_block_delta\ndata: {"type": "content\n\n', "data is not JSON"),
    "not UTF-8": (b'data: {"type": "x\xff"}\n\n', "data is not JSON"),
    "not an object": (b"data: [1]\n\n", "JSON but not an object"),
    "a string": (b'event: message_stop\ndata: "x"\n\n', "JSON but not an object"),
    "null": (b"data: null\n\n", "JSON but not an object"),
    "index gap": (body([opens(5, "text", text="")]), "index 5 where 2 was due"),
    "second message_start": (body([starts()]), "second message_start"),
    "delta of no block": (body([grows(7, "text_delta", text="x")]), "content block 7, and 2"),
    "delta without index": (b'data: {"type":"content_block_delta","delta":{}}\n\n', "block None"),
    "delta without delta": (b'data: {"type":"content_block_delta","index":1}\n\n', "'delta'"),
    "delta is no object": (b'data: {"type":"content_block_delta","index":1,"delta":5}\n\n', "int"),
    "delta without text": (body([grows(1, "text_delta")]), "'text'"),
    "start without block": (b'data: {"type":"content_block_start","index":2}\n\n', "content_block"),
    "block is no object": (
        b'data: {"type":"content_block_start","index":2,"content_block":5}\n\n',
        "int",
    ),
    "usage is no object": (b'data: {"type":"message_delta","usage":5}\n\n', "message_delta"),
}


@pytest.mark.parametrize("way", ["next_event", "next_text", "next_raw"])
@pytest.mark.parametrize(("frame", "what"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_stream_is_a_protocol_error_with_what_had_arrived(frame, what, way):
    cursor = cursor_at(*BEFORE, frame)
    with pytest.raises(StreamProtocolError, match="The stream is malformed") as caught:
        rest(cursor, way)
    error = caught.value
    assert what in str(error)
    assert [block.text for block in error.partial.content] == ["whole", "half"]
    assert not error.partial.complete
    assert error.complete_blocks == (0,)
    assert error.request_id == "req_1"
    assert error.request.content == b""
    assert "sk-secret" not in repr(error.__dict__) + repr(dict(error.request.headers))


DEEP = b'data: {"type": "x", "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n"


@pytest.mark.parametrize(
    ("frame", "way"),
    [
        (DEEP, "next_event"),
        (body([grows(1, "text_delta", text=None)]), "next_event"),
        (body([grows(1, "text_delta", text=["x"]), STOP]), "next_event"),
        (body([opens(2, "thinking"), grows(2, "text_delta")]), "next_text"),
    ],
    ids=["deep", "null", "list", "no text"],
)
def test_no_malformed_stream_raises_anything_else(frame, way):
    with pytest.raises(StreamProtocolError):
        rest(cursor_at(*BEFORE, frame), way)


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "text", "x"]),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "type",
                            "index",
                            "delta",
                            "message",
                            "content",
                            "usage",
                            "error",
                            "content_block",
                            "to",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
        max_size=3,
    ),
    st.sampled_from(["message_start", "content_block_start", "message_delta", "error", "x"]),
    st.sampled_from(["next_event", "next_text", "next_raw"]),
)
def test_nonsense_raises_only_errors_of_this_library(payloads, kind, way):
    made = [
        {**payload, "type": kind} if isinstance(payload, dict) and index % 2 else payload
        for index, payload in enumerate(payloads)
    ]
    cursor = cursor_at(
        *BEFORE[:2], *(b"data: " + json.dumps(one).encode() + b"\n\n" for one in made)
    )
    try:
        rest(cursor, way)
    except errors.APIError as error:
        assert error.partial is not None  # noqa: PT017 - it need not raise


KINDS = {
    "overloaded_error": errors.OverloadedError,
    "rate_limit_error": errors.RateLimitError,
    "api_error": errors.InternalServerError,
    "invalid_request_error": errors.BadRequestError,
    "brand_new_error": APIStatusError,
}


@pytest.mark.parametrize("way", ["next_event", "next_text", "next_raw"])
@pytest.mark.parametrize(("kind", "cls"), KINDS.items())
@pytest.mark.parametrize("named", [True, False], ids=["named", "data only"])
def test_an_error_event_raises_the_class_of_its_type(named, kind, cls, way):
    payload = {"type": "error", "error": {"type": kind, "message": "m"}}
    frame = (b"event: error\n" if named else b"") + b"data: " + json.dumps(payload).encode()
    cursor = cursor_at(*BEFORE, frame + b"\n\n")
    with pytest.raises(APIStatusError) as caught:
        rest(cursor, way)
    error = caught.value
    assert type(error) is cls
    assert (error.status_code, error.type, error.api_message) == (200, kind, "m")
    assert (str(error), error.body, error.request_id) == (str(payload), payload, "req_1")
    assert [block.text for block in error.partial.content] == ["whole", "half"]


@pytest.mark.parametrize(("data", "message"), [("oops", "oops"), ('{"a": 1}', "{'a': 1}")])
def test_an_error_event_of_another_shape(data, message):
    with pytest.raises(APIStatusError) as caught:
        rest(cursor_at(b"event: error\ndata: " + data.encode() + b"\n\n"))
    assert type(caught.value) is APIStatusError
    assert str(caught.value) == message
    assert caught.value.partial is None
    bare = Cursor()
    bare.feed(frames([b"event: error\ndata: oops\n\n"]))
    with pytest.raises(APIStatusError) as caught:
        bare.next_event()
    assert caught.value.status_code == 200


def test_an_error_event_without_data_is_an_error_too():
    with pytest.raises(APIStatusError, match="Error code: 200"):
        rest(cursor_at(starts(), b"event: error\ndata:\n\n"))


def test_truncated_says_how_far_it_came():
    cursor = cursor_at(*BEFORE)
    rest(cursor)
    error = cursor.truncated("the body ended cleanly")
    assert str(error).startswith("The reply was cut: the body ended cleanly before the API said")
    assert error.partial is cursor.accumulator.snapshot()
    assert (error.complete_blocks, error.request_id) == ((0,), "req_1")
    bare = Cursor().truncated("x")
    assert bare.partial is bare.request is bare.request_id is None
    assert bare.complete_blocks == ()


# -- memory ------------------------------------------------------------------------------------


def kept(size: int) -> int:
    """Bytes that keeping every event of a reply of `size` characters takes, at most."""
    deltas = [grows(0, "text_delta", text="twenty characters ok") for _ in range(size // 20)]
    stream = body([starts(), opens(0, "text", text=""), *deltas, shuts(0), ends(), STOP])
    del deltas
    tracemalloc.start()
    decoder, cursor, events = EventStreamDecoder(), Cursor(), []
    for at in range(0, len(stream), 16_384):
        cursor.feed(decoder.feed(stream[at : at + 16_384]))
        events += rest(cursor)
    assert len(events[-1].message.content[0].text) == size
    assert events[5].snapshot == "twenty characters ok" * 2
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_keeping_every_event_of_a_reply_takes_little_memory_and_linearly():
    small, large = kept(100_000), kept(400_000)
    assert large < 60_000_000
    assert large / small < 5
