"""Every act, written as a scenario, seen as bytes on the wire: HTTP's chunks, events, the end.

The table has a row for each way to write an act; an act without a row fails the test at the end.
"""

from __future__ import annotations

import inspect
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.simulator.conftest import Wire, says

from tailrace.simulator import acts, parse_scenario
from tailrace.simulator.acts import Act
from tailrace.simulator.api_errors import ERROR_TYPES, status_of, text_of_status
from tailrace.simulator.grammar import ACTS
from tailrace.simulator.simulator import Simulator


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(data: dict[str, Any]) -> bytes:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"event: {data['type']}\ndata: {text}\n\n".encode()


def block(start: dict[str, Any], *deltas: dict[str, Any], index: int = 0) -> bytes:
    """The chunks of a content block; a ping follows the start of the first."""
    told = [{"type": "content_block_start", "index": index, "content_block": start}]
    told += [{"type": "content_block_delta", "index": index, "delta": one} for one in deltas]
    chunks = [chunk(event(one)) for one in [*told, {"type": "content_block_stop", "index": index}]]
    return b"".join(chunks[:1] + [chunk(PING)] * (index == 0) + chunks[1:])


def text(*pieces: str) -> bytes:
    start = {"type": "text", "text": ""}
    return block(start, *({"type": "text_delta", "text": piece} for piece in pieces))


def json_deltas(*parts: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": part} for part in parts]


PING = b'event: ping\ndata: {"type": "ping"}\n\n'
LAST = b"0\r\n\r\n"
START = b'event: message_start\ndata: {"type":"message_start"'
ODD = event({"type": "odd", "n": 1})
CITATION = {"type": "char_location", "cited_text": "x"}
HTTP = b"HTTP/1.1 200 OK\r\n"


class Row(NamedTuple):
    """An act's table, the bytes it must bring (or a pattern), and how the connection ends.

    `ended` is "eof" (after what `wire` shows), "reset", or "open": silent, until the client leaves.
    `least` is how many seconds it takes at least.
    """

    reply: str
    wire: bytes | re.Pattern[bytes]
    ended: str = "eof"
    least: float = 0.0


ROWS: list[Row] = [
    # content
    Row('{ text = "Hi there" }', text("Hi", " there")),
    Row('{ text = "", pieces = ["H", "i"] }', text("H", "i")),
    Row(
        '{ text = "x", citations = [{ type = "char_location", cited_text = "x" }] }',
        block(
            {"citations": [], "type": "text", "text": ""},
            {"type": "citations_delta", "citation": CITATION},
            {"type": "text_delta", "text": "x"},
        ),
    ),
    Row('{ text = "a b c", tokens_per_second = 100, first_token = 0.05 }', text("a", " b", " c"),
        least=0.05 + 2 / 100),
    Row('{ template = "{{user}}, {{model}}" }', text("Hi", ",", " claude", "-", "sonnet", "-", "4",
                                                     "-", "5")),
    Row(
        '{ thinking = "Hm", signature = "c2ln" }',
        block(
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm"},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
    ),
    Row('{ redacted_thinking = "abc" }', block({"type": "redacted_thinking", "data": "abc"})),
    Row(
        '{ tool = "f", input = { x = 1 }, id = "toolu_1", fragment = 5 }',
        block(
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
            *json_deltas("", '{"x":', " 1}"),
        ),
    ),
    Row(
        '{ tool = "f", raw_input = "{\\"x\\": ", id = "toolu_1", fragment = 99 }',
        block(
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
            *json_deltas("", '{"x": '),
        ),
    ),
    Row(
        '{ server_tool = "web_search", input = { q = 1 }, result = [], id = "srvtoolu_1" }',
        block(
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            *json_deltas("", "{", '"', "q", '"', ":", " 1", "}"),
        )
        + block(
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}, index=1
        ),
    ),
    Row(
        '{ block = { type = "new" }, deltas = [{ type = "new_delta", n = 1 }] }',
        block({"type": "new"}, {"type": "new_delta", "n": 1}),
    ),
    Row('[{ recording = "kept.sse" }, { cut = "end" }]',
        b"\r\n\r\n" + chunk(b"data: 1\n\n") + chunk(b"data: 2") + LAST),
    # the end of the message, and what it costs
    Row(
        '[{ text = "x" }, { stop = "stop_sequence", sequence = "END" }]',
        b'"delta":{"stop_reason":"stop_sequence","stop_sequence":"END","stop_details":null}',
    ),
    Row('{ stop = "refusal", details = { category = "cyber" } }',
        b'"delta":{"stop_reason":"refusal","stop_sequence":null,'
        b'"stop_details":{"category":"cyber"}}'),
    Row('{ usage = { output_tokens = 5 }, start = { output_tokens = 3 } }',
        re.compile(rb'message_start.*"output_tokens":3,.*message_delta.*"output_tokens":5}', re.S)),
    Row('{ message = { container = { id = "c" } } }', b'"container":{"id":"c"}}}\n\n'),
    # events
    Row('[{ event = { type = "odd", n = 1 } }, { cut = "end" }]', b"\r\n\r\n" + chunk(ODD) + LAST),
    Row('[{ event = "no JSON", name = "other" }, { cut = "end" }]',
        chunk(b"event: other\ndata: no JSON\n\n") + LAST),
    Row('[{ ping = 2, every = 0.02 }, { cut = "end" }]', chunk(PING) * 2 + LAST, least=0.02),
    Row('[{ comment = "still here" }, { cut = "end" }]', chunk(b": still here\n\n") + LAST),
    Row('[{ text = "x" }, { error = "api_error", message = "Oh.", details = { n = 1 } }]',
        text("x") + chunk(event({"type": "error", "error": {
            "type": "api_error", "message": "Oh.", "details": {"n": 1}}})) + LAST),
    # bytes
    Row('[{ bytes = "data: x\\n" }, { cut = "end" }]', chunk(b"data: x\n") + LAST),
    Row('[{ hex = "ff0d00" }, { hex = "0a", after = 0.02 }, { cut = "end" }]',
        chunk(b"\xff\r\x00") + chunk(b"\n") + LAST, least=0.02),
    Row('[{ hex = "7a7a0d0a", framing = false }, { cut = "close" }]', b"\r\n\r\nzz\r\n"),
    Row('[{ garbage = 16 }, { cut = "end" }]',
        re.compile(rb"\r\n\r\n10\r\n.{16}\r\n0\r\n\r\n", re.S)),
    # time
    Row('[{ ping = 1 }, { wait = 0.05 }, { ping = 1 }, { cut = "end" }]', chunk(PING) * 2 + LAST,
        least=0.05),
    Row('[{ ping = 1 }, { stall = true }]', chunk(PING), "open"),
    # ends
    Row('[{ ping = 1 }, { cut = "end" }]', b"\r\n\r\n" + chunk(PING) + LAST),
    Row('[{ ping = 1 }, { cut = "close" }]', b"\r\n\r\n" + chunk(PING)),
    Row('[{ ping = 1 }, { cut = "reset" }]', b"\r\n\r\n" + chunk(PING), "reset"),
    Row('[{ ping = 1 }, { cut = "half_chunk" }, { event = { type = "odd", n = 1 } }]',
        chunk(PING) + b"%x\r\n" % len(ODD) + ODD[: len(ODD) // 2]),
    Row('[{ ping = 3 }, { cut = "close", after_events = 2 }]', b"\r\n\r\n" + chunk(PING) * 2),
    Row('[{ ping = 3 }, { cut = "end", after_bytes = 45 }]',
        chunk(PING) + chunk(PING[: 45 - len(PING)]) + LAST),
    Row('[{ ping = 3 }, { cut = "half_chunk", after_bytes = 45 }]',
        chunk(PING) + b"%x\r\n" % len(PING) + PING[: 45 - len(PING)]),
    # the response
    Row('[{ text = "x" }, { head = { x-a = "b" }, status = 203 }]',
        re.compile(rb"HTTP/1.1 203 .*\r\nx-a: b\r\n.*\r\n\r\n.*" + re.escape(text("x")), re.S)),
    Row('[{ head = { x-a = "b" }, only = true }, { ping = 1 }, { cut = "end" }]',
        re.compile(re.escape(HTTP) + rb"x-a: b\r\n(transfer-encoding: chunked\r\n|connection: "
                   rb"close\r\n|date: [^\r]+\r\n)+\r\n24\r\n", re.S)),
    Row('{ status = 529, retry_after = 3, '
        'headers = { anthropic-ratelimit-requests-remaining = "0" } }',
        re.compile(rb"HTTP/1.1 529 .*anthropic-ratelimit-requests-remaining: 0\r\n.*retry-after: 3"
                   rb'\r\n.*\r\n\r\n{"type":"error","error":{"type":"overloaded_error",'
                   rb'"message":"Overloaded"},"request_id":"req_\w+"}\Z', re.S)),
    Row('{ status = 502, body = "<h1>Bad gateway</h1>" }',
        re.compile(rb"HTTP/1.1 502 .*text/html.*\r\n\r\n<h1>Bad gateway</h1>\Z", re.S)),
    Row('[{ slow_headers = 0.05 }, { text = "x" }]', text("x"), least=0.05),
    Row('[{ slow_headers = 0.05, drip = true }, { text = "x" }]', text("x"), least=0.05),
    Row('{ refuse = 1 }', re.compile(rb"\A\Z"), "reset"),
    Row('[{ text = "ü" }, { split = "characters" }]',
        chunk(event({"type": "content_block_delta", "index": 0,
                     "delta": {"type": "text_delta", "text": "ü"}}).partition(b"\xbc")[0])
        + chunk(b'\xbc"}}\n\n')),
    Row('[{ ping = 1 }, { cut = "end" }, { split = "lines" }]',
        chunk(b"event: ping\n") + chunk(b'data: {"type": "ping"}\n') + chunk(b"\n") + LAST),
    Row('[{ ping = 1 }, { cut = "end" }, { split = 30 }]',
        chunk(PING[:30]) + chunk(PING[30:]) + LAST),
    Row('[{ ping = 5 }, { cut = "end" }, { together = 2 }]',
        b"\r\n\r\n" + chunk(PING * 2) * 2 + chunk(PING) + LAST),
]  # fmt: skip


def scripted(reply: str, folder: Path) -> Any:
    return parse_scenario(f"[[case]]\nreply = {reply}", "row.toml", folder)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reply)
def test_an_act_on_the_wire(row: Row, tmp_path: Path) -> None:
    (tmp_path / "kept.sse").write_bytes(b"data: 1\n\ndata: 2")
    with Simulator(scripted(row.reply, tmp_path), padding=False) as sim:
        wire = Wire(sim)
        try:
            began = time.monotonic()
            wire.send(says("Hi"), connection="close")
            while not found(row.wire, wire.buffer) and wire.more():
                pass
            if row.ended == "open":
                wire.socket.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    wire.socket.recv(1)
                assert sim.requests[0].ended is None
                return
            while wire.more():
                pass
            took = time.monotonic() - began
        finally:
            wire.close()
    assert found(row.wire, wire.buffer), bytes(wire.buffer)
    assert wire.ended == row.ended
    assert took >= row.least


def found(wanted: bytes | re.Pattern[bytes], data: bytearray) -> bool:
    if isinstance(wanted, bytes):
        return wanted in data
    return wanted.search(data) is not None


def test_garbage_is_the_same_for_the_same_seed() -> None:
    def body(seed: int) -> bytes:
        with Simulator([acts.Garbage(32), acts.Cut()], seed=seed) as sim:
            wire = Wire(sim)
            try:
                return wire.send(says()).answer().body
            finally:
                wire.close()

    assert body(1) == body(1) != body(2)


@pytest.mark.parametrize("kind", [*ERROR_TYPES, "brand_new_error"])
def test_an_error_of_every_type(sim: Simulator, ask: Callable[..., Any], kind: str) -> None:
    sim.script(acts.Error(kind), acts.Error(kind))
    error = {"type": kind, "message": text_of_status(status_of(kind))}
    assert ask().chunks == [event({"type": "error", "error": error})]
    whole = ask(says(stream=None))
    assert (whole.status, whole.json["error"]) == (status_of(kind), error)


def test_every_act_has_a_row(tmp_path: Path) -> None:
    (tmp_path / "kept.sse").write_bytes(b"data: 1\n\n")
    rows = [scripted(row.reply, tmp_path).cases[0].replies[0] for row in ROWS]
    seen = {type(act) for reply in rows for act in (reply if isinstance(reply, list) else [reply])}
    every = {one for _, one in inspect.getmembers(acts, inspect.isclass) if issubclass(one, Act)}
    assert every - {Act} - seen == set()
    written = " ".join(row.reply for row in ROWS)
    assert [key for key in ACTS if not re.search(rf"\{{ {key} = ", written)] == []
