import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import Recording

from tailrace.simulator import tokens


@given(st.text())
def test_the_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(tokens.split(text)) == text
    assert tokens.count(text) == len(list(tokens.split(text)))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, world!", ["Hello", ",", " world", "!"]),
        ("internationalization", ["inte", "rnat", "iona", "liza", "tion"]),
        ("1234567", ["123", "456", "7"]),
        ("a\n\n b", ["a", "\n\n ", "b"]),
        ("你好", ["你", "好"]),
        ("snake_case", ["snake", "_", "case"]),
        ("", []),
    ],
)
def test_where_text_is_cut(text: str, pieces: list[str]) -> None:
    assert list(tokens.split(text)) == pieces


def recorded_texts(corpus: tuple[Recording, ...]) -> list[tuple[str, int]]:
    """Replies in plain text with the tokens the API counted."""
    found = []
    for recording in corpus:
        lines = recording.body.decode().split("\n")
        events = [json.loads(line[5:]) for line in lines if line.startswith("data:")]
        kinds = {e["content_block"]["type"] for e in events if e["type"] == "content_block_start"}
        starts = sum(event["type"] == "message_start" for event in events)
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        usage = [event["usage"] for event in events if event["type"] == "message_delta"]
        if kinds == {"text"} and starts == 1 and usage and usage[-1]["output_tokens"] > 60:
            text = "".join(delta.get("text", "") for delta in deltas)
            found.append((text, usage[-1]["output_tokens"]))
    return found


def test_the_count_is_near_what_the_api_counted(corpus: tuple[Recording, ...]) -> None:
    ratios = sorted(tokens.count(text) / real for text, real in recorded_texts(corpus))
    assert len(ratios) > 20
    quarter = len(ratios) // 4
    assert ratios[quarter] > 0.9
    assert ratios[-quarter] < 1.1


@pytest.mark.parametrize(
    ("fields", "least", "most"),
    [
        ({}, 5, 12),
        ({"system": "You are a poet."}, 10, 18),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
            1500,
            1520,
        ),
        ({"tools": [{"name": "get_weather", "input_schema": {"type": "object"}}]}, 20, 40),
    ],
)
def test_a_request_counts_all_that_is_read(fields: Any, least: int, most: int) -> None:
    body = {"messages": [{"role": "user", "content": "Hello"}], **fields}
    assert least <= tokens.count_request(body) <= most


def test_ids_and_marks_do_not_count() -> None:
    block = {"type": "text", "text": "Hello"}
    marked = {**block, "cache_control": {"type": "ephemeral"}}
    counts = [
        tokens.count_request({"messages": [{"role": "user", "content": [one]}]})
        for one in (block, marked)
    ]
    assert counts[0] == counts[1]
