"""What type checkers make of blocks and parameters. Checked by mypy and pyright, and run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, assert_type

from tailrace.types import (
    CitationCharLocation,
    Container,
    ContentBlock,
    ContentBlockParam,
    DocumentBlockParam,
    ImageBlockParam,
    Message,
    MessageInput,
    MessageParam,
    ParsedMessage,
    RedactedThinkingBlock,
    ServerToolUseBlock,
    StopReason,
    TextBlock,
    TextBlockParam,
    TextCitation,
    ThinkingBlock,
    ToolParam,
    ToolResultBlockParam,
    ToolUnionParam,
    ToolUseBlock,
    Usage,
    UserMessageParam,
    WebSearchResultBlock,
    WebSearchToolResultBlock,
    WebSearchToolResultErrorObject,
    beta,
)


def read(block: ContentBlock) -> str:
    if block.type == "text":
        assert_type(block, TextBlock)
        assert_type(block.text, str)
        assert_type(block.citations, list[TextCitation] | None)
        return block.text
    if block.type == "thinking":
        assert_type(block, ThinkingBlock)
        return block.thinking
    if block.type == "tool_use":
        assert_type(block, ToolUseBlock)
        assert_type(block.input, dict[str, Any])
        assert_type(block.input_text, str | None)
        assert_type(block.input_error, Exception | None)
        return block.name
    if block.type == "server_tool_use":
        assert_type(block, ServerToolUseBlock)
        return block.id
    if block.type == "web_search_tool_result":
        assert_type(block, WebSearchToolResultBlock)
        return found(block)
    if block.type == "mcp_tool_use":
        assert_type(block, beta.BetaMCPToolUseBlock)
        return block.server_name
    if block.type == "fallback":
        assert_type(block.from_.model, str)
        return block.to.model
    return block.type


def found(block: WebSearchToolResultBlock) -> str:
    if isinstance(block.content, list):
        assert_type(block.content, list[WebSearchResultBlock])
        return block.content[0].url
    assert_type(block.content, WebSearchToolResultErrorObject)
    return block.content.error_code


def match(block: ContentBlock) -> str:
    match block:
        case TextBlock():
            return block.text
        case ToolUseBlock():
            return block.name
        case RedactedThinkingBlock():
            return block.data
        case _:
            return block.type


def place(citation: TextCitation) -> str:
    if citation.type == "char_location":
        assert_type(citation, CitationCharLocation)
        return f"{citation.start_char_index}-{citation.end_char_index}"
    return citation.cited_text


BLOCKS: list[tuple[ContentBlock, str]] = [
    (TextBlock(type="text", text="hi"), "hi"),
    (ThinkingBlock(type="thinking", thinking="hm", signature=""), "hm"),
    (ToolUseBlock(type="tool_use", id="1", name="f", input={}), "f"),
    (ServerToolUseBlock(type="server_tool_use", id="2", name="web_search", input={}), "2"),
    (RedactedThinkingBlock(type="redacted_thinking", data="x"), "redacted_thinking"),
    (WebSearchToolResultBlock(type="web_search_tool_result", content=[{"url": "u"}]), "u"),
    (WebSearchToolResultBlock(type="web_search_tool_result", content={"error_code": "e"}), "e"),
    (beta.BetaMCPToolUseBlock(type="mcp_tool_use", server_name="s"), "s"),
    (
        beta.BetaFallbackBlock({"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}}),
        "b",
    ),
]


def test_type_narrows() -> None:
    assert [read(block) for block, _ in BLOCKS] == [expected for _, expected in BLOCKS]


def test_match_narrows() -> None:
    assert match(BLOCKS[0][0]) == "hi"
    assert match(BLOCKS[2][0]) == "f"
    assert match(BLOCKS[4][0]) == "x"
    assert match(BLOCKS[1][0]) == "thinking"


def test_citation_narrows() -> None:
    at = CitationCharLocation(type="char_location", start_char_index=1, end_char_index=2)
    assert place(at) == "1-2"


def test_message_fields() -> None:
    message = Message(
        content=[{"type": "text", "text": "hi"}],
        role="assistant",
        stop_reason="end_turn",
        usage={"output_tokens": 3},
        container={"id": "c", "expires_at": "2026-01-02T03:04:05Z"},
    )
    assert_type(message.content, list[ContentBlock])
    assert_type(message.stop_reason, StopReason | None)
    assert_type(message.usage, Usage)
    assert_type(message.container, Container | None)
    assert_type(message.complete, bool)
    assert message.container is not None
    assert_type(message.container.expires_at, datetime)
    assert message.container.expires_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for block in message.content:
        if isinstance(block, TextBlock):
            assert_type(block, TextBlock)
            block.text = "ho"
            assert block["text"] == "ho"


class Answer:
    pass


def parsed(message: ParsedMessage[Answer]) -> Answer | None:
    assert_type(message.parsed_output, Answer | None)
    assert_type(message.content, list[ContentBlock])
    return message.parsed_output


def test_parsed_message_knows_its_type() -> None:
    assert parsed(ParsedMessage[Answer](content=[])) is None


def send(messages: Iterable[MessageInput]) -> int:
    return len(list(messages))


def test_turns_as_people_write_them() -> None:
    reply = Message(role="assistant", content=[{"type": "text", "text": "hi"}])
    history: list[MessageParam] = [{"role": "user", "content": "hello"}]
    history.append(reply.to_param())
    history.append({"role": "assistant", "content": reply.content})
    history.append(MessageParam(role="user", content="and then?"))
    history.append(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {"type": "tool_result", "tool_use_id": "1", "content": "42"},
                {
                    "type": "tool_result",
                    "tool_use_id": "2",
                    "content": [TextBlock(type="text", text="t")],
                },
                reply.content[0],
            ],
        }
    )
    user: UserMessageParam = {"role": "user", "content": "one more"}
    assert send(history) == 5
    assert send([*history, user, reply]) == 7
    assert send([{"role": "user", "content": "hello"}]) == 1
    assert (
        send(
            [{"role": "user", "content": "hello"}, {"role": "assistant", "content": reply.content}]
        )
        == 2
    )


def test_parameters_as_people_write_them() -> None:
    image: ImageBlockParam = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
    }
    document: DocumentBlockParam = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "hi"},
        "citations": {"enabled": True},
    }
    result = ToolResultBlockParam(type="tool_result", tool_use_id="1", content=[image, document])
    text = TextBlockParam(type="text", text="hi")
    content: list[ContentBlockParam | ContentBlock] = [image, document, result, text]
    content.extend(block for block, _ in BLOCKS)
    mine: ToolParam = {"name": "f", "input_schema": {"type": "object", "properties": {}}}
    tools: list[ToolUnionParam] = [
        mine,
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        {"type": "bash_20250124", "name": "bash"},
        {"name": "g", "description": "does g", "input_schema": {"type": "object"}},
        {"type": "mcp_toolset", "mcp_server_name": "s"},
    ]
    turn = beta.BetaMessageParam(role="user", content=content)
    assert turn["role"] == "user"
    assert len(tools) == 5
