from typing import Any

import pytest

from tailrace.simulator.ask import Ask

TURNS: list[dict[str, Any]] = [
    {"role": "user", "content": "First"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "9"}]},
            {"type": "text", "text": "And"},
            {"type": "text", "text": "now?"},
        ],
    },
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "And\nnow?"),
        ("system", "Be brief."),
        ("tool_result", "9"),
        ("turn", 2),
        ("tools", ("f", "bash_20250124")),
        ("model", "m"),
        ("max_tokens", 7),
        ("stop_sequences", ("x",)),
        ("stream", True),
    ],
)
def test_what_scripts_see_of_a_request(name: str, value: object) -> None:
    body = {
        "model": "m",
        "max_tokens": 7,
        "stream": True,
        "stop_sequences": ["x"],
        "system": [{"type": "text", "text": "Be brief."}],
        "tools": [{"name": "f"}, {"type": "bash_20250124"}],
        "messages": TURNS,
    }
    assert getattr(Ask(body), name) == value


def test_an_empty_request_has_harmless_answers() -> None:
    ask = Ask({})
    assert (ask.user, ask.system, ask.tool_result, ask.turn, ask.tools) == ("", "", "", 1, ())
    assert ask.max_tokens > 10**6


def test_an_unchecked_request_has_harmless_answers_too() -> None:
    ask = Ask({"max_tokens": "many", "stop_sequences": [1, "", "x"], "messages": "Hi", "tools": 5})
    assert ask.max_tokens > 10**6
    assert ask.stop_sequences == ("x",)
    assert (ask.user, ask.tools, ask.input_tokens) == ("", (), 3)


def test_no_repr_shows_headers() -> None:
    assert "secret" not in repr(Ask({}, {"x-api-key": "secret"}))
