"""Events in, the message they add up to."""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import STOP, ends, grows, opens, shuts, starts, text, tool

from tailrace.core.accumulate import Accumulator, EventOrderError
from tailrace.core.content import Message, TextBlock, ToolUseBlock, UnknownBlock
from tailrace.core.events import wire_event
from tailrace.core.framing import EventStreamDecoder

CITATION = {"type": "char_location", "cited_text": "q", "document_index": 0}


def taken(*events: dict[str, Any]) -> tuple[Accumulator, list[Any]]:
    """The accumulator, and what each event meant."""
    accumulator = Accumulator()
    return accumulator, [accumulator.apply(wire_event(event)) for event in copy.deepcopy(events)]


def message_of(*events: dict[str, Any]) -> Message:
    message = taken(*events)[0].snapshot()
    assert message is not None
    return message


# -- what deltas do to blocks ------------------------------------------------------------------

BLOCKS = {
    "text": ([*text(0, "Hel", "", "lo")], {"type": "text", "text": "Hello"}),
    "empty text": ([*text(0)], {"type": "text", "text": ""}),
    "text to begin with": (
        [opens(0, "text", text="Ah, "), grows(0, "text_delta", text="yes")],
        {"type": "text", "text": "Ah, yes"},
    ),
    "text that is not there at first": (
        [opens(0, "text"), grows(0, "text_delta", text="a")],
        {"type": "text", "text": "a"},
    ),
    "text that never comes": ([opens(0, "text"), shuts(0)], {"type": "text"}),
    "thinking": (
        [
            opens(0, "thinking", thinking="", signature=""),
            grows(0, "thinking_delta", thinking="hm", estimated_tokens=3),
            grows(0, "thinking_delta", thinking="m"),
            grows(0, "signature_delta", signature="s1"),
            grows(0, "signature_delta", signature="s2"),
        ],
        {"type": "thinking", "thinking": "hmm", "signature": "s2"},
    ),
    "thinking that is not shown": (
        [opens(0, "thinking", thinking="", signature="x"), shuts(0)],
        {"type": "thinking", "thinking": "", "signature": "x"},
    ),
    "redacted thinking": (
        [opens(0, "redacted_thinking", data="abc"), shuts(0)],
        {"type": "redacted_thinking", "data": "abc"},
    ),
    "citations": (
        [
            opens(0, "text", text="", citations=[]),
            grows(0, "citations_delta", citation=CITATION),
            grows(0, "text_delta", text="a"),
            grows(0, "citations_delta", citation={**CITATION, "new": 1}),
        ],
        {"type": "text", "text": "a", "citations": [CITATION, {**CITATION, "new": 1}]},
    ),
    "compaction": (
        [
            opens(0, "compaction", content=None),
            grows(0, "compaction_delta", content="all", encrypted_content="enc"),
        ],
        {"type": "compaction", "content": "all", "encrypted_content": "enc"},
    ),
    "unknown block": (
        [opens(0, "brand_new", data={"x": [1]}), grows(0, "text_delta", text="a"), shuts(0)],
        {"type": "brand_new", "data": {"x": [1]}},
    ),
    "unknown fields": (
        [opens(0, "text", text="", new=[1]), grows(0, "text_delta", text="a", new=2), shuts(0)],
        {"type": "text", "text": "a", "new": [1]},
    ),
    "unknown delta": (
        [*text(0, "a")[:2], grows(0, "new_delta", text="b")],
        {"type": "text", "text": "a"},
    ),
}


@pytest.mark.parametrize(("events", "expected"), BLOCKS.values(), ids=BLOCKS)
def test_block(events, expected):
    assert message_of(starts(), *events).content == [expected]
    assert message_of(starts(), *events).content[0].to_dict() == expected


WRONG = [
    ("text", {"text": "a"}, "thinking_delta", {"thinking": "b"}),
    ("text", {"text": "a"}, "input_json_delta", {"partial_json": "{}"}),
    ("text", {"text": "a"}, "signature_delta", {"signature": "s"}),
    ("text", {"text": "a"}, "compaction_delta", {"content": "c"}),
    ("thinking", {"thinking": "a", "signature": ""}, "text_delta", {"text": "b"}),
    ("thinking", {"thinking": "a", "signature": ""}, "citations_delta", {"citation": CITATION}),
    ("tool_use", {"id": "t", "name": "f", "input": {}}, "text_delta", {"text": "b"}),
    ("tool_use", {"id": "t", "name": "f", "input": {}}, "signature_delta", {"signature": "s"}),
    ("redacted_thinking", {"data": "x"}, "thinking_delta", {"thinking": "b"}),
    ("web_search_tool_result", {"content": []}, "input_json_delta", {"partial_json": "{}"}),
]


@pytest.mark.parametrize(("kind", "fields", "delta", "added"), WRONG)
def test_a_delta_that_does_not_fit_its_block_changes_nothing(kind, fields, delta, added):
    accumulator, meant = taken(starts(), opens(0, kind, **fields), grows(0, delta, **added))
    assert meant == [None, None, None]
    assert accumulator.snapshot().content == [{"type": kind, **fields}]


def test_blocks_grow_side_by_side():
    events = [*text(0, "a", "b")[:2], *tool(1, '{"x":')[:2], grows(0, "text_delta", text="c")]
    events += [grows(1, "input_json_delta", partial_json="1}"), shuts(1), shuts(0)]
    message = message_of(starts(), *events)
    assert [type(block) for block in message.content] == [TextBlock, ToolUseBlock]
    assert message.content[0].text == "ac"
    assert message.content[1].input == {"x": 1}


def test_content_of_message_start_counts():
    begun = starts(content=[{"type": "text", "text": "a"}, {"type": "brand_new"}])
    message = message_of(begun, grows(0, "text_delta", text="b"), *text(2, "c"))
    assert [block.get("text") for block in message.content] == ["ab", None, "c"]
    assert isinstance(message.content[1], UnknownBlock)


# -- tool input --------------------------------------------------------------------------------

INPUTS = {
    "object": (['{"a": ', "1, ", '"b": [true]}'], {"a": 1, "b": [True]}),
    "no fragment": ([], {"given": 1}),
    "empty fragment": ([""], {"given": 1}),
    "white space": ([" ", "\n\t"], {"given": 1}),
    "white space first": ([" ", '{"a": 1} '], {"a": 1}),
    "exact numbers": (['{"n": 1', "0" * 30, "}"], {"n": 10**30}),
    "escapes": (['{"s": "\\ud83d', '\\ude00\\n"}'], {"s": "😀\n"}),
}


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use"])
@pytest.mark.parametrize(("fragments", "expected"), INPUTS.values(), ids=INPUTS)
def test_tool_input(fragments, expected, kind):
    block = message_of(starts(), *tool(0, *fragments, kind=kind, input={"given": 1})).content[0]
    assert block.input == expected
    assert block.input_error is None
    raw = "".join(fragments)
    assert block.input_text == (raw if raw.strip() else None)


INVALID = [
    '{"cmd": "rm" "path": "/x"}',
    '{"a": 1',
    '{"a": "half',
    '{"a": NaN}',
    '{"a": 1} x',
    "{]",
    '{"a": 1,}',
]


@pytest.mark.parametrize("raw", INVALID)
def test_invalid_tool_input_is_never_half_an_object(raw):
    block = message_of(starts(), *tool(0, raw[:5], raw[5:])).content[0]
    assert block.input == {"INVALID_JSON": raw}
    assert isinstance(block.input_error, ValueError)
    assert block.input_text == raw
    assert "INVALID_JSON" in block.to_dict()["input"]


VALUES = st.integers() | st.text(max_size=4) | st.lists(st.none(), max_size=2)


@given(
    st.dictionaries(st.text(max_size=3), VALUES, max_size=4),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_any_cut_of_the_fragments_gives_the_same_input(value, cuts):
    source = json.dumps(value)
    at = sorted({0, len(source), *(cut for cut in cuts if cut < len(source))})
    pieces = [source[start:end] for start, end in itertools.pairwise(at)]
    accumulator, _ = taken(starts())
    for event in tool(0, *pieces):
        accumulator.apply(wire_event(event))
        accumulator.snapshot()  # looking must not matter
    assert accumulator.snapshot().content[0].input == value


def test_tool_input_that_was_not_finished_is_not_offered_as_whole():
    events = [*tool(0, '{"cmd": "rm", "path": "/tmp/x", "da')[:-1], ends("max_tokens"), STOP]
    message = message_of(starts(), *events)
    assert message.complete
    assert message.content[0].input_error is not None


# -- message_delta -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stop_reason", "stop_sequence", "stop_details"])
def test_stop_fields_overwrite_even_with_nothing(name):
    for value in ("x", None):
        message = message_of(starts(**{name: "before"}), ends(**{name: value}))
        assert name in message
        assert message[name] == value
    assert message_of(starts(), {"type": "message_delta"})[name] is None


@pytest.mark.parametrize("name", ["container", "context_management", "input_transformations"])
def test_what_surrounds_a_message_is_taken_only_if_it_came(name):
    place = {"container": "delta"}.get(name)

    def event(value: Any) -> dict[str, Any]:
        return ends(**{name: value}) if place else {**ends(), name: value}

    value = [] if name == "input_transformations" else {"id": "c"}
    assert message_of(starts(**{name: {"id": "old"}}), event(value))[name] == value
    assert message_of(starts(**{name: {"id": "old"}}), event(None))[name] == {"id": "old"}
    assert name not in message_of(starts(), event(None))


MERGED = ["input_tokens", "output_tokens", "cache_creation_input_tokens"]
MERGED += ["cache_read_input_tokens", "output_tokens_details", "server_tool_use"]
MERGED += ["iterations", "fallback_credit"]


@pytest.mark.parametrize("name", MERGED)
def test_usage_is_taken_over_never_added(name):
    value = [{"type": "message"}] if name == "iterations" else 7
    begun = starts(usage={name: 100, "service_tier": "standard"})
    assert message_of(begun, ends(usage={name: 50}), ends(usage={name: value})).usage[name] == value
    assert message_of(begun, ends(usage={name: None})).usage[name] == 100
    assert message_of(begun, ends(usage={"x": 1})).usage == {name: 100, "service_tier": "standard"}


@pytest.mark.parametrize(
    "name", ["cache_creation", "service_tier", "inference_geo", "speed", "new"]
)
def test_usage_is_not_taken_from_a_delta_beyond_that(name):
    message = message_of(starts(usage={name: "was"}), ends(usage={name: "is", "output_tokens": 1}))
    assert message.usage[name] == "was"


def test_usage_can_be_missing():
    events = [starts(), {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, STOP]
    assert message_of(*events).usage == {"input_tokens": 10, "output_tokens": 1}
    del events[0]["message"]["usage"]
    assert message_of(*events).usage == {}


def test_usage_says_how_certain_it_is():
    accumulator, _ = taken(starts(), *text(0, "a"))
    assert accumulator.snapshot().usage.certainty == "lower_bound"
    accumulator.apply(wire_event(ends()))
    assert accumulator.snapshot().usage.certainty == "exact"


def test_a_fallback_block_names_the_model_that_goes_on():
    fallback = opens(0, "fallback", **{"from": {"model": "a"}, "to": {"model": "b"}})
    assert message_of(starts(), fallback).model == "b"
    assert message_of(starts(), opens(0, "fallback", to=None)).model == "claude-sonnet-4-5"


# -- order -------------------------------------------------------------------------------------

OUT_OF_ORDER = {
    "block before message_start": ([opens(0, "text", text="")], "before message_start"),
    "delta before message_start": ([grows(0, "text_delta", text="a")], "0 have begun"),
    "stop before message_start": ([shuts(0)], "0 have begun"),
    "message_delta before message_start": ([ends()], "before message_start"),
    "message_stop before message_start": ([STOP], "before message_start"),
    "second message_start": ([starts(), *text(0, "a"), starts()], "second message_start"),
    "gap": ([starts(), opens(1, "text", text="")], "index 1 where 0 was due"),
    "index twice": ([starts(), *text(0, "a"), opens(0, "text")], "index 0 where 1 was due"),
    "negative index": ([starts(), *text(0, "a"), grows(-1, "text_delta", text="b")], "block -1"),
    "delta of no block": ([starts(), grows(0, "text_delta", text="a")], "block 0, and 0"),
    "delta after its block's stop": (
        [starts(), *text(0, "a"), grows(0, "text_delta", text="b")],
        "block 0 after its stop",
    ),
    "stop of no block": ([starts(), shuts(3)], "block 3"),
    "index of another type": ([starts(), *text(0, "a"), shuts("0")], "block '0'"),
}


@pytest.mark.parametrize(("events", "what"), OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_an_event_that_has_no_place_is_an_error(events, what):
    with pytest.raises(EventOrderError, match=what):
        taken(*events)


def test_a_message_start_sent_twice_before_any_content_is_harmless():
    message = message_of(starts(), starts(id="msg_2"), *text(0, "a"), ends(), STOP)
    assert message.id == "msg_2"
    assert message.content == [{"type": "text", "text": "a"}]


def test_unknown_events_change_nothing_and_come_at_any_time():
    accumulator, meant = taken(
        {"type": "new"}, starts(), {"type": "new", "index": 9}, *text(0, "a")
    )
    assert meant[:3] == [None, None, None]
    assert accumulator.snapshot().content[0].text == "a"


@pytest.mark.parametrize("value", [None, 5, ["a"], {"a": "b"}], ids=repr)
@pytest.mark.parametrize(
    ("block", "delta", "field"),
    [
        ("text", "text_delta", "text"),
        ("thinking", "thinking_delta", "thinking"),
        ("tool_use", "input_json_delta", "partial_json"),
    ],
)
def test_a_fragment_that_is_no_text_is_refused_and_leaves_the_rest_readable(
    block, delta, field, value
):
    accumulator, _ = taken(starts(), opens(0, block, **{field: ""}), grows(0, delta, **{field: ""}))
    before = accumulator.snapshot().to_dict()
    with pytest.raises(TypeError, match="a fragment must be text, not"):
        accumulator.apply(wire_event(grows(0, delta, **{field: value})))
    assert accumulator.snapshot().to_dict() == before
    accumulator.apply(wire_event(shuts(0)))
    assert accumulator.complete_blocks == (0,)


# -- when it is complete -----------------------------------------------------------------------


def test_complete_means_that_the_wire_said_so():
    accumulator = Accumulator()
    assert not accumulator.started
    assert accumulator.snapshot() is None
    seen = []
    for event in [starts(), *text(0, "a"), ends(None), ends(), STOP]:
        accumulator.apply(wire_event(event))
        seen.append((accumulator.complete, accumulator.finished))
    assert seen == [(False, False)] * 5 + [(True, False), (True, True)]


@pytest.mark.parametrize("finish", ["message_stop", "clean end"])
def test_the_message_says_that_it_is_complete(finish):
    accumulator, _ = taken(starts(), *text(0, "a"), ends())
    assert not accumulator.snapshot().complete
    if finish == "clean end":
        accumulator.finish()
    else:
        accumulator.apply(wire_event(STOP))
    assert accumulator.snapshot().complete


def test_only_message_delta_and_message_stop_say_that_it_is_complete():
    accumulator, _ = taken(starts(stop_reason="tool_use"))
    assert not accumulator.complete


def test_which_blocks_are_complete():
    accumulator, _ = taken(starts(), *text(0, "a"), *text(1, "b")[:-1], *text(2, "c"))
    assert accumulator.complete_blocks == (0, 2)


def test_every_recording_is_complete_when_and_not_before_the_wire_says_so(corpus):
    for recording in corpus:
        if "spliced" in recording.name:
            continue  # two replies in one
        accumulator, said = Accumulator(), False
        for frame in EventStreamDecoder().feed(recording.body):
            event = frame.json()
            accumulator.apply(wire_event(event))
            said = said or event["type"] == "message_stop"
            said = said or bool(event.get("delta", {}).get("stop_reason"))
            assert accumulator.complete is said
            if accumulator.finished:
                break
        else:
            assert accumulator.complete, recording.name


# -- snapshots ---------------------------------------------------------------------------------


def test_the_snapshot_is_one_object_up_to_date_when_asked():
    accumulator = Accumulator()
    accumulator.apply(wire_event(starts()))
    message = accumulator.snapshot()
    block = None
    for count, event in enumerate(text(0, *"abc")[:-1]):
        accumulator.apply(wire_event(event))
        assert accumulator.snapshot() is message
        assert message.content[0].text == "abc"[:count]
        block = block or message.content[0]
        assert message.content[0] is block
    *_, stop = taken(starts(), *text(0, "a"))[1]
    assert stop.content_block.text == "a"


def test_stops_carry_the_message_s_own_objects():
    accumulator, meant = taken(starts(), *text(0, "a"), *tool(1, '{"a": 1}'), ends(), STOP)
    message = accumulator.snapshot()
    assert meant[3].content_block is message.content[0]
    assert meant[6].content_block is message.content[1]
    assert meant[-1].message is message


def test_the_events_stay_as_they_were_received():
    events = [
        starts(),
        opens(0, "tool_use", id="t", name="f", input={}),
        grows(0, "input_json_delta", partial_json='{"a": 1}'),
        shuts(0),
        opens(1, "text", text=""),
        grows(1, "text_delta", text="a"),
        grows(1, "citations_delta", citation=CITATION),
        shuts(1),
        ends(usage={"output_tokens": 9, "server_tool_use": {"web_search_requests": 1}}),
    ]
    wire = [wire_event(copy.deepcopy(event)) for event in events]
    accumulator = Accumulator()
    for event in wire:
        accumulator.apply(event)
        accumulator.snapshot()
    assert wire == events
    assert wire[0].message is not accumulator.snapshot()
    assert wire[0].message.content == []
    assert wire[1].content_block.input == {}
    assert wire[4].content_block.text == ""


def test_a_block_that_starts_with_citations_stays_as_it_was_received():
    start = wire_event(opens(0, "text", text="", citations=[CITATION]))
    accumulator, _ = taken(starts())
    accumulator.apply(start)
    accumulator.apply(wire_event(grows(0, "citations_delta", citation=CITATION)))
    assert len(accumulator.snapshot().content[0].citations) == 2
    assert len(start.content_block.citations) == 1
