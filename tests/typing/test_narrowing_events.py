"""What type checkers make of the events of a stream. Checked by mypy and pyright, and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from tailrace.core.cursor import Cursor
from tailrace.core.events import RawMessageStreamEvent, StreamContinuedEvent, StreamRestartedEvent
from tailrace.core.framing import EventStreamDecoder
from tailrace.types import (
    CitationEvent,
    CitationsDelta,
    CompactionDelta,
    CompactionEvent,
    ContentBlock,
    ContentBlockStopEvent,
    InputJSONDelta,
    InputJsonEvent,
    Message,
    MessageStopEvent,
    MessageStreamEvent,
    RawContentBlockDelta,
    RawContentBlockDeltaEvent,
    RawContentBlockStartEvent,
    RawContentBlockStopEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    RawMessageStopEvent,
    SignatureDelta,
    SignatureEvent,
    StopReason,
    TextBlock,
    TextCitation,
    TextDelta,
    TextEvent,
    ThinkingDelta,
    ThinkingEvent,
    ToolUseBlock,
    Usage,
)

if TYPE_CHECKING:
    from tailrace import AsyncMessageStream, AsyncStream, MessageStream, Stream

STREAM = b"""\
data: {"type": "message_start", "message": {"id": "m", "content": [], "usage": {}}}

data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}

data: {"type": "content_block_stop", "index": 0}

data: {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use"}}

data: {"type": "content_block_delta", "index": 1,
data:  "delta": {"type": "input_json_delta", "partial_json": "{}"}}

data: {"type": "content_block_stop", "index": 1}

data: {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}}

data: {"type": "message_stop"}

"""


def opened() -> Cursor:
    cursor = Cursor()
    cursor.feed(EventStreamDecoder().feed(STREAM))
    return cursor


def of_delta(delta: RawContentBlockDelta) -> str | None:
    if delta.type == "text_delta":
        assert_type(delta, TextDelta)
        assert_type(delta.text, str)
        return delta.text
    if delta.type == "input_json_delta":
        assert_type(delta, InputJSONDelta)
        return delta.partial_json
    if delta.type == "thinking_delta":
        assert_type(delta, ThinkingDelta)
        assert_type(delta.estimated_tokens, int | None)
        return delta.thinking
    if delta.type == "signature_delta":
        assert_type(delta, SignatureDelta)
        return delta.signature
    if delta.type == "citations_delta":
        assert_type(delta, CitationsDelta)
        assert_type(delta.citation, TextCitation)
        return delta.citation.cited_text
    assert_type(delta, CompactionDelta)
    return delta.content


def of_event(event: MessageStreamEvent) -> str | None:
    if event.type == "message_start":
        assert_type(event, RawMessageStartEvent)
        assert_type(event.message, Message)
        assert_type(event.message.usage, Usage)
        return event.message.id
    if event.type == "content_block_start":
        assert_type(event, RawContentBlockStartEvent)
        assert_type(event.content_block, ContentBlock)
        if event.content_block.type == "tool_use":
            assert_type(event.content_block, ToolUseBlock)
            return event.content_block.name
        return str(event.index)
    if event.type == "content_block_delta":
        assert_type(event, RawContentBlockDeltaEvent)
        if event.delta.type == "text_delta":
            assert_type(event.delta, TextDelta)
            return event.delta.text
        return of_delta(event.delta)
    if event.type == "content_block_stop":
        assert_type(event, ContentBlockStopEvent)
        if event.content_block.type == "text":
            assert_type(event.content_block, TextBlock)
            return event.content_block.text
        return event.content_block.type
    if event.type == "message_delta":
        assert_type(event, RawMessageDeltaEvent)
        assert_type(event.delta.stop_reason, StopReason | None)
        assert_type(event.usage.output_tokens, int)
        return event.delta.stop_reason
    if event.type == "message_stop":
        assert_type(event, MessageStopEvent)
        assert_type(event.message, Message)
        return event.message.stop_reason
    return of_derived(event)


def of_derived(
    event: TextEvent
    | ThinkingEvent
    | InputJsonEvent
    | CitationEvent
    | SignatureEvent
    | CompactionEvent
    | StreamContinuedEvent
    | StreamRestartedEvent,
) -> str | None:
    if event.type == "text":
        assert_type(event, TextEvent)
        assert_type(event.text, str)
        assert_type(event.snapshot, str)
        return event.snapshot
    if event.type == "thinking":
        assert_type(event, ThinkingEvent)
        return event.thinking
    if event.type == "input_json":
        assert_type(event, InputJsonEvent)
        assert_type(event.snapshot, Any)
        return event.partial_json
    if event.type == "citation":
        assert_type(event, CitationEvent)
        assert_type(event.snapshot, list[TextCitation])
        return event.citation.cited_text
    if event.type == "signature":
        assert_type(event, SignatureEvent)
        return event.signature
    if event.type == "compaction":
        assert_type(event, CompactionEvent)
        return event.encrypted_content
    if event.type == "stream_continued":
        assert_type(event, StreamContinuedEvent)
        assert_type(event.discarded, list[int])
        return event.reason
    assert_type(event, StreamRestartedEvent)
    return event.reason


def of_raw(event: RawMessageStreamEvent) -> str:
    if event.type == "content_block_stop":
        assert_type(event, RawContentBlockStopEvent)
        return str(event.index)
    if event.type == "message_stop":
        assert_type(event, RawMessageStopEvent)
        return event.type
    if event.type == "content_block_delta":
        assert_type(event.delta, RawContentBlockDelta)
        return event.delta.type
    return event.type


def by_match(event: MessageStreamEvent) -> str:
    match event.type:
        case "text":
            return event.text
        case "content_block_stop":
            return event.content_block.type
        case "message_stop":
            return event.message.id
        case _:
            return event.type


def by_class(event: MessageStreamEvent) -> str:
    match event:
        case TextEvent():
            return event.text
        case ContentBlockStopEvent():
            assert_type(event.content_block, ContentBlock)
            return event.content_block.type
        case RawContentBlockDeltaEvent():
            return event.delta.type
        case _:
            return ""


def of_streams(helper: MessageStream, raw: Stream) -> None:
    assert_type(next(helper), MessageStreamEvent)
    assert_type(next(helper.text_stream), str)
    assert_type(helper.get_final_message(), Message)
    assert_type(helper.current_message_snapshot, Message)
    assert_type(next(raw), RawMessageStreamEvent)


async def of_async_streams(helper: AsyncMessageStream, raw: AsyncStream) -> None:
    assert_type(await anext(helper), MessageStreamEvent)
    assert_type(await anext(helper.text_stream), str)
    assert_type(await helper.get_final_message(), Message)
    assert_type(helper.current_message_snapshot, Message)
    assert_type(await anext(raw), RawMessageStreamEvent)


def helper_events() -> list[MessageStreamEvent]:
    cursor, found = opened(), list[MessageStreamEvent]()
    while (event := cursor.next_event()) is not None:
        found.append(event)
    return found


def test_type_narrows_events() -> None:
    assert [of_event(event) for event in helper_events()] == [
        *("m", "0", "hi", "hi", "hi"),
        *(None, "{}", "{}", "tool_use"),
        *("tool_use", "tool_use"),
    ]


def test_type_narrows_raw_events() -> None:
    cursor, found = opened(), list[str]()
    while (event := cursor.next_raw()) is not None:
        assert_type(event, RawMessageStreamEvent)
        found.append(of_raw(event))
    assert found[2:4] == ["text_delta", "0"]
    assert found[-1] == "message_stop"


def test_match_narrows_events() -> None:
    found = [by_match(event) for event in helper_events()]
    assert (found[3], found[4], found[-1]) == ("hi", "text", "m")
    found = [by_class(event) for event in helper_events()]
    assert found[2:7] == ["text_delta", "hi", "text", "", "input_json_delta"]


def test_the_text_of_a_stream_is_text() -> None:
    cursor = opened()
    assert_type(cursor.next_text(), str | None)
    snapshot = cursor.accumulator.snapshot()
    assert_type(snapshot, Message | None)
    assert snapshot is not None
    assert_type(snapshot.content[0], ContentBlock)
    assert snapshot.content[0].type == "text"
    assert_type(snapshot.content[0], TextBlock)
