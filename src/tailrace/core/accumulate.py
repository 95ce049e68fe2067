"""Events in, the message they add up to; a snapshot at any moment.

Theory of operation. Rule 1: everything that changes the message stands in this file, one function
an event or delta type, found in a table. Rule 2: what grows is appended to (`core.growing`) and
written into the message's JSON only when somebody looks: at a snapshot, at the end of a block, at
the end of the message. So a snapshot is up to date when it is asked for, and a kept one is brought
up to date by asking again; it is always the same object.

The message API's rules: usage in a `message_delta` is cumulative, so it overwrites and never adds;
an `index` is a block's final position; whatever is unknown passes through. A signature or a
compaction comes whole, and overwrites.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from .content import ContentBlock, Message, Usage, content_block
from .events import (
    CitationEvent,
    CompactionEvent,
    ContentBlockStopEvent,
    InputJsonEvent,
    MessageStopEvent,
    RawMessageStreamEvent,
    SignatureEvent,
    TextEvent,
    ThinkingEvent,
)
from .growing import GrowingJSON, GrowingText
from .view import View

TOOL_INPUT_BLOCKS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
"""The block types whose `input` arrives as fragments of JSON text."""

_USAGE_FROM_DELTA = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens_details",
    "server_tool_use",
    "iterations",
    "fallback_credit",
)


_SUMMED = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)


class EventOrderError(ValueError):
    """An event came where it has no meaning; the text says which and where."""


class _Block:
    """One content block while it is open."""

    __slots__ = ("block", "cites", "done", "growing", "key", "text")

    def __init__(self, block: ContentBlock) -> None:
        self.block: View = block
        self.done = False
        self.cites = False
        kind = block.get("type")
        self.key = "input" if kind in TOOL_INPUT_BLOCKS else str(kind)
        self.growing: GrowingText | None = None
        if self.key == "input":
            self.growing = GrowingJSON(block.get("input"))
        elif self.key in ("text", "thinking"):
            self.growing = GrowingText(block.get(self.key) or "")
        self.text = self.growing if self.key == "text" else None

    def write(self) -> None:
        """Write what has grown into the block's JSON."""
        growing = self.growing
        if self.done or growing is None:
            return
        if isinstance(growing, GrowingJSON):
            if growing.length:
                self.block["input"] = growing.value_at(growing.length)
        elif growing.length or self.key in self.block:
            self.block[self.key] = growing.text

    def close(self) -> None:
        """The block is complete: tool input gets its one strict reading."""
        growing = self.growing
        if isinstance(growing, GrowingJSON):
            self._read_input(growing.text)
        else:
            self.write()
        self.done = True
        self.text = None

    def _read_input(self, text: str) -> None:
        if not text.strip():
            return  # a tool without arguments sends nothing or "": what the block began with stands
        from .partial_json import INVALID_JSON, parse_strict

        block = self.block
        block._input_text = text
        try:
            block["input"] = parse_strict(text)
        except ValueError as error:
            # Half of an input must never look like a whole one, so it is not offered as input.
            block["input"] = {INVALID_JSON: text}
            block._input_error = error


class Accumulator:
    """The message a stream adds up to.

    Call `apply` with each wire event in order; it returns what the event meant, if anything.
    `complete` is true once the API said that the message is finished; only then is it one.
    """

    __slots__ = ("_blocks", "_earlier", "_message", "_stopped", "finished")

    def __init__(self) -> None:
        self._message: Message | None = None
        self._blocks: list[_Block] = []
        self._stopped = False
        self._earlier: dict[str, int] = {}  # usage of the tries this message was continued from
        self.finished = False
        """Whether `message_stop` came."""

    @property
    def started(self) -> bool:
        """Whether `message_start` came."""
        return self._message is not None

    @property
    def complete(self) -> bool:
        """Whether the wire said that the message is whole, should the body end here."""
        return self.finished or self._stopped

    @property
    def complete_blocks(self) -> tuple[int, ...]:
        """The indices of the content blocks that are finished."""
        return tuple(index for index, block in enumerate(self._blocks) if block.done)

    def snapshot(self) -> Message | None:
        """The message as of now, always the same object; `None` before `message_start`."""
        for block in self._blocks:
            if not block.done:
                block.write()
        if self._message is not None:
            self._message._open_blocks = tuple(
                index for index, block in enumerate(self._blocks) if not block.done
            )
        return self._message

    @property
    def block_count(self) -> int:
        """How many content blocks the message has."""
        return len(self._blocks)

    def give_up(self, count: int) -> None:
        """Take the last `count` blocks out of the message: their reply was cut inside them."""
        if self._message is not None and count:
            del self._blocks[-count:]
            del self._message["content"][-count:]

    def continue_usage(self, begun: Mapping[str, Any]) -> None:
        """Count what comes on top of the usage so far; `begun` is the new reply's at its start.

        The part of a try that was cut is a lower bound, and so is then the sum.
        """
        if self._message is None:
            return
        usage: Any = self._message["usage"]
        self._earlier = {name: usage.get(name) or 0 for name in _SUMMED}
        self._merge_usage(self._message, begun)
        usage._certainty = "lower_bound"

    def finish(self) -> None:
        """Say that the body ended cleanly where the message was complete."""
        for block in self._blocks:
            if not block.done:
                block.close()
        message = self.snapshot()
        if message is not None:
            message._complete = True

    def apply(self, event: RawMessageStreamEvent) -> Any:
        """Take one wire event; return the derived event it means, or `None`.

        Raises `EventOrderError` for an event that has no place where it came.
        """
        handler = _EVENTS.get(event["type"])
        return None if handler is None else handler(self, event)

    def growing_text(self, index: int) -> GrowingText | None:
        """The text of an open block, for a reader that adds to it and wants nothing but the text.

        `None` if the block has no text; see `text_event`. Raises as `apply` does where there is no
        such block, or it has ended.
        """
        blocks = self._blocks
        growing = blocks[index].text if index < len(blocks) else None
        if growing is None:
            self._open_block(index)  # says what is wrong with it, if anything
        return growing

    def text_event(self, index: int, text: str) -> TextEvent:
        """The event of the text that was just appended to a block."""
        growing = self._blocks[index].text
        assert growing is not None
        return TextEvent(text, growing, growing.length)

    # -- one function an event type ------------------------------------------------------------

    def _message_start(self, event: View) -> None:
        if self._blocks:
            raise EventOrderError("a second message_start came in the middle of a message")
        received = event["message"]
        message = Message(received)
        message["content"] = []
        usage = Usage(received.get("usage") or {})
        usage._certainty = "lower_bound"
        message["usage"] = usage
        message._complete = False
        self._message = message
        for index, block in enumerate(received.get("content") or ()):
            self._start_block(index, block)

    def _content_block_start(self, event: View) -> None:
        self._start_block(event.get("index", len(self._blocks)), event["content_block"])

    def _start_block(self, index: int, received: Mapping[str, Any]) -> None:
        if self._message is None:
            raise EventOrderError("content_block_start came before message_start")
        if index != len(self._blocks):
            raise EventOrderError(
                f"content_block_start has index {index} where {len(self._blocks)} was due"
            )
        block = content_block(dict(received))
        self._blocks.append(_Block(block))
        self._message["content"].append(block)
        if block.get("type") == "fallback":
            to: Mapping[str, Any] = received.get("to") or {}
            if to.get("model"):
                self._message["model"] = to["model"]

    def apply_delta(self, event: View) -> Any:
        """`apply` for a `content_block_delta`."""
        delta = event["delta"]
        block = self._open_block(event.get("index"))
        handler = _DELTAS.get(delta.get("type"))
        return None if handler is None else handler(block, delta, event)

    def _content_block_stop(self, event: View) -> ContentBlockStopEvent:
        block = self._block(event.get("index"))
        block.close()
        return ContentBlockStopEvent({**event, "content_block": block.block})

    def _message_delta(self, event: View) -> None:
        message = self._message
        if message is None:
            raise EventOrderError("message_delta came before message_start")
        delta: dict[str, Any] = event.get("delta") or {}
        for name in ("stop_reason", "stop_sequence", "stop_details"):
            message[name] = delta.get(name)
        self._stopped = message["stop_reason"] is not None
        for source, name in (
            (delta, "container"),
            (event, "context_management"),
            (event, "input_transformations"),
        ):
            if source.get(name) is not None:
                message[name] = source[name]
        self._merge_usage(message, event.get("usage") or {})

    def _merge_usage(self, message: Message, received: Mapping[str, Any]) -> None:
        usage: Any = message["usage"]
        if received.get("output_tokens") is not None:
            usage["output_tokens"] = received["output_tokens"]
            usage._certainty = "lower_bound" if self._earlier else "exact"
        for name in _USAGE_FROM_DELTA:
            if received.get(name) is not None:
                usage[name] = received[name]
        for name, earlier in self._earlier.items():
            if received.get(name) is not None:
                usage[name] = received[name] + earlier

    def _message_stop(self, event: View) -> MessageStopEvent:
        if self._message is None:
            raise EventOrderError("message_stop came before message_start")
        self.finished = True
        self.finish()
        return MessageStopEvent({**event, "message": self._message})

    def _open_block(self, index: Any) -> _Block:
        blocks = self._blocks
        if type(index) is int and 0 <= index < len(blocks):
            block = blocks[index]
            if not block.done:
                return block
            raise EventOrderError(f"a delta came for content block {index} after its stop")
        return self._block(index)

    def _block(self, index: Any) -> _Block:
        if type(index) is int and 0 <= index < len(self._blocks):
            return self._blocks[index]
        raise EventOrderError(
            f"an event is for content block {index!r}, and {len(self._blocks)} have begun"
        )


# -- one function a delta type -----------------------------------------------------------------
# Each is given the open block, the delta and its event. A delta that does not fit its block's type
# changes nothing; its wire event reaches the reader all the same.


def _text_delta(block: _Block, delta: View, event: View) -> TextEvent | None:
    if block.key != "text":
        return None
    growing = cast("GrowingText", block.growing)
    text = delta["text"]
    growing.append(text)
    return TextEvent(text, growing, growing.length)


def _thinking_delta(block: _Block, delta: View, event: View) -> ThinkingEvent | None:
    if block.key != "thinking":
        return None
    growing = cast("GrowingText", block.growing)
    thinking = delta["thinking"]
    growing.append(thinking)
    return ThinkingEvent(thinking, growing, growing.length)


def _input_json_delta(block: _Block, delta: View, event: View) -> InputJsonEvent | None:
    if block.key != "input":
        return None
    growing = cast("GrowingJSON", block.growing)
    fragment = delta["partial_json"]
    growing.append(fragment)
    return InputJsonEvent(fragment, growing, growing.length)


def _signature_delta(block: _Block, delta: View, event: View) -> SignatureEvent | None:
    if block.key != "thinking":
        return None
    block.block["signature"] = delta["signature"]
    return SignatureEvent(delta["signature"])


def _citations_delta(block: _Block, delta: View, event: View) -> CitationEvent | None:
    if block.key != "text":
        return None
    if not block.cites:
        block.block["citations"] = list(block.block.get("citations") or ())  # not the event's own
        block.cites = True
    citations: list[Any] = block.block["citations"]
    added = cast("Any", event).delta.citation
    citations.append(added)
    return CitationEvent(added, citations, len(citations))


def _compaction_delta(block: _Block, delta: View, event: View) -> CompactionEvent | None:
    if block.key != "compaction":
        return None
    for name in ("content", "encrypted_content"):
        if name in delta:
            block.block[name] = delta[name]
    return CompactionEvent(delta.get("content"), delta.get("encrypted_content"))


_EVENTS: Mapping[str, Callable[[Accumulator, View], Any]] = {
    "message_start": Accumulator._message_start,
    "content_block_start": Accumulator._content_block_start,
    "content_block_delta": Accumulator.apply_delta,
    "content_block_stop": Accumulator._content_block_stop,
    "message_delta": Accumulator._message_delta,
    "message_stop": Accumulator._message_stop,
}

_DELTAS: Mapping[str, Callable[[_Block, View, View], Any]] = {
    "text_delta": _text_delta,
    "thinking_delta": _thinking_delta,
    "input_json_delta": _input_json_delta,
    "signature_delta": _signature_delta,
    "citations_delta": _citations_delta,
    "compaction_delta": _compaction_delta,
}
