"""Blocks about the conversation itself: its compaction, and the tools it was given (beta).

Theory of operation. A `compaction` block stands for all the turns before it. Tools that were added
or removed in those turns are kept in its `tool_changes`, each naming a tool or holding its
definition. A definition is whatever tool parameter the caller once sent, so it stays a plain view.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from .tagged import by_type
from .view import View


class BetaResponseToolChangeToolReference(View):
    """A tool by its name."""

    __slots__ = ()

    name: str
    type: Literal["tool_reference"]


class BetaResponseToolChangeMCPToolReference(View):
    """A tool of an MCP server by its name."""

    __slots__ = ()

    name: str
    server_name: str
    type: Literal["mcp_tool_reference"]


class BetaResponseToolChangeMCPToolsetReference(View):
    """All tools of an MCP server."""

    __slots__ = ()

    server_name: str
    type: Literal["mcp_toolset_reference"]


class BetaToolChangeToolDefinition(View, nested={"definition": View}):
    """A tool by its whole definition, as it was sent in `tools`."""

    __slots__ = ()

    definition: View
    type: Literal["tool_definition"]


ToolRemovalTarget: TypeAlias = (
    BetaResponseToolChangeToolReference
    | BetaResponseToolChangeMCPToolReference
    | BetaResponseToolChangeMCPToolsetReference
)
ToolAdditionTarget: TypeAlias = ToolRemovalTarget | BetaToolChangeToolDefinition

CHANGED_TOOLS: Mapping[str, type[View]] = {
    "tool_reference": BetaResponseToolChangeToolReference,
    "mcp_tool_reference": BetaResponseToolChangeMCPToolReference,
    "mcp_toolset_reference": BetaResponseToolChangeMCPToolsetReference,
    "tool_definition": BetaToolChangeToolDefinition,
}
_changed_tool = by_type(CHANGED_TOOLS)


class BetaResponseToolAdditionBlock(View, nested={"tool": _changed_tool}):
    """A tool that the conversation gained."""

    __slots__ = ()

    tool: ToolAdditionTarget
    type: Literal["tool_addition"]


class BetaResponseToolRemovalBlock(View, nested={"tool": _changed_tool}):
    """A tool that the conversation lost."""

    __slots__ = ()

    tool: ToolRemovalTarget
    type: Literal["tool_removal"]


TOOL_CHANGES: Mapping[str, type[View]] = {
    "tool_addition": BetaResponseToolAdditionBlock,
    "tool_removal": BetaResponseToolRemovalBlock,
}


class BetaCompactionBlock(View, nested={"tool_changes": by_type(TOOL_CHANGES)}):
    """A summary that stands for everything before it."""

    __slots__ = ()

    content: str | None
    encrypted_content: str | None
    type: Literal["compaction"]
    signature: str | None
    tool_changes: list[BetaResponseToolAdditionBlock | BetaResponseToolRemovalBlock] | None


class BetaMCPTool(View):
    """A tool that an MCP server offers."""

    __slots__ = ()

    input_schema: dict[str, Any]
    name: str
    description: str | None


class BetaMCPToolListingBlock(View, nested={"tools": BetaMCPTool}):
    """The tools that an MCP server offered at this point."""

    __slots__ = ()

    mcp_server_name: str
    tools: list[BetaMCPTool]
    type: Literal["mcp_tool_listing"]
