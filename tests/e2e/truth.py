"""What a recorded stream says, found with nothing but `json`: the measure of the corpus tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass
class Truth:
    """One recording's first message.

    `ends[n]` is the offset after the n-th event; `text[:texts[n]]` is the text that has come by
    then, `finished[n]` says whether the reply is complete if the body ends properly there, and
    `stopped[n]` whether it is complete however the body ends.
    """

    events: list[Event] = field(default_factory=list)
    """The wire events up to the first `message_stop`, without pings."""
    blocks: list[Event] = field(default_factory=list)
    text: str = ""
    ends: list[int] = field(default_factory=lambda: [0])
    texts: list[int] = field(default_factory=lambda: [0])
    finished: list[bool] = field(default_factory=lambda: [False])
    stopped: list[bool] = field(default_factory=lambda: [False])
    spliced: bool = False
    """Whether a second message begins inside the first, so that it is no reply at all."""

    def whole_events(self, size: int) -> int:
        """How many events are whole in the first `size` bytes."""
        return sum(end <= size for end in self.ends[1:])


def read(body: bytes) -> Truth:
    """The truth about a recording. An event without its blank line does not count."""
    truth = Truth()
    fragments: dict[int, str] = {}
    for frame in body.split(b"\n\n")[:-1]:
        event = json.loads(frame.split(b"data:", 1)[1])
        over = truth.stopped[-1] or truth.spliced
        truth.spliced |= not over and event["type"] == "message_start" and bool(truth.blocks)
        if not (over or truth.spliced or event["type"] == "ping"):
            truth.events.append(event)
            truth.text += _take(event, truth.blocks, fragments)
        reason = not truth.spliced and (event.get("delta") or {}).get("stop_reason")
        stop = not truth.spliced and event["type"] == "message_stop"
        truth.ends.append(truth.ends[-1] + len(frame) + 2)
        truth.texts.append(len(truth.text))
        truth.finished.append(truth.finished[-1] or bool(reason) or stop)
        truth.stopped.append(truth.stopped[-1] or stop)
    for index, text in fragments.items():
        if text.strip():
            truth.blocks[index]["input"] = _input(text)
    return truth


def _take(event: Event, blocks: list[Event], fragments: dict[int, str]) -> str:
    """Add an event to the blocks; the text it brings."""
    kind, index = event["type"], event.get("index", -1)
    if kind == "content_block_start":
        blocks.append(dict(event["content_block"]))
    elif kind == "content_block_delta":
        delta = event["delta"]
        if delta["type"] == "input_json_delta":
            fragments[index] = fragments.get(index, "") + delta["partial_json"]
        else:
            _grow(blocks[index], delta)
        return str(delta.get("text", ""))
    return ""


def _grow(block: Event, delta: Event) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        case "compaction_delta":
            block |= {name: value for name, value in delta.items() if name != "type"}
        case unknown:
            raise AssertionError(f"the corpus has a delta that is unknown here: {unknown}")


def _input(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"INVALID_JSON": text}  # what the API asks for where a call cannot be read
