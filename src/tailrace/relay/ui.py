"""The AI SDK's UI message stream, version 1: what `useChat` reads.

Facts: the parts and their fields, the header and the final `[DONE]` are those of the AI SDK
(versions 5 to 7; its UI message stream protocol page). Every part's type must be known to it, so
what this version of ours does not know travels as a `data-claude` part. A part that is open when a
generation ends early is closed first: a client that stops at an error would show it as running.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from tailrace.core.events import decode_payload

from .dialects import AnthropicDialect, Dialect, Frame, TextDialect, error_of
from .records import CANCELLED, DONE, End, Event, raw_json

HEADERS: tuple[tuple[bytes, bytes], ...] = ((b"x-vercel-ai-ui-message-stream", b"v1"),)

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool-calls",
    "refusal": "content-filter",
}
_TOOLS = ("tool_use", "server_tool_use", "mcp_tool_use")
_SILENT = ("message_delta", "ping")

Part = dict[str, Any]


class UIDialect:
    """Claude's events as UI message parts. It remembers which parts are open."""

    headers: Sequence[tuple[bytes, bytes]] = HEADERS
    reset = None  # a second `start` in one response adds to the message instead of replacing it

    def __init__(self) -> None:
        self._open: dict[int, _Block] = {}
        self._reason = "other"

    def event(self, event: Event) -> list[Frame]:
        """The parts of one event."""
        kind = str(event.get("type"))
        handler = _EVENTS.get(kind)
        if handler is not None:
            return _frames(handler(self, event))
        return [] if kind in _SILENT else _frames([_unknown(event)])

    def end(self, end: End) -> list[Frame]:
        """What is open is closed, then how it ended is said, then `[DONE]`."""
        parts: list[Part] = []
        if end.end != DONE:
            text = str(error_of(end)["message"])
            for block in self._open.values():
                parts += block.give_up(text)
            self._open.clear()
            cancelled = {"type": "abort", "reason": "cancelled"}
            parts.append(
                cancelled if end.end == CANCELLED else {"type": "error", "errorText": text}
            )
        return [*_frames(parts), (None, b"[DONE]")]

    def _message_start(self, event: Event) -> list[Part]:
        message: Any = event.get("message")
        return [{"type": "start", "messageId": message.get("id")}, {"type": "start-step"}]

    def _message_delta(self, event: Event) -> list[Part]:
        delta: Any = event.get("delta")
        self._reason = _FINISH.get(str(delta.get("stop_reason")), "other")
        return []

    def _message_stop(self, event: Event) -> list[Part]:
        del event
        return [{"type": "finish-step"}, {"type": "finish", "finishReason": self._reason}]

    def _block_start(self, event: Event) -> list[Part]:
        index, block = int(event["index"]), cast("Event", event["content_block"])
        kind = str(block.get("type"))
        if kind in ("text", "thinking"):
            opened = self._open[index] = _Text(index, "text" if kind == "text" else "reasoning")
            return opened.start()
        if kind in _TOOLS:
            tool = self._open[index] = _Tool(block)
            return tool.start()
        if "tool_use_id" in block:
            return [_result(block)]
        return [_unknown(event)]

    def _block_delta(self, event: Event) -> list[Part]:
        block = self._open.get(int(event["index"]))
        delta = cast("Event", event["delta"])
        if delta.get("type") == "citations_delta":
            return _source(cast("Event", delta["citation"]), int(event["index"]))
        parts = None if block is None else block.grow(delta)
        return [_unknown(event)] if parts is None else parts

    def _block_stop(self, event: Event) -> list[Part]:
        block = self._open.pop(int(event["index"]), None)
        return [] if block is None else block.stop()


_EVENTS: dict[str, Callable[[UIDialect, Event], list[Part]]] = {
    "message_start": UIDialect._message_start,
    "message_delta": UIDialect._message_delta,
    "message_stop": UIDialect._message_stop,
    "content_block_start": UIDialect._block_start,
    "content_block_delta": UIDialect._block_delta,
    "content_block_stop": UIDialect._block_stop,
}


class _Text:
    """An open text or reasoning part."""

    def __init__(self, index: int, kind: str) -> None:
        self._id = str(index)
        self._kind = kind
        self._signature: str | None = None

    def start(self) -> list[Part]:
        return [{"type": f"{self._kind}-start", "id": self._id}]

    def grow(self, delta: Event) -> list[Part] | None:
        if delta.get("type") == "signature_delta":
            self._signature = str(delta.get("signature"))
            return []
        text = delta.get("text" if self._kind == "text" else "thinking")
        if not isinstance(text, str):
            return None
        return [{"type": f"{self._kind}-delta", "id": self._id, "delta": text}]

    def stop(self) -> list[Part]:
        part: Part = {"type": f"{self._kind}-end", "id": self._id}
        if self._signature is not None:
            part["providerMetadata"] = {"anthropic": {"signature": self._signature}}
        return [part]

    def give_up(self, reason: str) -> list[Part]:
        del reason
        return self.stop()


class _Tool:
    """An open tool call."""

    def __init__(self, block: Event) -> None:
        self._call: Part = {"toolCallId": block.get("id"), "toolName": block.get("name")}
        if block.get("type") != "tool_use":
            self._call["providerExecuted"] = True
        self._input: Any = block.get("input") or {}
        self._text: list[str] = []

    def start(self) -> list[Part]:
        return [{"type": "tool-input-start", **self._call}]

    def grow(self, delta: Event) -> list[Part] | None:
        text = delta.get("partial_json")
        if not isinstance(text, str):
            return None
        self._text.append(text)
        call = {"toolCallId": self._call["toolCallId"]}
        return [{"type": "tool-input-delta", **call, "inputTextDelta": text}] if text else []

    def stop(self) -> list[Part]:
        text = "".join(self._text)
        try:
            value = decode_payload(text.encode()) if text.strip() else self._input
        except (ValueError, UnicodeError):
            return self.give_up("the tool's input is not valid JSON")
        return [{"type": "tool-input-available", **self._call, "input": value}]

    def give_up(self, reason: str) -> list[Part]:
        text = "".join(self._text)
        return [{"type": "tool-input-error", **self._call, "input": text, "errorText": reason}]


_Block = _Text | _Tool


def _result(block: Event) -> Part:
    """The result of a tool that Claude's side ran."""
    content: Any = block.get("content")
    return {
        "type": "tool-output-available",
        "toolCallId": block.get("tool_use_id"),
        "output": content,
        "providerExecuted": True,
    }


def _source(citation: Event, index: int) -> list[Part]:
    """A citation as the source it names."""
    title = citation.get("title") or citation.get("document_title")
    if isinstance(citation.get("url"), str):
        url = citation["url"]
        part: Part = {"type": "source-url", "sourceId": url, "url": url}
        return [{**part, "title": title} if title else part]
    place = f"{index}:{citation.get('document_index')}"
    title = str(title or "document")
    media = {"mediaType": "text/plain", "title": title}
    return [{"type": "source-document", "sourceId": place, **media}]


def _unknown(event: Event) -> Part:
    return {"type": "data-claude", "data": event, "transient": True}


def _frames(parts: list[Part]) -> list[Frame]:
    return [(None, bytes(raw_json(part))) for part in parts]


DIALECTS: dict[str, Callable[[], Dialect]] = {
    "anthropic": AnthropicDialect,
    "text": TextDialect,
    "ui": UIDialect,
}
"""The dialects by their names, as `?format=` takes them."""
