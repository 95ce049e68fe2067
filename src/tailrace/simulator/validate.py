"""The rules of a request's body, field by field, in the API's words.

A rule is a function that gives the complaints it has; the first complaint of the first rule that
has one is the answer, as at the API, whose own order is not known. What the simulator does
not know is refused as the API refuses it: `<field>: Extra inputs are not permitted`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tailrace.simulator import conversation, models, tokens
from tailrace.simulator.loose import a_dict, a_list, dicts

Body = Mapping[str, Any]

LATEST = "2026-10-21"
VERSIONS = ("2023-06-01", LATEST)

_SAMPLING = ("temperature", "top_p", "top_k")
_REQUIRED = {"messages": ("max_tokens", "messages", "model"), "count": ("messages", "model")}

# Every field of a request, GA and beta, with the JSON type it has where that is checked.
_FIELDS: dict[str, str | None] = {
    "billing_policy": None,
    "cache_control": None,
    "compaction": None,
    "container": None,
    "context_management": None,
    "diagnostics": None,
    "fallback_credit_token": None,
    "fallbacks": None,
    "inference_geo": None,
    "max_tokens": "integer",
    "mcp_servers": "list",
    "messages": "list",
    "metadata": "dictionary",
    "model": "string",
    "output_config": "dictionary",
    "output_format": None,
    "service_tier": None,
    "speed": None,
    "stop_sequences": "list",
    "stream": "boolean",
    "system": None,
    "temperature": "number",
    "thinking": "dictionary",
    "thread": None,
    "tool_choice": "dictionary",
    "tools": "list",
    "top_k": "integer",
    "top_p": "number",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "list": (list,),
    "dictionary": (dict,),
}
_OPTIONAL_NULL = {"system", "stop_sequences", "temperature", "top_k", "top_p", "metadata"}
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}\Z")
_THINKING_GUIDE = "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"


def complaint(body: Body, version: str, *, kind: str = "messages") -> str | None:
    """What the API says against this body, or `None`.

    `kind` is `"messages"` or `"count"` (which needs no `max_tokens`); `version` is the API's.
    """
    return next(_complaints(body, version, kind), None)


def _complaints(body: Body, version: str, kind: str) -> Iterator[str]:
    for name in _REQUIRED[kind]:
        if name not in body:
            yield f"{name}: Field required"
    yield from _fields(body, version)
    yield from conversation.complaints(
        body["messages"], body["model"], system_role=version >= LATEST
    )
    for rule in _RULES:
        yield from rule(body)
    if version >= LATEST:
        yield from _since_2026(body)
    yield from _length(body)


def _fields(body: Body, version: str) -> Iterator[str]:
    """Known fields of the right type."""
    for name, value in body.items():
        gone = version >= LATEST and name in _SAMPLING
        if name not in _FIELDS or gone:
            yield f"{name}: Extra inputs are not permitted"
            continue
        expected = _FIELDS[name]
        if expected is None or (value is None and name in _OPTIONAL_NULL):
            continue
        right = isinstance(value, _TYPES[expected])
        if not right or (isinstance(value, bool) and expected != "boolean"):
            yield f"{name}: Input should be a valid {expected}"
    if body["model"] == "":
        yield "model: String should have at least 1 character"


def _limits(body: Body) -> Iterator[str]:
    most = models.max_output_tokens(body["model"])
    wanted = body.get("max_tokens", 0)
    if wanted < 0:  # 0 asks for no reply: it fills the prompt cache
        yield "max_tokens: Input should be greater than or equal to 0"
    if wanted > most:
        yield (
            f"max_tokens: {wanted} > {most}, which is the maximum allowed number of output "
            f"tokens for {body['model']}"
        )
    for name in ("temperature", "top_p"):
        if not 0 <= (body.get(name) or 0) <= 1:
            yield f"{name}: range: 0..1"


def _stop_sequences(body: Body) -> Iterator[str]:
    for at, text in enumerate(a_list(body.get("stop_sequences"))):
        if not isinstance(text, str):
            yield f"stop_sequences.{at}: Input should be a valid string"
        elif not text.strip():
            yield "stop_sequences: each stop sequence must contain non-whitespace"


def _system(body: Body) -> Iterator[str]:
    system = body.get("system")
    if system is not None and not isinstance(system, (str, list)):
        yield "system: Input should be a valid list"
    for at, block in enumerate(a_list(body.get("system"))):
        text = a_dict(block).get("text")
        if not isinstance(text, str):
            yield f"system.{at}.text: Field required"
        elif text == "":
            yield "system: text content blocks must be non-empty"


def _tools(body: Body) -> Iterator[str]:
    names: list[Any] = []
    for at, tool in enumerate(a_list(body.get("tools"))):
        fields = a_dict(tool)
        names.append(fields.get("name"))
        if fields.get("type", "custom") == "custom":
            yield from _custom_tool(f"tools.{at}.custom", fields)
    if len({name for name in names if name}) < len([name for name in names if name]):
        yield "tools: Tool names must be unique."


def _custom_tool(where: str, tool: Mapping[str, Any]) -> Iterator[str]:
    for name in ("name", "input_schema"):
        if name not in tool:
            yield f"{where}.{name}: Field required"
    if not _TOOL_NAME.match(str(tool.get("name", ""))):
        yield f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
    if "type" not in a_dict(tool.get("input_schema")):
        yield f"{where}.input_schema.type: Field required"


def _tool_choice(body: Body) -> Iterator[str]:
    choice = a_dict(body.get("tool_choice"))
    kind = choice.get("type")
    if "tool_choice" in body and kind not in ("auto", "any", "tool", "none"):
        yield (
            f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the "
            "expected tags: 'auto', 'any', 'tool', 'none'"
        )
    names = [a_dict(tool).get("name") for tool in a_list(body.get("tools"))]
    if kind == "any" and not names:
        yield "tool_choice.any may only be specified while providing tools"
    if kind == "tool" and choice.get("name") not in names:
        yield f"Tool '{choice.get('name')}' not found in provided tools"


def _thinking(body: Body) -> Iterator[str]:
    thinking = a_dict(body.get("thinking"))
    kind = thinking.get("type")
    if "thinking" in body and kind not in ("enabled", "disabled", "adaptive"):
        yield (
            f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected "
            "tags: 'adaptive', 'disabled', 'enabled'"
        )
    if kind == "enabled":
        yield from _thinking_budget(body, thinking)
        yield from conversation.thinking_complaints(dicts(body["messages"]))
    if kind in ("enabled", "adaptive") and body.get("temperature") not in (None, 1):
        yield (
            "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. "
            f"Please consult our documentation at {_THINKING_GUIDE}#important-considerations"
            "-when-using-extended-thinking"
        )
    if kind == "enabled" and a_dict(body.get("tool_choice")).get("type") in ("any", "tool"):
        yield "Thinking may not be enabled when tool_choice forces tool use."


def _thinking_budget(body: Body, thinking: Mapping[str, Any]) -> Iterator[str]:
    budget = thinking.get("budget_tokens")
    if not models.takes_budget(body["model"]):
        yield (
            '"thinking.type.enabled" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    elif budget is None:
        yield "thinking.enabled.budget_tokens: Field required"
    elif not isinstance(budget, int):
        yield "thinking.enabled.budget_tokens: Input should be a valid integer"
    elif budget < 1024:
        yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    elif budget >= body.get("max_tokens", budget + 1):
        yield (
            "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
            f"documentation at {_THINKING_GUIDE}#max-tokens-and-context-window-size"
        )


def _cache_control(body: Body) -> Iterator[str]:
    found = sum(_marks(body.get(name)) for name in ("messages", "system", "tools"))
    found += "cache_control" in body
    if found > 4:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {found}."


def _marks(value: Any) -> int:
    """How many blocks are marked, those inside tool results included."""
    marked = [block for block in dicts(value) if block.get("cache_control") is not None]
    return len(marked) + sum(_marks(block.get("content")) for block in dicts(value))


def _since_2026(body: Body) -> Iterator[str]:
    """What version 2026-10-21 refuses besides the sampling fields."""
    for at, message in enumerate(body["messages"]):
        for place, block in enumerate(dicts(message["content"])):
            where = f"messages.{at}.content.{place}"
            if message["role"] == "assistant" and block["type"] == "document":
                yield f"{where}: `document` blocks are not permitted in assistant messages"
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                yield f"{where}.text.citations: Extra inputs are not permitted"


def _length(body: Body) -> Iterator[str]:
    window = models.context_window(body["model"])
    size = tokens.count_request(body)
    if size > window:
        yield f"prompt is too long: {size} tokens > {window} maximum"


_RULES: tuple[Callable[[Body], Iterator[str]], ...] = (
    _limits,
    _stop_sequences,
    _system,
    _tools,
    _tool_choice,
    _thinking,
    _cache_control,
)
