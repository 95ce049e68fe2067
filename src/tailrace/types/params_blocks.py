"""Parameters for the blocks of a turn that are neither documents nor results of the API's tools.

First the model's own (thinking, tool calls), then the answer to a tool call, then the marks that
the beta API puts into a conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NotRequired, TypeAlias

from tailrace.core.blocks import ServerToolName, TextBlock

from .params_common import Cacheable, CallerParam, TypedDict
from .params_documents import (
    DocumentBlockParam,
    ImageBlockParam,
    SearchResultBlockParam,
    TextBlockParam,
)
from .params_results import ToolReferenceBlockParam
from .params_tools import BetaMCPToolParamParam, ToolUnionParam


class ThinkingBlockParam(TypedDict):
    """The model's reasoning, sent back with its signature unchanged."""

    signature: str
    thinking: str
    type: Literal["thinking"]


class RedactedThinkingBlockParam(TypedDict):
    """The model's encrypted reasoning, sent back unchanged."""

    data: str
    type: Literal["redacted_thinking"]


class ToolUseBlockParam(Cacheable):
    """The model's call of one of the caller's tools."""

    id: str
    input: Mapping[str, object]
    name: str
    type: Literal["tool_use"]
    caller: NotRequired[CallerParam]
    toolset_name: NotRequired[str | None]


class ServerToolUseBlockParam(Cacheable):
    """The model's call of one of the API's tools."""

    id: str
    input: Mapping[str, object]
    name: ServerToolName
    type: Literal["server_tool_use"]
    caller: NotRequired[CallerParam]


class BetaMCPToolUseBlockParam(Cacheable):
    """The model's call of a tool of an MCP server."""

    id: str
    input: Mapping[str, object]
    name: str
    server_name: str
    type: Literal["mcp_tool_use"]


class ContainerUploadBlockParam(Cacheable):
    """A file to put into the code execution container."""

    file_id: str
    type: Literal["container_upload"]


class BrowserStateTabEntryParam(TypedDict):
    """An open tab."""

    tab_id: str
    title: str
    url: str
    active: NotRequired[bool]


class BrowserStateChangeTabOpenedParam(TypedDict):
    """A tab was opened."""

    tab_id: str
    type: Literal["tab_opened"]


class BrowserStateChangeDownloadStartedParam(TypedDict):
    """A download began."""

    download_id: str
    type: Literal["download_started"]
    url: str


class BrowserStateChangeDownloadCompletedParam(TypedDict):
    """A download is there; `size_bytes` is in bytes."""

    download_id: str
    type: Literal["download_completed"]
    url: str
    path: NotRequired[str | None]
    size_bytes: NotRequired[int | None]


class BrowserStateChangeDownloadFailedParam(TypedDict):
    """A download failed."""

    download_id: str
    type: Literal["download_failed"]
    url: str
    error: NotRequired[str | None]


BrowserStateChangeParam: TypeAlias = (
    BrowserStateChangeTabOpenedParam
    | BrowserStateChangeDownloadStartedParam
    | BrowserStateChangeDownloadCompletedParam
    | BrowserStateChangeDownloadFailedParam
)


class BrowserStateBlockParam(Cacheable):
    """The state of the caller's browser after a tool call."""

    tabs: Iterable[BrowserStateTabEntryParam]
    type: Literal["browser_state"]
    state_changes: NotRequired[Iterable[BrowserStateChangeParam] | None]


ToolResultContentParam: TypeAlias = (
    TextBlockParam
    | ImageBlockParam
    | SearchResultBlockParam
    | DocumentBlockParam
    | ToolReferenceBlockParam
    | BrowserStateBlockParam
    | TextBlock
)


class ToolResultBlockParam(Cacheable):
    """The caller's answer to a tool call; the API wants these first in the turn."""

    tool_use_id: str
    type: Literal["tool_result"]
    content: NotRequired[str | Iterable[ToolResultContentParam]]
    is_error: NotRequired[bool]
    toolset_name: NotRequired[str | None]


class BetaToolChangeToolReferenceParam(TypedDict):
    """A tool by its name."""

    name: str
    type: Literal["tool_reference"]


class BetaToolChangeMCPToolReferenceParam(TypedDict):
    """A tool of an MCP server by its name."""

    name: str
    server_name: str
    type: Literal["mcp_tool_reference"]


class BetaToolChangeMCPToolsetReferenceParam(TypedDict):
    """All tools of an MCP server."""

    server_name: str
    type: Literal["mcp_toolset_reference"]


class BetaToolChangeToolDefinitionParam(TypedDict):
    """A tool by its whole definition."""

    definition: ToolUnionParam
    type: Literal["tool_definition"]


class BetaRequestToolAdditionBlockParam(Cacheable):
    """From here on the model may use this tool too."""

    tool: (
        BetaToolChangeToolReferenceParam
        | BetaToolChangeMCPToolReferenceParam
        | BetaToolChangeMCPToolsetReferenceParam
        | BetaToolChangeToolDefinitionParam
    )
    type: Literal["tool_addition"]


class BetaRequestToolRemovalBlockParam(Cacheable):
    """From here on the model may not use this tool."""

    tool: (
        BetaToolChangeToolReferenceParam
        | BetaToolChangeMCPToolReferenceParam
        | BetaToolChangeMCPToolsetReferenceParam
    )
    type: Literal["tool_removal"]


class BetaCompactionBlockParam(Cacheable):
    """A summary that stands for everything before it."""

    type: Literal["compaction"]
    content: NotRequired[str | None]
    encrypted_content: NotRequired[str | None]
    signature: NotRequired[str | None]
    tool_changes: NotRequired[
        Iterable[BetaRequestToolAdditionBlockParam | BetaRequestToolRemovalBlockParam] | None
    ]


class BetaMCPToolListingBlockParam(TypedDict):
    """The tools that an MCP server offered."""

    mcp_server_name: str
    tools: Iterable[BetaMCPToolParamParam]
    type: Literal["mcp_tool_listing"]


class BetaFallbackInfoParam(TypedDict):
    """A model on one side of a fallback."""

    model: str


# In this form because `from` is a word of Python and cannot be written as a field of a class.
BetaFallbackBlockParam = TypedDict(
    "BetaFallbackBlockParam",
    {
        "from": BetaFallbackInfoParam,
        "to": BetaFallbackInfoParam,
        "type": Literal["fallback"],
        "trigger": NotRequired[object],
    },
)
"""From here on another model wrote."""
