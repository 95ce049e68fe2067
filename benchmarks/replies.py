"""The replies that are played: the same bytes for every contestant, made from a path.

`/text/20000/50` is a reply of 20,000 text events, 50 of them an HTTP chunk; the other names are at
the end of this file. The events look as the API sends them: their sizes, the blanks it pads some
with, and one event an HTTP chunk unless a path says otherwise.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\n"
    b"request-id: req_benchmark\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
END = b"0\r\n\r\n"

# As long as tokens are, with what a decoder has to look at twice: escapes and non-ASCII letters.
_WORDS = (
    *(" the", " of", " wheel", " carries", " water", " channel", " away", ",", ".", " a"),
    *(" mill", "'s", ' "race', '"', " über", "\n\n", " naïve", " →", " through", " tail"),
)


def event(payload: dict[str, Any], padding: int = 0) -> bytes:
    """One event as the API writes it; `padding` blanks before the last brace."""
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    data = data[:-1] + " " * padding + "}"
    return f"event: {payload['type']}\ndata: {data}\n\n".encode()


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _start(block: dict[str, Any]) -> list[bytes]:
    usage = {"input_tokens": 20, "output_tokens": 1, "cache_read_input_tokens": 0}
    message: dict[str, Any] = {
        "id": "msg_benchmark",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return [
        event({"type": "message_start", "message": message}),
        event({"type": "content_block_start", "index": 0, "content_block": block}),
    ]


def _delta(delta: dict[str, Any], padding: int = 0) -> bytes:
    return event({"type": "content_block_delta", "index": 0, "delta": delta}, padding)


def _stop(reason: str = "end_turn") -> list[bytes]:
    return [
        event({"type": "content_block_stop", "index": 0}),
        event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": reason, "stop_sequence": None},
                "usage": {"output_tokens": 4000},
            }
        ),
        event({"type": "message_stop"}),
    ]


_TEXT = {"type": "text", "text": ""}


def _packets(events: list[bytes], size: int) -> Iterable[bytes]:
    for at in range(0, len(events), size):
        yield chunk(b"".join(events[at : at + size]))


def _text_of(words: Iterable[str]) -> list[bytes]:
    dice = random.Random(1)
    return [
        _delta({"type": "text_delta", "text": word}, dice.choice((0, 0, 0, 1, 4, 9, 14)))
        for word in words
    ]


def text(count: int, packet: int) -> Iterable[bytes]:
    """`count` text events of about 5 characters, `packet` of them an HTTP chunk."""
    dice = random.Random(2)
    words = (dice.choice(_WORDS) for _ in range(count))
    return _packets(_start(_TEXT) + _text_of(words) + _stop(), packet)


def pieces(total: int, size: int) -> Iterable[bytes]:
    """`total` characters of text in pieces of `size`."""
    words = ("tailrace " * (size // 9 + 1))[:size]
    return _packets(_start(_TEXT) + _text_of([words] * (total // size)) + _stop(), 1)


def tool(total: int, size: int) -> Iterable[bytes]:
    """A tool's input of about `total` bytes, nested records, in fragments of `size` characters."""
    records: list[dict[str, Any]] = []
    dice, length = random.Random(20), 0
    while length < total:
        number = len(records)
        records.append(
            {
                "id": number,
                "name": f"record number {number}",
                "tags": ["red", "green"],
                "score": round(dice.random(), 4),
                "place": {"city": "Zürich", "confirmed": True, "note": None},
            }
        )
        length += len(json.dumps(records[-1], ensure_ascii=False)) + 2
    written = json.dumps({"records": records}, ensure_ascii=False)
    fragments = [
        _delta({"type": "input_json_delta", "partial_json": written[at : at + size]})
        for at in range(0, len(written), size)
    ]
    block = {"type": "tool_use", "id": "toolu_benchmark", "name": "store", "input": {}}
    return _packets(_start(block) + fragments + _stop("tool_use"), 1)


def citations(count: int, packet: int = 1) -> Iterable[bytes]:
    """`count` citations of one text block."""
    deltas = [
        _delta(
            {
                "type": "citations_delta",
                "citation": {
                    "type": "char_location",
                    "cited_text": f"sentence {number}",
                    "document_index": 0,
                    "document_title": "A document",
                    "start_char_index": number,
                    "end_char_index": number + 10,
                },
            }
        )
        for number in range(count)
    ]
    return _packets(_start(_TEXT) + deltas + _stop(), packet)


def large(size: int, packet: int = 1) -> Iterable[bytes]:
    """One event of `size` bytes: a block that comes with its whole content, then a word."""
    result = {"type": "web_fetch_result", "url": "https://example.com", "content": "A" * size}
    block = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_1", "content": result}
    events = _start(block)
    events.append(event({"type": "content_block_stop", "index": 0}))
    events.append(event({"type": "content_block_start", "index": 1, "content_block": _TEXT}))
    events.append(
        event(
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "text_delta", "text": "word"},
            }
        )
    )
    events.append(event({"type": "content_block_stop", "index": 1}))
    return _packets(events + _stop()[1:], packet)


RECIPES: dict[str, Callable[..., Iterable[bytes]]] = {
    "text": text,
    "pieces": pieces,
    "tool": tool,
    "citations": citations,
    "large": large,
}


@lru_cache(maxsize=8)
def whole(name: str, *numbers: int) -> bytes:
    """A whole answer, from its status line to the end of its body."""
    return HEAD + b"".join(RECIPES[name](*numbers)) + END


def opening() -> bytes:
    """The first bytes of an answer that goes on: the head, and the text block's beginning."""
    return HEAD + b"".join(_packets(_start(_TEXT), 1))


# -- text that says when it was sent -----------------------------------------------------------

MARK = "@"
_STAMP = "%017.6f"
_WIDTH = 17
_STAMPED = chunk(_delta({"type": "text_delta", "text": MARK + "0" * _WIDTH + " tok"}))
_BEFORE, _AFTER = _STAMPED.split(b"0" * _WIDTH)


def stamped(now: float) -> bytes:
    """A text event that holds the time at which it is sent, in seconds."""
    return _BEFORE + (_STAMP % now).encode() + _AFTER


def sent_at(text: str) -> float:
    """The time in a text that `stamped` made."""
    return float(text[1 : 1 + _WIDTH])


def sent_in(data: bytes) -> float:
    """The time in the last event of some bytes that `stamped` made; 0 where there is none."""
    at = data.rfind(b'"' + MARK.encode())
    return float(data[at + 2 : at + 2 + _WIDTH]) if at >= 0 else 0.0
