"""The rules of `messages`: roles, content, and tool calls answered by the next message.

Each rule gives the complaints it has, in the API's own words; the first one of all is the answer.
The words are those seen in error reports of users; where none was found, they follow the API's
style for errors of fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tailrace.simulator import models
from tailrace.simulator.ask import blocks
from tailrace.simulator.loose import a_dict, a_list, dicts

Message = dict[str, Any]

# What each block type of a request must have.
BLOCKS: dict[str, tuple[str, ...]] = {
    "advisor_tool_result": ("content", "tool_use_id"),
    "bash_code_execution_tool_result": ("content", "tool_use_id"),
    "code_execution_tool_result": ("content", "tool_use_id"),
    "compaction": (),
    "container_upload": ("file_id",),
    "document": ("source",),
    "fallback": (),
    "image": ("source",),
    "mcp_tool_listing": (),
    "mcp_tool_result": ("tool_use_id",),
    "mcp_tool_use": ("id", "input", "name", "server_name"),
    "redacted_thinking": ("data",),
    "search_result": ("content", "source", "title"),
    "server_tool_use": ("id", "input", "name"),
    "text": ("text",),
    "text_editor_code_execution_tool_result": ("content", "tool_use_id"),
    "thinking": ("signature", "thinking"),
    "tool_reference": ("tool_name",),
    "tool_result": ("tool_use_id",),
    "tool_search_tool_result": ("content", "tool_use_id"),
    "tool_use": ("id", "input", "name"),
    "web_fetch_tool_result": ("content", "tool_use_id"),
    "web_search_tool_result": ("content", "tool_use_id"),
}

_STRINGS = {"data", "file_id", "id", "name", "signature", "text", "thinking", "tool_use_id"}

_THINKING = ("thinking", "redacted_thinking")
_TOOLS_GUIDE = "https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview"


def complaints(messages: list[Any], model: str, *, system_role: bool) -> Iterator[str]:
    """What the API says about these messages; nothing where it takes them.

    `system_role` is whether messages of the role `system` are known (API version 2026-10-21).
    """
    if not messages:
        yield "messages: at least one message is required"
        return
    for at, message in enumerate(messages):
        yield from _shape(at, message, system_role)
    told: list[Message] = messages
    if told[0]["role"] == "assistant":
        yield 'messages: first message must use the "user" role'
    yield from _emptiness(told)
    yield from _tool_uses(told)
    yield from _tool_results(told)
    yield from _thoughts(told)
    yield from _prefill(told, model)


def thinking_complaints(messages: list[Message]) -> Iterator[str]:
    """What the API says where thinking is enabled and a turn's thinking was moved from its front.

    A turn whose thinking was left out is taken: only the script knows whether it had any.
    """
    for at, message in enumerate(messages):
        kinds = [block.get("type") for block in _content(message)]
        if kinds and kinds[0] not in _THINKING and any(kind in _THINKING for kind in kinds):
            yield (
                f"messages.{at}.content.0: If an assistant message contains any thinking blocks, "
                f"the first block must be `thinking` or `redacted_thinking`. Found `{kinds[0]}`."
            )


def _shape(at: int, message: Any, system_role: bool) -> Iterator[str]:
    if not isinstance(message, dict):
        yield f"messages.{at}: Input should be a valid dictionary"
        return
    told = a_dict(message)
    if "role" not in told:
        yield f"messages.{at}.role: Field required"
    elif told["role"] not in ("user", "assistant", *(("system",) if system_role else ())):
        yield _unexpected_role(told["role"])
    content = told.get("content")
    if "content" not in told:
        yield f"messages.{at}.content: Field required"
    elif isinstance(content, list):
        for place, block in enumerate(a_list(content)):
            yield from _block(f"messages.{at}.content.{place}", block)
    elif not isinstance(content, str):
        yield f"messages.{at}.content: Input should be a valid list"


def _unexpected_role(role: Any) -> str:
    if role == "system":
        return (
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
        )
    return (
        f'messages: Unexpected role "{role}". Allowed roles are "user" or "assistant". '
        f"For instructions on how to use tools, see {_TOOLS_GUIDE}."
    )


def _block(where: str, block: Any) -> Iterator[str]:
    if not isinstance(block, dict):
        yield f"{where}: Input should be a valid dictionary"
        return
    fields = a_dict(block)
    kind = fields.get("type")
    if kind is None:
        yield f"{where}.type: Field required"
    elif not isinstance(kind, str) or kind not in BLOCKS:
        expected = ", ".join(f"'{name}'" for name in BLOCKS)
        yield (
            f"{where}: Input tag '{kind}' found using 'type' does not match any of the "
            f"expected tags: {expected}"
        )
    else:
        for name in BLOCKS[kind]:
            if name not in fields:
                yield f"{where}.{kind}.{name}: Field required"
            elif name in _STRINGS and not isinstance(fields[name], str):
                yield f"{where}.{kind}.{name}: Input should be a valid string"
            elif name == "input" and not isinstance(fields[name], dict):
                yield f"{where}.{kind}.{name}: Input should be a valid dictionary"


def _emptiness(messages: list[Message]) -> Iterator[str]:
    for at, message in enumerate(messages):
        final = at == len(messages) - 1 and message["role"] == "assistant"
        if not message["content"] and not final:
            yield (
                f"messages.{at}: all messages must have non-empty content except for the "
                "optional final assistant message"
            )
        for block in blocks(message["content"], "text"):
            if block["text"] == "":
                yield "messages: text content blocks must be non-empty"
            elif not str(block["text"]).strip():
                yield "messages: text content blocks must contain non-whitespace text"


def _tool_uses(messages: list[Message]) -> Iterator[str]:
    """Each call has an id of its own and is answered in the next message."""
    known: set[Any] = set()
    for at, message in enumerate(messages):
        calls = [block["id"] for block in blocks(message["content"], "tool_use")]
        for place, block in enumerate(_content(message)):
            if block.get("type") == "tool_use":
                if block["id"] in known:
                    yield f"messages.{at}.content.{place}: `tool_use` ids must be unique"
                known.add(block["id"])
        following: Any = messages[at + 1]["content"] if at + 1 < len(messages) else None
        answered = {block["tool_use_id"] for block in blocks(following, "tool_result")}
        open_calls = [str(call) for call in calls if call not in answered]
        if open_calls:
            yield (
                f"messages.{at}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(open_calls)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )


def _tool_results(messages: list[Message]) -> Iterator[str]:
    for at, message in enumerate(messages):
        before: Any = messages[at - 1]["content"] if at else None
        calls = {block["id"] for block in blocks(before, "tool_use")}
        for place, block in enumerate(_content(message)):
            if block.get("type") == "tool_result" and block["tool_use_id"] not in calls:
                yield (
                    f"messages.{at}.content.{place}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {block['tool_use_id']}. Each `tool_result` block must "
                    "have a corresponding `tool_use` block in the previous message."
                )


def _thoughts(messages: list[Message]) -> Iterator[str]:
    """Thinking comes back signed, and is never the last a message says."""
    for at, message in enumerate(messages):
        content = _content(message)
        for place, block in enumerate(content):
            if block.get("type") == "thinking" and not block["signature"].strip():
                yield f"messages.{at}.content.{place}: Invalid `signature` in `thinking` block"
        if content and content[-1].get("type") in _THINKING:
            yield f"messages.{at}: The final block in an assistant message cannot be `thinking`."


def _prefill(messages: list[Message], model: str) -> Iterator[str]:
    """The reply's beginning as the last message: older models take it, newer ones do not.

    A turn that paused at a server tool is sent back as it is and is no prefill.
    """
    last = messages[-1]
    if last["role"] != "assistant":
        return
    content = last["content"]
    paused = bool(blocks(content, "server_tool_use"))
    if not models.takes_prefill(model) and not paused:
        yield (
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    final = content if isinstance(content, str) else _last_text(last)
    if final != final.rstrip():
        yield "messages: final assistant content cannot end with trailing whitespace"


def _last_text(message: Message) -> str:
    content = _content(message)
    return str(content[-1].get("text", "")) if content else ""


def _content(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return dicts(message["content"])
