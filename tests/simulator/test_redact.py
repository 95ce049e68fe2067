"""Nothing secret is written down."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import Recording

from tailrace.core.framing import EventStreamDecoder
from tailrace.simulator import redact
from tailrace.simulator.fold import fold
from tailrace.simulator.tape import Chunk, Tape


def test_credentials_leave_the_headers() -> None:
    pairs = [("X-Api-Key", "k"), ("Authorization", "Bearer t"), ("Cookie", "c"), ("x-a", "b")]
    assert redact.headers(pairs) == (
        ("x-api-key", "[redacted]"),
        ("authorization", "[redacted]"),
        ("cookie", "[redacted]"),
        ("x-a", "b"),
    )


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcDEF_123-456789",
        "sk-proj-abcdefghijklmnop1234",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "xoxb-1234567890-abc",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_starred_out(secret: str) -> None:
    found = redact.secrets(f"before {secret} after".encode())
    assert found == b"before " + b"*" * len(secret) + b" after"


def test_the_requests_own_key_is_starred_out_wherever_it_is() -> None:
    known = redact.credentials({"authorization": "Bearer my-very-own-token"})
    assert redact.secrets(b'{"echo": "my-very-own-token"}', known) == (
        b'{"echo": "*****************"}'
    )


def test_placeholders_are_no_secrets() -> None:
    assert redact.credentials({"x-api-key": "k"}) == []


@given(st.binary())
def test_length_never_changes(data: bytes) -> None:
    assert len(redact.secrets(data)) == len(data)
    assert len(redact.mask_response(data)) == len(data)


def test_a_key_cut_by_a_chunk_boundary_is_found() -> None:
    key = b"sk-ant-api03-abcdefghijklmnop"
    tape = Tape(
        "POST",
        "/",
        200,
        (("x-api-key", key.decode()),),
        b'{"k": "' + key + b'"}',
        chunks=(Chunk(0.0, b"x" + key[:9]), Chunk(0.0, key[9:] + b"y")),
    )
    clean = redact.clean(tape)
    assert [chunk.data for chunk in clean.chunks] == [b"x" + b"*" * 9, b"*" * 20 + b"y"]
    assert clean.request_body == b'{"k": "' + b"*" * 29 + b'"}'
    assert clean.request_headers == (("x-api-key", "[redacted]"),)


# -- masking


def test_a_masked_request_keeps_its_shape() -> None:
    asked = {
        "model": "claude-x",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Dear Bob, 12 é!"}]}],
        "tools": [{"name": "f", "description": "Does it."}],
    }
    assert redact.mask_request(asked) == {
        "model": "claude-x",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "xxxx xxx, 00 x!"}]}],
        "tools": [{"name": "f", "description": "xxxx xx."}],
    }


def test_a_masked_text_keeps_its_size_and_escapes() -> None:
    line = rb'data: {"type":"text_delta","text":"Hi\n\u00e9\" 12 \\ ' + "é".encode() + b'"}'
    assert redact.mask_response(line) == (
        rb'data: {"type":"text_delta","text":"xx\nxxxxxx\" 00 \\ xx"}'
    )


def tool(*fragments: str) -> bytes:
    lines = [
        json.dumps(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": fragment},
            }
        )
        for fragment in fragments
    ]
    return "\n".join(lines).encode()


def fragments(data: bytes) -> list[str]:
    return [json.loads(line)["delta"]["partial_json"] for line in data.split(b"\n")]


def test_masked_tool_input_stays_json() -> None:
    cut = ('{"ci', 'ty": "Pa', 'ris", "n": 45, "t": tr', "ue}")
    told = fragments(redact.mask_response(tool(*cut)))
    assert told == ['{"xx', 'xx": "xx', 'xxx", "x": 11, "x": tr', "ue}"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES, st.integers(1, 7))
def test_any_tool_input_stays_json(value: Any, size: int) -> None:
    text = json.dumps(value)
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    json.loads("".join(fragments(redact.mask_response(tool(*cut)))))


def test_masked_recordings_still_are_messages(corpus: tuple[Recording, ...]) -> None:
    for recording in corpus:
        masked = redact.mask_response(recording.body)
        assert len(masked) == len(recording.body)
        before, after = (
            fold(one.json() for one in EventStreamDecoder().feed(data) if one.event)
            for data in (recording.body, masked)
        )
        kinds = [block["type"] for block in before["content"]]
        assert [block["type"] for block in after["content"]] == kinds, recording.name
        assert all("INVALID_JSON" not in b.get("input", {}) for b in after["content"]) or any(
            "INVALID_JSON" in b.get("input", {}) for b in before["content"]
        )


def test_a_masked_tape_says_so() -> None:
    tape = Tape("POST", "/", 200, request_body=b'{"a": "b"}', chunks=(Chunk(0.0, b"x"),))
    assert redact.clean(tape, mask=True) == replace(tape, request_body=b'{"a": "x"}', masked=True)
