"""What the API says against a body, in its words."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.simulator.validate import LATEST, complaint

TOOL = {"name": "f", "input_schema": {"type": "object"}}
GOOD: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 5000,
    "messages": [{"role": "user", "content": "Hi"}],
}
MISSING: Any = object()
MOVED = [
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "x"},
            {"type": "thinking", "thinking": "", "signature": "s"},
            {"type": "text", "text": "y"},
        ],
    },
    {"role": "user", "content": "And?"},
]


def said(version: str = "2023-06-01", **fields: Any) -> str | None:
    body = {name: value for name, value in {**GOOD, **fields}.items() if value is not MISSING}
    return complaint(body, version)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"temperature": 1, "top_p": 0.5, "top_k": 3},
        {"temperature": None, "system": None, "stop_sequences": None},
        {"system": "Be brief."},
        {"system": [{"type": "text", "text": "Be brief."}]},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "f"}},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tool_choice": {"type": "none"}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"thinking": {"type": "adaptive"}, "model": "claude-opus-5"},
        {"metadata": {"user_id": "u"}, "service_tier": "auto", "stream": False},
        {"model": "gpt-like", "max_tokens": 128_000},
    ],
)
def test_good_bodies_pass(fields: dict[str, Any]) -> None:
    assert said(**fields) is None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"max_tokens": MISSING}, "max_tokens: Field required"),
        ({"messages": MISSING}, "messages: Field required"),
        ({"model": MISSING}, "model: Field required"),
        ({"model": 1}, "model: Input should be a valid string"),
        ({"model": ""}, "model: String should have at least 1 character"),
        ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
        (
            {"max_tokens": 64_001},
            "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for "
            "claude-sonnet-4-5",
        ),
        ({"messages": {}}, "messages: Input should be a valid list"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"bananas": 1}, "bananas: Extra inputs are not permitted"),
        ({"temperature": 1.1}, "temperature: range: 0..1"),
        (
            {"stop_sequences": [" "]},
            "stop_sequences: each stop sequence must contain non-whitespace",
        ),
        ({"stop_sequences": [1]}, "stop_sequences.0: Input should be a valid string"),
        ({"system": 5}, "system: Input should be a valid list"),
        ({"system": [{"type": "text"}]}, "system.0.text: Field required"),
        ({"tools": [{"name": "f"}]}, "tools.0.custom.input_schema: Field required"),
        (
            {"tools": [{**TOOL, "name": "a b"}]},
            "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
        ),
        (
            {"tools": [{"name": "f", "input_schema": {}}]},
            "tools.0.custom.input_schema.type: Field required",
        ),
        ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        (
            {"tool_choice": {"type": "any"}},
            "tool_choice.any may only be specified while providing tools",
        ),
        (
            {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}},
            "Tool 'g' not found in provided tools",
        ),
        (
            {"tool_choice": {"type": "maybe"}},
            "tool_choice: Input tag 'maybe' found using 'type' does not match any of the expected "
            "tags: 'auto', 'any', 'tool', 'none'",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1023}},
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ),
        (
            {"thinking": {"type": "enabled"}},
            "thinking.enabled.budget_tokens: Field required",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 2000},
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "model": "claude-opus-4-7"},
            '"thinking.type.enabled" is not supported for this model.',
        ),
        (
            {"thinking": {"type": "adaptive"}, "temperature": 0.5},
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "messages": MOVED},
            "messages.1.content.0: If an assistant message contains any thinking blocks, the first",
        ),
        (
            {
                "thinking": {"type": "enabled", "budget_tokens": 1024},
                "tools": [TOOL],
                "tool_choice": {"type": "any"},
            },
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        (
            {
                "system": [
                    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
                    for _ in range(5)
                ]
            },
            "A maximum of 4 blocks with cache_control may be provided. Found 5.",
        ),
        (
            {"messages": [{"role": "user", "content": "word " * 200_001}]},
            "prompt is too long: ",
        ),
    ],
)
def test_bad_bodies_hear_why(fields: dict[str, Any], text: str) -> None:
    heard = said(**fields)
    assert heard is not None
    assert heard.startswith(text)


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_the_latest_version_knows_no_sampling(name: str) -> None:
    assert said(**{name: 1}) is None
    assert said(LATEST, **{name: 1}) == f"{name}: Extra inputs are not permitted"


def test_the_latest_version_refuses_documents_of_the_assistant() -> None:
    document = {"type": "document", "source": {}}
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [document]},
        {"role": "user", "content": "And?"},
    ]
    assert said(messages=turns) is None
    assert "document" in str(said(LATEST, messages=turns))


def test_the_latest_version_refuses_citations_of_the_user() -> None:
    block = {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}
    turns = [{"role": "user", "content": [block]}]
    assert said(messages=turns) is None
    assert "citations" in str(said(LATEST, messages=turns))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = ["messages", "tools", "tool_choice", "thinking", "system", "stop_sequences", "model"]


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_body_is_too_strange_to_check(fields: dict[str, Any]) -> None:
    heard = said(**fields)
    assert heard is None or ":" in heard or " " in heard


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from(["role", "content"]), JSON)))
def test_no_message_is_too_strange_to_check(messages: list[Any]) -> None:
    said(messages=messages)


BLOCK = st.dictionaries(
    st.sampled_from(["type", "text", "tool_use_id", "id", "name", "input", "content"]),
    JSON | st.sampled_from(["text", "tool_use", "tool_result"]),
)


@settings(max_examples=60)
@given(st.lists(BLOCK, max_size=3))
def test_no_block_is_too_strange_to_check(blocks: list[Any]) -> None:
    said(messages=[{"role": "user", "content": blocks}])
