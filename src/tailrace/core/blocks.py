"""Content blocks that the model writes: text, thinking, tool calls, and marks in between.

Theory of operation. A reply is a list of blocks, each told apart by its `type`, and each streamed
as one start, any number of deltas and one stop. What tools bring back is in `tool_results` and
`execution_results`; the table of all blocks is in `content`. A block goes back to the API as it
came, so nothing here is converted: a signature, an empty thinking text or an unknown field stays.
Classes named `Beta...` are those that only the beta API sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from .citations import TextCitation, citation
from .hidden import Hidden
from .tagged import by_type
from .view import View


class TextBlock(Hidden, nested={"citations": citation}):
    """Text for the reader."""

    __slots__ = ("_parsed",)

    citations: list[TextCitation] | None
    text: str
    type: Literal["text"]

    _parsed: Any

    @property
    def parsed_output(self) -> Any:
        """The text as the type that the caller asked for with `output_format`, else None.

        Not part of the JSON: never dumped, sent or compared.
        """
        return self.get("parsed_output") if self._parsed is None else self._parsed


class ThinkingBlock(View):
    """The model's reasoning, with the signature that lets it be sent back. May be empty."""

    __slots__ = ()

    signature: str
    thinking: str
    type: Literal["thinking"]


class RedactedThinkingBlock(View):
    """Reasoning that is only sent encrypted; `data` goes back unread."""

    __slots__ = ()

    data: str
    type: Literal["redacted_thinking"]


class DirectCaller(View):
    """The model itself called the tool."""

    __slots__ = ()

    type: Literal["direct"]


class ServerToolCaller(View):
    """Code that the model ran called the tool; `tool_id` names that run."""

    __slots__ = ()

    tool_id: str
    type: Literal["code_execution_20250825"]


class ServerToolCaller20260120(View):
    """Code that the model ran, in the code execution tool of January 2026, called the tool."""

    __slots__ = ()

    tool_id: str
    type: Literal["code_execution_20260120"]


ToolUseCaller: TypeAlias = DirectCaller | ServerToolCaller | ServerToolCaller20260120

CALLERS: Mapping[str, type[View]] = {
    "direct": DirectCaller,
    "code_execution_20250825": ServerToolCaller,
    "code_execution_20260120": ServerToolCaller20260120,
}
caller = by_type(CALLERS)


class ToolCall(Hidden):
    """What every call of a tool has: an input that arrived as JSON text, piece by piece."""

    __slots__ = ("_input_error", "_input_text")

    _input_error: Exception | None
    _input_text: str | None

    @property
    def input_error(self) -> Exception | None:
        """Why the input is not what the model meant, or None.

        Set when the whole JSON text was not valid; `input` is then `{"INVALID_JSON": text}`.
        """
        return self._input_error

    @property
    def input_text(self) -> str | None:
        """The input's JSON text exactly as it was streamed; None if none was."""
        return self._input_text


class ToolUseBlock(ToolCall, nested={"caller": caller}):
    """A call of one of the caller's own tools, to be answered with a `tool_result`."""

    __slots__ = ()

    id: str
    caller: ToolUseCaller | None
    input: dict[str, Any]
    name: str
    type: Literal["tool_use"]
    toolset_name: str | None


ServerToolName: TypeAlias = Literal[
    "advisor",
    "web_search",
    "web_fetch",
    "code_execution",
    "bash_code_execution",
    "text_editor_code_execution",
    "tool_search_tool_regex",
    "tool_search_tool_bm25",
]


class ServerToolUseBlock(ToolCall, nested={"caller": caller}):
    """A call of a tool that the API runs itself; its result follows in the same reply."""

    __slots__ = ()

    id: str
    caller: ToolUseCaller | None
    input: dict[str, Any]
    name: ServerToolName
    type: Literal["server_tool_use"]


class BetaMCPToolUseBlock(ToolCall):
    """A call of a tool of an MCP server; its result follows in the same reply."""

    __slots__ = ()

    id: str
    input: dict[str, Any]
    name: str
    server_name: str
    type: Literal["mcp_tool_use"]


class ContainerUploadBlock(View):
    """A file that was put into the code execution container."""

    __slots__ = ()

    file_id: str
    type: Literal["container_upload"]


class BetaFallbackInfo(View):
    """A model on one side of a fallback."""

    __slots__ = ()

    model: str


class BetaFallbackRefusalTrigger(View):
    """The refusal that made another model take over."""

    __slots__ = ()

    category: str | None
    type: Literal["refusal"]


class BetaFallbackBlock(
    View,
    nested={
        "from_": BetaFallbackInfo,
        "to": BetaFallbackInfo,
        "trigger": BetaFallbackRefusalTrigger,
    },
    aliases={"from_": "from"},
):
    """From here on another model writes. `from_` is the JSON field `from`, a word of Python."""

    __slots__ = ()

    from_: BetaFallbackInfo
    to: BetaFallbackInfo
    trigger: BetaFallbackRefusalTrigger
    type: Literal["fallback"]


class UnknownBlock(View):
    """A block of a kind that this version does not know, with all its data.

    It is left out of the union `ContentBlock`, so that type checkers narrow that union by `type`.
    """

    __slots__ = ()

    type: str
