"""Answers with their status, headers and bytes."""

from __future__ import annotations

import json

import pytest
from tests.corpus import STOP, body, ends, starts, text
from tests.procedures.scripted import ASKED, HELLO, Scripted, kinds
from tests.sync.test_messages import JSON, MESSAGE, answering

from tailrace import AnthropicError, APIConnectionError, RateLimitError, Stream
from tailrace.transports.memory import Answer, Lost, Pause

WHOLE = body([starts(), *text(0, "Grüße 👋"), ends(), STOP])


def in_bytes(data: bytes = WHOLE) -> Scripted:
    """A client whose answer comes byte by byte."""
    return Scripted(Answer(*[data[at : at + 1] for at in range(len(data))]))


# -- with_raw_response -------------------------------------------------------------------------


def test_a_raw_response_has_the_head_and_the_message() -> None:
    scripted = answering(MESSAGE)
    raw = scripted.client.messages.with_raw_response.create(**ASKED)
    assert (raw.status_code, raw.request_id, raw.method) == (200, "req_7", "POST")
    assert raw.headers["Content-Type"] == raw.headers["content-type"] == "application/json"
    assert raw.url == "https://api.anthropic.com/v1/messages"
    assert (raw.http_version, raw.elapsed, raw.retries_taken) == ("HTTP/1.1", 0.0, 0)
    assert raw.http_response.status_code == 200
    assert raw.is_closed
    assert raw.read() == json.dumps(MESSAGE).encode()
    assert raw.json() == MESSAGE
    assert raw.text() == json.dumps(MESSAGE)
    assert raw.parse().content[0].text == "Hello"
    assert raw.parse() is raw.parse()
    assert repr(raw) == "<APIResponse [200]>"


def test_a_raw_response_counts_its_retries() -> None:
    scripted = Scripted(Lost(), Answer(status=529), HELLO)
    raw = scripted.client.messages.with_raw_response.create(stream=True, **ASKED)
    assert raw.retries_taken == 2


def test_a_raw_stream_is_read_by_what_parse_gives() -> None:
    raw = Scripted(HELLO).client.messages.with_raw_response.create(stream=True, **ASKED)
    assert not raw.is_closed
    with raw.parse() as stream:
        assert isinstance(stream, Stream)
        assert kinds(stream)[-1] == "message_stop"
    assert raw.parse() is stream
    assert raw.is_closed


def test_a_raw_count_of_tokens() -> None:
    raw = answering({"input_tokens": 7}).client.messages.with_raw_response.count_tokens(
        model="m", messages=ASKED["messages"]
    )
    assert raw.parse().input_tokens == 7


def test_a_raw_call_raises_as_any_other() -> None:
    scripted = Scripted(Answer(status=429), max_retries=0)
    with pytest.raises(RateLimitError):
        scripted.client.messages.with_raw_response.create(**ASKED)


def test_there_is_no_raw_stream_helper() -> None:
    messages = Scripted().client.messages
    assert not hasattr(messages.with_raw_response, "stream")
    assert not hasattr(messages.with_streaming_response, "stream")


# -- with_streaming_response -------------------------------------------------------------------


def test_a_streaming_response_is_not_read_until_asked() -> None:
    scripted = Scripted(Answer(b'{"content": ', Pause(5), b"[]}", headers=JSON))
    with scripted.client.messages.with_streaming_response.create(**ASKED) as response:
        assert (response.status_code, scripted.wire.now) == (200, 0)
        assert not response.is_closed
        assert response.parse().content == []
        assert scripted.wire.now == 5
    assert response.is_closed


def test_entering_sends_and_leaving_closes() -> None:
    scripted = Scripted(HELLO)
    manager = scripted.client.messages.with_streaming_response.create(stream=True, **ASKED)
    assert scripted.wire.requests == []
    with manager as response:
        assert next(response.parse()).type == "message_start"
    assert scripted.wire.answers[0].aborted


def test_bytes_come_as_they_come_or_in_pieces_of_a_size() -> None:
    data = WHOLE[:100]
    answer = Answer(data[:70], data[70:])
    for size, pieces in ((None, [70, 30]), (40, [40, 30, 30]), (1000, [70, 30])):
        scripted = Scripted(answer)
        manager = scripted.client.messages.with_streaming_response.create(stream=True, **ASKED)
        with manager as response:
            chunks = list(response.iter_bytes(size))
        assert b"".join(chunks) == data
        assert list(map(len, chunks)) == pieces


def test_text_survives_any_cut() -> None:
    manager = in_bytes().client.messages.with_streaming_response.create(stream=True, **ASKED)
    with manager as response:
        assert "".join(response.iter_text()) == WHOLE.decode()


def test_half_a_character_at_the_end_is_not_lost_in_silence() -> None:
    scripted = Scripted(Answer("Grüße 👋".encode()[:-1]))
    manager = scripted.client.messages.with_streaming_response.create(stream=True, **ASKED)
    with manager as response:
        assert "".join(response.iter_text()) == "Grüße \N{REPLACEMENT CHARACTER}"


def test_lines_survive_any_cut() -> None:
    manager = in_bytes().client.messages.with_streaming_response.create(stream=True, **ASKED)
    with manager as response:
        assert list(response.iter_lines()) == WHOLE.decode().splitlines()


def test_a_broken_body_is_an_error_and_stays_one() -> None:
    scripted = Scripted(Answer(b'{"content": []}', Lost(), headers=JSON))
    with scripted.client.messages.with_streaming_response.create(**ASKED) as response:
        with pytest.raises(APIConnectionError):
            response.read()
        with pytest.raises(AnthropicError):
            response.parse()


def test_a_streaming_count_of_tokens() -> None:
    messages = answering({"input_tokens": 7}).client.messages
    asked = {"model": "m", "messages": ASKED["messages"]}
    with messages.with_streaming_response.count_tokens(**asked) as response:
        assert response.parse().input_tokens == 7
