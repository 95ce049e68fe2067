"""The events of a stream: views of what arrived, and what they meant."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from tests.corpus import STOP, ends, frames, grows, opens, shuts, starts, text, tool

from tailrace.core import content, events
from tailrace.core.cursor import Cursor
from tailrace.core.events import decode_payload, wire_event
from tailrace.core.usage import MessageDeltaUsage
from tailrace.core.view import View

CITATION = {"type": "char_location", "cited_text": "q"}

WIRE = {
    "message_start": (starts(), events.RawMessageStartEvent),
    "content_block_start": (opens(0, "text", text=""), events.RawContentBlockStartEvent),
    "content_block_delta": (grows(0, "text_delta", text="a"), events.RawContentBlockDeltaEvent),
    "content_block_stop": (shuts(0), events.RawContentBlockStopEvent),
    "message_delta": (ends(), events.RawMessageDeltaEvent),
    "message_stop": (STOP, events.RawMessageStopEvent),
    "unknown": ({"type": "brand_new", "x": {"y": 1}}, events.UnknownEvent),
    "no type": ({"x": 1}, events.UnknownEvent),
    "a type that is no text": ({"type": ["x"]}, events.UnknownEvent),
}


@pytest.mark.parametrize(("payload", "cls"), WIRE.values(), ids=WIRE)
def test_wire_events_are_views_of_what_arrived(payload, cls):
    event = wire_event(copy.deepcopy(payload))
    assert type(event) is cls
    assert event == payload
    assert event.to_dict() == payload
    assert wire_event({**payload, "new": [1]}).new == [1]


DELTAS = {
    "text_delta": ({"text": "a"}, events.TextDelta),
    "input_json_delta": ({"partial_json": "{"}, events.InputJSONDelta),
    "thinking_delta": ({"thinking": "a", "estimated_tokens": 3}, events.ThinkingDelta),
    "signature_delta": ({"signature": "a"}, events.SignatureDelta),
    "citations_delta": ({"citation": CITATION}, events.CitationsDelta),
    "compaction_delta": ({"content": "a", "encrypted_content": None}, events.CompactionDelta),
    "brand_new_delta": ({"x": 1}, events.UnknownDelta),
}


@pytest.mark.parametrize(("kind", "fields", "cls"), [(k, *v) for k, v in DELTAS.items()])
def test_deltas(kind, fields, cls):
    event = wire_event(grows(0, kind, **fields))
    assert type(event.delta) is cls
    assert event.delta.type == kind
    for name, value in fields.items():
        assert getattr(event.delta, name) == value
    assert event.delta is event.delta


def test_parts_of_events_are_views():
    start = wire_event(starts())
    assert type(start.message) is content.Message
    assert start.message.usage.input_tokens == 10
    block = wire_event(opens(0, "tool_use", name="f", input={})).content_block
    assert type(block) is content.CONTENT_BLOCKS["tool_use"]
    delta = wire_event(
        ends(
            "refusal",
            container={"id": "c", "expires_at": "2026-01-02T03:04:05Z"},
            stop_details={"type": "refusal", "category": "bio"},
        )
    )
    assert delta.delta.container.expires_at.year == 2026
    assert delta.delta.stop_details.category == "bio"
    assert type(delta.usage) is MessageDeltaUsage
    assert delta.usage.output_tokens == 5


def test_beta_parts_of_events_are_views():
    event = wire_event(
        {
            **ends(),
            "context_management": {"applied_edits": [{"type": "clear_thinking_20251015"}]},
            "input_transformations": [{"type": "thinking_dropped", "path": "x"}],
        }
    )
    assert event.context_management.applied_edits[0].type == "clear_thinking_20251015"
    assert event.input_transformations[0].path == "x"


# -- JSON --------------------------------------------------------------------------------------

PAYLOADS = {
    b'{"a": 1.5, "b": [null]}': {"a": 1.5, "b": [None]},
    b'{"a": "\\ud83d\\ude00\xc3\xa9"}': {"a": "😀é"},
    b'{"a": "\\ud800"}': {"a": "\ud800"},
    b'{"a": 123456789012345678901234567890}': {"a": 123456789012345678901234567890},
    b'{"a": 1, "a": 2}': {"a": 2},
    b'  {"padded": 1}   ': {"padded": 1},
}


@pytest.mark.parametrize(("data", "value"), PAYLOADS.items())
def test_all_that_is_json_is_read(data, value):
    assert decode_payload(data) == value


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{oops}", b'{"a": 1} x', b"[DONE]", b'"\xff"', b"<html>"]
)
def test_what_is_no_json_is_a_value_error(data):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its text
        decode_payload(data)


@pytest.mark.parametrize(
    "data",
    [b'{"a": NaN}', b"[-Infinity]", b"[" * 100_000, '{"a": 1}'.encode("utf-16")],
    ids=["NaN", "Infinity", "depth", "UTF-16"],
)
def test_what_json_does_not_allow_is_a_value_error(data):
    with pytest.raises(ValueError):  # noqa: PT011
        decode_payload(data)


# -- derived events ----------------------------------------------------------------------------


def derived() -> dict[str, Any]:
    """One of each derived event, the last of its kind in a reply."""
    cursor = Cursor()
    reply = [
        starts(),
        opens(0, "thinking", thinking="", signature=""),
        grows(0, "thinking_delta", thinking="hm"),
        grows(0, "signature_delta", signature="s"),
        shuts(0),
        *text(1, "Hel", "lo")[:-1],
        grows(1, "citations_delta", citation=CITATION),
        shuts(1),
        *tool(2, '{"a": 1', ', "b": "x'),
        opens(3, "compaction", content=None),
        grows(3, "compaction_delta", content="c", encrypted_content="e"),
        shuts(3),
        ends(),
        STOP,
    ]
    cursor.feed(frames(reply))
    found = {}
    while (event := cursor.next_event()) is not None:
        if not isinstance(event, View) or type(event).__name__ in (
            "ContentBlockStopEvent",
            "MessageStopEvent",
        ):
            found[event.type] = event
    return found


SHOWN = {
    "thinking": {"type": "thinking", "thinking": "hm", "snapshot": "hm"},
    "signature": {"type": "signature", "signature": "s"},
    "text": {"type": "text", "text": "lo", "snapshot": "Hello"},
    "citation": {"type": "citation", "citation": CITATION, "snapshot": [CITATION]},
    "input_json": {"type": "input_json", "partial_json": ', "b": "x', "snapshot": {"a": 1}},
    "compaction": {"type": "compaction", "content": "c", "encrypted_content": "e"},
}


@pytest.mark.parametrize(("kind", "fields"), SHOWN.items())
def test_derived_events(kind, fields):
    event = derived()[kind]
    for name, value in fields.items():
        assert getattr(event, name) == value
    assert event.to_dict() == event.model_dump() == fields
    assert event.to_json().startswith('{\n  "type": ')
    assert event.model_dump_json().startswith('{"type":')
    assert json.loads(event.to_json()) == json.loads(event.model_dump_json()) == fields
    shown = ", ".join(f"{name}={value!r}" for name, value in fields.items() if name != "citation")
    if kind != "citation":
        assert repr(event) == f"{type(event).__name__}({shown})"


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_derived_events_survive_copy_and_pickle(kind, twin):
    event = derived()[kind]
    other = twin(event)
    assert type(other) is type(event)
    assert other == event
    assert other.to_dict() == SHOWN[kind]


def test_derived_events_equal_by_what_they_show():
    assert derived()["text"] == derived()["text"]
    assert derived()["text"] != derived()["thinking"]
    assert derived()["text"] != "Hello"
    with pytest.raises(TypeError, match="unhashable"):
        hash(derived()["text"])


def test_equal_events_are_not_unequal():
    assert not derived()["text"] != derived()["text"]  # noqa: SIM202 - the operator is meant


def test_a_dump_is_independent_of_the_event():
    event = derived()["input_json"]
    event.to_dict()["snapshot"]["a"] = 2
    assert event.snapshot == {"a": 1}
    citation = derived()["citation"]
    citation.to_dict()["snapshot"].clear()
    assert len(citation.snapshot) == 1


def test_enriched_stops_are_views_with_the_message_s_own_objects():
    found = derived()
    assert found["message_stop"].message.complete
    stop = found["content_block_stop"]
    assert stop.content_block is found["message_stop"].message.content[stop.index]
    assert stop.to_dict()["content_block"]["encrypted_content"] == "e"
    assert events.ParsedContentBlockStopEvent is events.ContentBlockStopEvent
    assert events.ParsedMessageStopEvent is events.MessageStopEvent


@pytest.mark.parametrize(
    ("pieces", "value"),
    [(['{"a": [1, '], {"a": [1]}), (['{"a": "hal'], {"a": "hal"}), (["[1, 2]"], [1, 2])],
)
def test_text_can_be_read_as_json_on_the_way(pieces, value):
    cursor = Cursor()
    cursor.feed(frames([starts(), *text(0, *pieces)[:-1]]))
    cursor.next_text()
    assert cursor.next_event().parsed_snapshot() == value


def test_an_input_s_snapshot_is_live_while_it_is_the_newest_and_frozen_later():
    cursor = Cursor()
    cursor.feed(frames([starts(), *tool(0, '{"a": 1', ', "b": 2')]))
    first = [cursor.next_event() for _ in range(4)][-1]
    live = first.snapshot
    assert live == {"a": 1}
    second = [cursor.next_event() for _ in range(2)][-1]
    assert second.snapshot is live
    assert live == {"a": 1, "b": 2}
    assert first.snapshot == {"a": 1}
