from typing import Any

from tailrace.simulator.fold import fold


def test_a_message_is_folded() -> None:
    message = fold(
        [
            {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
            delta(0, type="thinking_delta", thinking="Hm"),
            delta(0, type="signature_delta", signature="s"),
            {"type": "content_block_start", "index": 1, "content_block": text("")},
            delta(1, type="text_delta", text="a"),
            delta(1, type="text_delta", text="b"),
            delta(1, type="citations_delta", citation={"n": 1}),
            {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use"}},
            delta(2, type="input_json_delta", partial_json='{"x"'),
            delta(2, type="input_json_delta", partial_json=": 1}"),
            {"type": "content_block_stop", "index": 2},
            {"type": "message_delta", "delta": {"stop_reason": "x"}, "usage": {"output_tokens": 4}},
            {"type": "message_stop"},
        ]
    )
    assert message == {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "text", "text": "ab", "citations": [{"n": 1}]},
            {"type": "tool_use", "input": {"x": 1}},
        ],
        "stop_reason": "x",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }


def test_input_that_is_no_json_is_kept_as_text() -> None:
    message = fold(
        [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}},
            delta(0, type="input_json_delta", partial_json='{"x"'),
        ]
    )
    assert message["content"][0]["input"] == {"INVALID_JSON": '{"x"'}


def test_an_error_is_given_as_it_came() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert fold([{"type": "ping"}, error, {"type": "message_start"}]) == error


def test_nonsense_is_passed_over() -> None:
    told = [{}, {"type": "x"}, delta(7, type="text_delta", text="a"), {"type": "message_delta"}]
    assert fold(told)["content"] == []


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def delta(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}
