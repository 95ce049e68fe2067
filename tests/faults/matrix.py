"""The fault matrix: the table, and the bytes that bring each of its cells about."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.stream_server import EVENT_STREAM, Play

MOMENTS = (
    "before_headers",
    "after_headers",
    "after_message_start",
    "in_text",
    "in_tool_input",
    "in_thinking",
    "after_message_delta",
)
TABLE: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "table.toml").read_text(encoding="utf-8")
)


class Cell(NamedTuple):
    """One fault at one moment, and what is promised of it."""

    fault: str
    moment: str
    error: str | None
    """The class that is raised; `None` for a whole reply."""
    clocks: tuple[str, ...]
    again: bool
    """Whether the request is repeated where tries are left."""

    def __str__(self) -> str:
        return f"{self.fault}-{self.moment}"


def cells() -> Iterator[Cell]:
    for fault, row in TABLE.items():
        for moment in MOMENTS:
            if moment in row:
                words = row[moment].split()
                again = words[0] == "again"
                error, *clocks = words[again:]
                yield Cell(fault, moment, None if error == "ok" else error, tuple(clocks), again)


# -- bytes -------------------------------------------------------------------------------------


def frame(event: Mapping[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False)
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


def starts(index: int, **block: Any) -> bytes:
    return frame({"type": "content_block_start", "index": index, "content_block": block})


def delta(index: int, **delta: Any) -> bytes:
    return frame({"type": "content_block_delta", "index": index, "delta": delta})


def stops(index: int) -> bytes:
    return frame({"type": "content_block_stop", "index": index})


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 1},
}
BEGIN = frame({"type": "message_start", "message": MESSAGE})
DELTA = frame(
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 9},
    }
)
END = frame({"type": "message_stop"})
TEXT = starts(0, type="text", text="") + delta(0, type="text_delta", text="Grüße ")

# What had been sent at each moment, the text of it, and what would make the reply whole.
SENT: dict[str, tuple[bytes, str, bytes]] = {
    "before_headers": (b"", "", b""),
    "after_headers": (b"", "", BEGIN + TEXT + stops(0) + DELTA + END),
    "after_message_start": (BEGIN, "", TEXT + stops(0) + DELTA + END),
    "in_text": (BEGIN + TEXT, "Grüße ", stops(0) + DELTA + END),
    "in_tool_input": (
        BEGIN
        + starts(0, type="tool_use", id="toolu_1", name="move", input={})
        + delta(0, type="input_json_delta", partial_json='{"to": "h'),
        "",
        delta(0, type="input_json_delta", partial_json='ome"}') + stops(0) + DELTA + END,
    ),
    "in_thinking": (
        BEGIN
        + starts(0, type="thinking", thinking="", signature="")
        + delta(0, type="thinking_delta", thinking="Hm, "),
        "",
        delta(0, type="signature_delta", signature="sig") + stops(0) + DELTA + END,
    ),
    "after_message_delta": (BEGIN + TEXT + stops(0) + DELTA, "Grüße ", END),
}
WHOLE = Play(BEGIN + TEXT + stops(0) + DELTA + END)
WHOLE_TEXT = "Grüße "

SECONDS = {"first_event": 0.25, "idle": 0.15, "progress": 0.25}
"""The clocks of the cells that have to wait for one, in seconds."""

PATIENT = dict.fromkeys(SECONDS, 30.0)
"""The clocks of all others, in seconds: however slow the machine, none may run out."""
_STEP = 0.03  # seconds between two pings or two bytes that drip: less than any clock

_HALF = frame({"type": "content_block_delta", "index": 0, "delta": {"type": "x", "x": "é"}})
_ENDS = {
    "clean_end": "end",
    "unframed_end": "unframed",
    "half_chunk": "half_chunk",
    "silence": "stall",
}
_ODD: dict[str, bytes] = {
    "garbage": b"event: content_block_delta\ndata: {oops}\n\n",
    "index_gap": starts(7, type="text", text=""),
    "second_message": BEGIN,
    "unknown_event": frame({"type": "brand_new", "index": 3}),
}
_STATUS: dict[str, tuple[int, dict[str, str], str]] = {
    "status_429": (429, {"retry-after": "0.01"}, "rate_limit_error"),
    "status_429_bare": (429, {}, "rate_limit_error"),
    "spend_limit": (429, {}, "rate_limit_error"),
    "status_529": (529, {}, "overloaded_error"),
    "status_408": (408, {}, "timeout_error"),
    "status_400": (400, {}, "invalid_request_error"),
    "status_401": (401, {}, "authentication_error"),
}


def play(cell: Cell) -> Play:
    """The answer that brings a cell about."""
    fault = cell.fault
    sent, _, rest = SENT[cell.moment]
    if fault in _STATUS:
        return _refusal(fault)
    if fault == "status_500":
        return Play(b"<html>Oops</html>", status=500, headers={"content-type": "text/html"})
    if fault == "html":
        return Play(b"<html>Log in</html>\n\n", headers={"content-type": "text/html"})
    if fault == "empty":
        return Play(b"")
    if cell.moment == "before_headers":
        return Play(end="silent" if fault == "silence" else "reset", status=0)
    if fault == "reset":  # after a moment, so that the client has read what was sent
        first = sent or b":"
        return Play(first + b":", (len(first), 1), end="reset", between=lambda: time.sleep(_STEP))
    if fault in _ENDS:
        return Play(sent, end=_ENDS[fault])  # type: ignore[arg-type]
    if fault == "half_event":
        return Play(sent + _HALF[:40])
    if fault == "half_character":
        return Play(sent + _HALF[: _HALF.index("é".encode()) + 1])
    if fault in ("only_pings", "drip"):
        return _slow(fault, sent)
    if fault in _ODD:
        return Play(sent + _ODD[fault] + rest)
    kind = "brand_new_error" if fault == "unknown_error" else fault
    error = {"type": "error", "error": {"type": kind, "message": "no"}}
    if not sent:
        return Play(frame(error))
    # In a packet of its own: what comes together with content that nobody has read yet is repeated.
    return Play(
        sent + frame(error), (len(sent), len(frame(error))), between=lambda: time.sleep(_STEP)
    )


def _refusal(fault: str) -> Play:
    status, headers, kind = _STATUS[fault]
    details = {"details": {"error_code": "enforced_spend_limit_reached"}}
    error = {"type": kind, "message": "no", **(details if fault == "spend_limit" else {})}
    body = json.dumps({"type": "error", "error": error}).encode()
    return Play(body, status=status, headers={"content-type": "application/json", **headers})


def _slow(fault: str, sent: bytes) -> Play:
    piece = frame({"type": "ping"}) if fault == "only_pings" else b"x"
    first = sent or b": hello\n\n"
    slow = piece * 100
    return Play(
        first + slow,
        sizes=(len(first), *(len(piece) for _ in range(100))),
        end="stall",
        headers=EVENT_STREAM,
        between=lambda: time.sleep(_STEP),
    )


# -- the table as a page -------------------------------------------------------------------------


def markdown() -> str:
    """The table as Markdown, one row a fault."""
    titles = [moment.replace("_", " ") for moment in MOMENTS]
    lines = [
        "| fault | " + " | ".join(titles) + " |",
        "|---|" + "---|" * len(MOMENTS),
    ]
    for row in TABLE.values():
        shown = (_shown(row.get(moment)) for moment in MOMENTS)
        lines.append(f"| {row['says']} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def _shown(cell: str | None) -> str:
    if cell is None:
        return "–"
    words = cell.split()
    again = "↻ " if words[0] == "again" else ""
    error, *clocks = words[bool(again) :]
    if error == "ok":
        return "whole"
    clock = f" ({' or '.join(clocks)})" if clocks else ""
    return f"{again}`{error}`{clock}"
