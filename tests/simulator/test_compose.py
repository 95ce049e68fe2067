"""Acts become events in the shape of the wire."""

import json
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.core.framing import EventStreamDecoder
from tailrace.simulator import acts
from tailrace.simulator.acts import Fate, Text, Thinking, ToolUse
from tailrace.simulator.envelope import PING
from tailrace.simulator.pace import Pace
from tailrace.simulator.pieces import Piece

Events = Callable[..., list[dict[str, Any]]]
Composed = Callable[..., list[Piece]]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The event types, runs of the same one counted once."""
    return [kind for kind, _ in groupby(event["type"] for event in events)]


def deltas(events: list[dict[str, Any]], index: int = 0) -> list[dict[str, Any]]:
    return [
        event["delta"]
        for event in events
        if event["type"] == "content_block_delta" and event["index"] == index
    ]


def ending(events: list[dict[str, Any]]) -> dict[str, Any]:
    return next(event for event in events if event["type"] == "message_delta")


def test_text_is_wrapped_in_a_whole_message(events: Events) -> None:
    told = events(Text("Hello, world!"))
    assert kinds(told) == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [delta["text"] for delta in deltas(told)] == ["Hello", ",", " world", "!"]
    assert told[1]["content_block"] == {"type": "text", "text": ""}
    assert ending(told)["delta"]["stop_reason"] == "end_turn"


def test_the_message_start_looks_like_the_apis(events: Events) -> None:
    message = events(Text("x"), model="claude-opus-4-8")[0]["message"]
    assert message["id"].startswith("msg_01")
    assert message["model"] == "claude-opus-4-8"
    assert message["content"] == []
    assert message["stop_reason"] is None
    assert 1 <= message["usage"]["output_tokens"] <= 8
    assert message["usage"]["input_tokens"] > 0


def test_the_usage_at_the_end_is_cumulative(events: Events) -> None:
    usage = ending(events(Thinking("I see."), Text("Hello, world!")))["usage"]
    assert usage["output_tokens"] == 3 + 4
    assert usage["output_tokens_details"] == {"thinking_tokens": 3}
    assert usage["input_tokens"] > 0


def test_an_empty_script_is_an_empty_message(events: Events) -> None:
    assert kinds(events()) == ["message_start", "message_delta", "message_stop"]


def test_exact_pieces_are_sent_as_given(events: Events) -> None:
    told = events(Text(pieces=["Hel", "", "lo"]))
    assert [delta["text"] for delta in deltas(told)] == ["Hel", "", "lo"]


def test_citations_come_before_the_text(events: Events) -> None:
    told = events(Text("Yes.", citations=[{"type": "char_location"}]))
    assert told[1]["content_block"] == {"citations": [], "type": "text", "text": ""}
    assert [delta["type"] for delta in deltas(told)] == [
        "citations_delta",
        "text_delta",
        "text_delta",
    ]


def test_thinking_ends_with_its_signature(events: Events) -> None:
    told = deltas(events(Thinking("Let me see.", signature="sig")))
    assert "".join(delta.get("thinking", "") for delta in told) == "Let me see."
    assert told[-1] == {"type": "signature_delta", "signature": "sig"}


def test_thinking_that_is_not_shown_has_one_empty_delta(events: Events) -> None:
    told = deltas(events(Thinking()))
    assert told[0] == {"type": "thinking_delta", "thinking": ""}
    assert len(told[1]["signature"]) > 100


def test_redacted_thinking_arrives_whole(events: Events) -> None:
    told = events(acts.RedactedThinking("abc"), Text("x"))
    assert told[1]["content_block"] == {"type": "redacted_thinking", "data": "abc"}
    assert deltas(told, 0) == []


def test_a_tool_call_is_its_json_in_fragments(events: Events) -> None:
    told = events(ToolUse("get_weather", {"city": "Zürich"}, fragment=5))
    fragments = [delta["partial_json"] for delta in deltas(told)]
    assert fragments[:3] == ["", '{"cit', 'y": "']
    assert json.loads("".join(fragments)) == {"city": "Zürich"}
    assert told[1]["content_block"]["input"] == {}
    assert told[1]["content_block"]["id"].startswith("toolu_01")
    assert ending(told)["delta"]["stop_reason"] == "tool_use"


def test_a_tool_call_without_input_has_one_empty_fragment(events: Events) -> None:
    assert [d["partial_json"] for d in deltas(events(ToolUse("now")))] == [""]


def test_tool_input_need_not_be_json(events: Events) -> None:
    told = deltas(events(ToolUse("rm", raw_input='{"a": 1 "b"', fragment=100)))
    assert told[-1]["partial_json"] == '{"a": 1 "b"'


def test_a_server_tool_is_a_call_and_its_result(events: Events) -> None:
    told = events(acts.ServerTool("web_search", {"query": "x"}, result=[{"url": "u"}]))
    call, result = (e["content_block"] for e in told if e["type"] == "content_block_start")
    assert call["type"] == "server_tool_use"
    assert result == {
        "type": "web_search_tool_result",
        "tool_use_id": call["id"],
        "content": [{"url": "u"}],
    }
    assert ending(told)["delta"]["stop_reason"] == "end_turn"


def test_any_block_can_be_sent(events: Events) -> None:
    told = events(acts.Block({"type": "new"}, deltas=[{"type": "new_delta", "x": 1}]))
    assert told[1]["content_block"] == {"type": "new"}
    assert deltas(told) == [{"type": "new_delta", "x": 1}]


def test_blocks_count_up(events: Events) -> None:
    told = events(Thinking("a"), Text("b"), ToolUse("c"))
    assert [e["index"] for e in told if e["type"] == "content_block_start"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("stop", "delta"),
    [
        (acts.Stop("pause_turn"), ("pause_turn", None, None)),
        (acts.Stop("stop_sequence", "END"), ("stop_sequence", "END", None)),
        (
            acts.Stop("refusal"),
            ("refusal", None, {"type": "refusal", "category": None, "explanation": None}),
        ),
        (acts.Stop("refusal", details={"category": "bio"}), ("refusal", None, {"category": "bio"})),
        (acts.Stop("never_heard_of"), ("never_heard_of", None, None)),
    ],
)
def test_the_stop_reason_can_be_any(events: Events, stop: acts.Stop, delta: Any) -> None:
    told = ending(events(Text("x"), stop))["delta"]
    assert (told["stop_reason"], told["stop_sequence"], told["stop_details"]) == delta


def test_usage_and_message_fields_are_laid_over(events: Events) -> None:
    told = events(
        acts.Usage({"output_tokens": 99}, start={"input_tokens": 7}),
        acts.Message({"container": {"id": "c"}}),
        Text("x"),
    )
    assert told[0]["message"]["container"] == {"id": "c"}
    assert told[0]["message"]["usage"]["input_tokens"] == 7
    assert ending(told)["usage"]["output_tokens"] == 99


# -- the request's own limits


def test_max_tokens_cuts_text(events: Events) -> None:
    told = events(Text("one two three four"), Text("five"), max_tokens=3)
    assert "".join(delta["text"] for delta in deltas(told)) == "one two three"
    assert ending(told)["delta"]["stop_reason"] == "max_tokens"
    assert ending(told)["usage"]["output_tokens"] == 3
    assert kinds(told)[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_cut_still_comes_after_a_limit(composed: Composed) -> None:
    pieces = composed(Text("one two three"), Text("four"), acts.Cut("reset"), max_tokens=2)
    fates = [piece.fate for piece in pieces]
    assert fates.index(Fate.RESET) == len(pieces) - 3  # message_delta and message_stop follow
    assert b"three" not in b"".join(piece.data for piece in pieces)


def test_max_tokens_cuts_tool_input_in_the_middle(events: Events) -> None:
    told = events(ToolUse("f", {"city": "Paris"}), max_tokens=3)
    assert "".join(delta["partial_json"] for delta in deltas(told)) == '{"city'
    assert ending(told)["delta"]["stop_reason"] == "max_tokens"


def test_thinking_that_is_cut_short_has_no_signature(events: Events) -> None:
    told = deltas(events(Thinking("one two three four"), max_tokens=2))
    assert {delta["type"] for delta in told} == {"thinking_delta"}


def test_a_stop_sequence_ends_the_text_before_it(events: Events) -> None:
    told = events(Text("one two, END three"), stop_sequences=["three", ", E"])
    assert "".join(delta["text"] for delta in deltas(told)) == "one two"
    assert ending(told)["delta"]["stop_sequence"] == ", E"


# -- raw events, bytes, faults


def test_raw_events_alone_get_no_envelope(events: Events) -> None:
    told = events(acts.Event({"type": "brand_new", "x": 1}))
    assert told == [{"type": "brand_new", "x": 1}]


def test_a_raw_event_among_content_passes_through(events: Events) -> None:
    told = events(Text("a"), acts.Event({"type": "brand_new"}), Text("b"))
    assert kinds(told)[-6:] == [
        "brand_new",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_a_raw_message_start_is_not_doubled(events: Events) -> None:
    told = events(acts.Event({"type": "message_start", "message": {}}), Text("a"))
    assert kinds(told).count("message_start") == 1


def test_a_raw_block_start_moves_the_index_on(events: Events) -> None:
    start = {"type": "content_block_start", "index": 4, "content_block": {"type": "x"}}
    told = events(acts.Event(start), Text("a"))
    assert [e["index"] for e in told if e["type"] == "content_block_start"] == [4, 5]


def test_a_raw_message_stop_is_the_end(events: Events) -> None:
    told = events(Text("a"), acts.Event({"type": "message_stop"}), Text("b"))
    assert kinds(told)[-2:] == ["content_block_stop", "message_stop"]


@pytest.mark.parametrize(
    ("act", "data"),
    [
        (acts.Event("not json", name="odd"), b"event: odd\ndata: not json\n\n"),
        (acts.Event({"type": "x"}, name=""), b'data: {"type":"x"}\n\n'),
        (acts.Event({"type": "x"}, name="y"), b'event: y\ndata: {"type":"x"}\n\n'),
        (acts.Event("a\nb"), b"data: a\ndata: b\n\n"),
        (acts.Bytes("data: \xfc\r\r".encode()), b"data: \xc3\xbc\r\r"),
        (acts.Bytes(b"\xff\x00"), b"\xff\x00"),
    ],
)
def test_raw_acts_are_these_bytes(composed: Composed, act: acts.Act, data: bytes) -> None:
    assert [piece.data for piece in composed(act)] == [data]


def test_a_comment_is_a_comment(composed: Composed) -> None:
    assert composed(acts.Comment("hello"))[0].data == b": hello\n\n"


def test_pings_come_at_their_interval(composed: Composed) -> None:
    assert composed(acts.Ping(3, every=2.0))[:3] == [
        Piece(0.0, PING),
        Piece(2.0, PING),
        Piece(2.0, PING),
    ]


def test_garbage_is_the_same_for_the_same_seed(composed: Composed) -> None:
    first, again, other = (composed(acts.Garbage(20), seed=seed)[0].data for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 20


def test_an_error_event_ends_the_reply(composed: Composed) -> None:
    piece = composed(acts.Error())[0]
    assert piece.fate is Fate.END
    event = EventStreamDecoder().feed(piece.data)[0]
    assert event.event == "error"
    assert event.json() == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    }


def test_waits_stalls_and_cuts_are_times_and_fates(composed: Composed) -> None:
    script = [acts.Wait(1.5), acts.Stall(), acts.Cut("reset")]
    assert composed(*script)[:3] == [
        Piece(1.5, b""),
        Piece(0.0, b"", Fate.HOLD),
        Piece(0.0, b"", Fate.RESET),
    ]


def test_a_recording_keeps_its_bytes(composed: Composed) -> None:
    data = b'event: a\ndata: {"x":1}   \n\nevent: b\r\ndata: 2\r\n\r\n: c\n\ndata: unfinished'
    pieces = composed(acts.Recording(data))
    assert b"".join(piece.data for piece in pieces) == data
    assert len(pieces) == 4


# -- time


def test_the_first_token_waits_and_the_others_keep_the_rate(composed: Composed) -> None:
    pieces = composed(Text("a b c"), Text("d"), pace=Pace(10, first_token=3.0))
    assert [piece.after for piece in pieces if b"_delta" in piece.data] == [3.0, 0.1, 0.1, 0.1, 0]
    assert sum(piece.after for piece in pieces) == pytest.approx(3.3)


def test_a_block_can_have_its_own_pace(composed: Composed) -> None:
    pieces = composed(Text("a b"), Text("c d", pace=Pace(2, first_token=1.0)), pace=Pace(10))
    deltas = [piece.after for piece in pieces if b"content_block_delta" in piece.data]
    assert deltas == [0.0, 0.1, 1.0, 0.5]


def test_a_recording_keeps_the_pace(composed: Composed) -> None:
    data = b'event: ping\ndata: {"type": "ping"}\n\n'
    delta = b'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n'
    pieces = composed(acts.Recording(data + delta + delta), pace=Pace(4, first_token=2.0))
    assert [piece.after for piece in pieces] == [0.0, 2.0, 0.25]


# -- wire details


def test_padding_is_spaces_before_the_last_brace(composed: Composed) -> None:
    padded = composed(Text("Hello " * 50), padding=True)
    lines = [piece.data.split(b"data: ")[1].strip() for piece in padded if piece.data != PING]
    spaces = [len(line[:-1]) - len(line[:-1].rstrip(b" ")) for line in lines]
    assert max(spaces) == 15
    assert min(spaces) == 0
    assert all(json.loads(line) for line in lines)


def test_the_same_seed_gives_the_same_bytes(composed: Composed) -> None:
    script = [Thinking("a"), Text("b"), ToolUse("c")]
    options: dict[str, Any] = {"padding": True, "pace": Pace(10, jitter=0.5)}
    assert composed(*script, **options) == composed(*script, **options)
    assert composed(*script, **options) != composed(*script, seed=1, **options)


@settings(max_examples=50)
@given(st.text(), st.text(), st.integers(1, 9))
def test_what_was_scripted_is_what_arrives(text: str, value: str, size: int) -> None:
    from random import Random

    from tailrace.simulator.ask import Ask
    from tailrace.simulator.compose import compose
    from tailrace.simulator.fold import fold

    script = [Text(text), ToolUse("f", {"v": value}, fragment=size)]
    ask = Ask({"model": "claude-x", "messages": []})
    data = b"".join(piece.data for piece in compose(script, ask, rng=Random(0)))
    message = fold(one.json() for one in EventStreamDecoder().feed(data))
    assert [block.get("text", block.get("input")) for block in message["content"]] == [
        text,
        {"v": value},
    ]
