"""What the servers play is what the API sends."""

from __future__ import annotations

import json

import pytest
from benchmarks.replies import END, HEAD, RECIPES, sent_at, sent_in, stamped, whole

from tailrace.core.chunked import ChunkedBody
from tailrace.core.framing import EventStreamDecoder

PLAYED = {
    "text": (30, 4),
    "pieces": (400, 20),
    "tool": (2000, 20),
    "citations": (5,),
    "large": (5000,),
}


def events(answer: bytes) -> list[dict[str, object]]:
    body = ChunkedBody()
    data = body.feed(answer.removeprefix(HEAD))
    assert body.done
    return [json.loads(event.raw_data) for event in EventStreamDecoder().feed(data)]


@pytest.mark.parametrize("name", RECIPES)
def test_every_reply_is_whole(name: str) -> None:
    played = events(whole(name, *PLAYED[name]))
    assert played[0]["type"] == "message_start"
    assert played[-1]["type"] == "message_stop"


def test_a_text_has_as_many_events_as_asked_for() -> None:
    played = events(whole("text", 30, 1))
    assert sum(event["type"] == "content_block_delta" for event in played) == 30


def test_a_packet_is_an_http_chunk() -> None:
    assert whole("text", 45, 50).count(b"\r\nevent: ") == 1
    assert whole("text", 45, 10).count(b"\r\nevent: ") == 5


def test_the_same_bytes_each_time() -> None:
    first = whole("text", 100, 1)
    whole.cache_clear()
    assert whole("text", 100, 1) == first


def test_a_time_of_sending_can_be_read_back() -> None:
    data = stamped(1234.5)
    (event,) = events(HEAD + data + END)
    assert sent_at(event["delta"]["text"]) == 1234.5  # type: ignore[index]
    assert sent_in(data) == 1234.5
    assert sent_in(b"nothing") == 0
