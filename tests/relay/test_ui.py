"""Claude's events as the parts of an AI SDK message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tailrace.relay.records import End
from tailrace.relay.ui import UIDialect

from .scripted import BEGINNING, ENDING, says


def parts(events: list[Any], end: End | None = None) -> list[Any]:
    dialect = UIDialect()
    frames = [frame for event in events for frame in dialect.event(event)]
    frames += dialect.end(end or End("done"))
    assert {name for name, _ in frames} <= {None}
    texts = [data.decode() for _, data in frames]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[Any]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": one} for one in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def json_delta(text: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": text}


CALL = {"toolCallId": "t", "toolName": "weather"}
TOOL = {"type": "tool_use", "id": "t", "name": "weather", "input": {}}


def test_a_text_reply() -> None:
    assert parts(says("a", "b")) == [
        {"type": "start", "messageId": "msg_1"},
        {"type": "start-step"},
        {"type": "text-start", "id": "0"},
        {"type": "text-delta", "id": "0", "delta": "a"},
        {"type": "text-delta", "id": "0", "delta": "b"},
        {"type": "text-end", "id": "0"},
        {"type": "finish-step"},
        {"type": "finish", "finishReason": "stop"},
        "[DONE]",
    ]


def test_thinking_keeps_its_signature() -> None:
    events = block(
        0,
        {"type": "thinking", "thinking": ""},
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "s"},
    )
    assert parts(events)[:-1] == [
        {"type": "reasoning-start", "id": "0"},
        {"type": "reasoning-delta", "id": "0", "delta": "hm"},
        {
            "type": "reasoning-end",
            "id": "0",
            "providerMetadata": {"anthropic": {"signature": "s"}},
        },
    ]


def test_a_tool_call() -> None:
    events = block(1, TOOL, json_delta(""), json_delta('{"a":'), json_delta("1}"))
    assert parts(events)[:-1] == [
        {"type": "tool-input-start", **CALL},
        {"type": "tool-input-delta", "toolCallId": "t", "inputTextDelta": '{"a":'},
        {"type": "tool-input-delta", "toolCallId": "t", "inputTextDelta": "1}"},
        {"type": "tool-input-available", **CALL, "input": {"a": 1}},
    ]
    assert parts(block(1, TOOL))[1] == {"type": "tool-input-available", **CALL, "input": {}}


def test_half_an_input_never_looks_like_a_whole_one() -> None:
    broken = parts(block(0, TOOL, json_delta('{"a":')))
    assert broken[-2]["type"] == "tool-input-error"
    cut = parts(block(0, TOOL, json_delta('{"a":'))[:-1], End("error"))
    assert [part["type"] for part in cut[-3:-1]] == ["tool-input-error", "error"]
    assert "tool-input-available" not in str(broken + cut)


def test_a_server_tool_and_its_result() -> None:
    call = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [1]}
    found = parts(block(0, call, json_delta("{}")) + block(1, result))
    assert all(part["providerExecuted"] for part in (found[0], found[2], found[3]))
    assert found[3]["type"] == "tool-output-available"
    assert found[3]["output"] == [1]


def test_citations_are_sources() -> None:
    text = {"type": "text", "text": ""}
    url = {"type": "web_search_result_location", "url": "https://a.example", "title": "A"}
    page = {"type": "page_location", "document_index": 2, "document_title": None}
    cited = [{"type": "citations_delta", "citation": one} for one in (url, page)]
    found = parts(block(0, text, *cited))
    assert found[1] == {
        "type": "source-url",
        "sourceId": "https://a.example",
        "url": "https://a.example",
        "title": "A",
    }
    assert found[2]["type"] == "source-document"


def test_the_unknown_goes_through() -> None:
    event = {"type": "brand_new", "x": 1}
    odd = block(0, {"type": "hologram"}, {"type": "hologram_delta"})
    found = parts([event, {"type": "ping"}, *odd])[:-1]
    assert [part["type"] for part in found] == ["data-claude"] * 3
    assert found[0]["data"] == event


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool-calls"),
        ("refusal", "content-filter"),
        ("something new", "other"),
    ],
)
def test_reasons(reason, finish) -> None:
    delta = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {}}
    found = parts([*BEGINNING, ENDING[0], delta, ENDING[2]])
    assert found[-2] == {"type": "finish", "finishReason": finish}


@pytest.mark.parametrize(
    ("how", "last"),
    [
        ("error", {"type": "error", "errorText": "too slow"}),
        ("interrupted", {"type": "error", "errorText": "the generation ended: interrupted"}),
        ("cancelled", {"type": "abort", "reason": "cancelled"}),
    ],
)
def test_what_is_open_is_closed_before_an_early_end(how, last) -> None:
    error = {"type": "api_error", "message": "too slow"} if how == "error" else None
    found = parts(says("a")[:3], End(how, error=error))
    assert found[-3:] == [{"type": "text-end", "id": "0"}, last, "[DONE]"]
