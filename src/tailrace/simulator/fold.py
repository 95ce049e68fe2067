"""The events of a reply folded into the message a client gets without streaming.

It is written apart from the accumulator in `core`, on plain dicts and without its shortcuts, so
that a client and the server it is tested against cannot share a mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from tailrace.simulator.loose import a_dict

_TEXTS = {"text_delta": "text", "thinking_delta": "thinking"}


def fold(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The message, or the first error event as it came.

    Events that say nothing about the message are passed over. Tool input that is not JSON becomes
    `{"INVALID_JSON": text}`. Without a `message_start` the message is empty.
    """
    message: dict[str, Any] = {"type": "message", "role": "assistant", "content": [], "usage": {}}
    content: list[dict[str, Any]] = []
    texts: dict[int, str] = {}
    for event in events:
        kind = event.get("type")
        if kind == "error":
            return event
        if kind == "message_start":
            message.update(event.get("message") or {})
        elif kind == "content_block_start":
            content.append({**a_dict(event.get("content_block"))})
        elif kind == "content_block_delta":
            _add(content, event.get("index", -1), a_dict(event.get("delta")), texts)
        elif kind == "message_delta":
            message.update(event.get("delta") or {})
            message["usage"] = {**message["usage"], **(event.get("usage") or {})}
    for index, text in texts.items():
        content[index]["input"] = _parsed(text)
    return {**message, "content": content}


def _add(
    content: list[dict[str, Any]], index: int, delta: dict[str, Any], texts: dict[int, str]
) -> None:
    if not 0 <= index < len(content):
        return
    block = content[index]
    kind = delta.get("type", "")
    if kind in _TEXTS:
        field = _TEXTS[kind]
        block[field] = str(block.get(field, "")) + str(delta.get(field, ""))
    elif kind == "input_json_delta":
        texts[index] = texts.get(index, "") + str(delta.get("partial_json", ""))
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta.get("citation")]
    else:  # a signature, a compaction: what the delta has, the block gets
        block.update({key: value for key, value in delta.items() if key != "type"})


def _parsed(text: str) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(text or "{}"))
    except ValueError:
        return {"INVALID_JSON": text}
