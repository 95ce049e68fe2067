"""Streams to test with: recorded ones, and the events to make others of.

`TAILRACE_CORPUS` names the folder of the recordings; without it `../shared/corpus` beside the
project is tried. They are other people's test data and no part of the project, so tests that need
them are skipped, visibly, where they are absent: they take a fixture of `conftest`, `corpus` for
all recordings or `recording` to run once for each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tailrace.core.framing import EventStreamDecoder, ServerSentEvent, encode

ROOT = Path(
    os.environ.get("TAILRACE_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus"
)
ABSENT = f"no recorded streams in {ROOT}: set TAILRACE_CORPUS to their folder"


class Recording(NamedTuple):
    """One recorded stream: its name, `folder/file`, and the bytes of its body."""

    name: str
    body: bytes


@cache
def recordings() -> tuple[Recording, ...]:
    """Every recorded stream, by name; none where the folder is absent."""
    return tuple(
        Recording(path.relative_to(ROOT).with_suffix("").as_posix(), path.read_bytes())
        for path in sorted(ROOT.glob("*/*.sse"))
    )


# -- events of one's own -----------------------------------------------------------------------

Event = dict[str, Any]


def starts(**fields: Any) -> Event:
    """A `message_start`; `fields` go over those of its message."""
    message: Event = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    return {"type": "message_start", "message": message | fields}


def opens(index: int, kind: str, **fields: Any) -> Event:
    """A `content_block_start`."""
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": kind, **fields},
    }


def grows(index: int, kind: str, **fields: Any) -> Event:
    """A `content_block_delta`."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def shuts(index: int) -> Event:
    """A `content_block_stop`."""
    return {"type": "content_block_stop", "index": index}


def ends(reason: str | None = "end_turn", *, usage: Event | None = None, **fields: Any) -> Event:
    """A `message_delta`; `fields` are those of its delta."""
    delta = {"stop_reason": reason, "stop_sequence": None, **fields}
    return {"type": "message_delta", "delta": delta, "usage": usage or {"output_tokens": 5}}


STOP: Event = {"type": "message_stop"}


def text(index: int, *pieces: str) -> list[Event]:
    """A whole text block, a delta for each piece."""
    deltas = [grows(index, "text_delta", text=piece) for piece in pieces]
    return [opens(index, "text", text=""), *deltas, shuts(index)]


def tool(index: int, *fragments: str, kind: str = "tool_use", **fields: Any) -> list[Event]:
    """A whole tool call, a delta for each fragment of its input."""
    deltas = [grows(index, "input_json_delta", partial_json=one) for one in fragments]
    call = {"id": f"toolu_{index}", "name": "f", "input": {}} | fields
    return [opens(index, kind, **call), *deltas, shuts(index)]


def body(events: Iterable[Event | bytes]) -> bytes:
    """The bytes of a stream; an item of bytes stands for itself."""
    return b"".join(
        event if isinstance(event, bytes) else encode(event["type"], json.dumps(event))
        for event in events
    )


def frames(events: Iterable[Event | bytes]) -> list[ServerSentEvent]:
    """The frames of a stream."""
    return EventStreamDecoder().feed(body(events))
