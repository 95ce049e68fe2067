"""Parameters for tools: the caller's own, and those that the API defines or runs.

The API's tools carry a date in their `type`. Each is one class here; what differs between the dates
of one tool is only that string and a key or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NotRequired, TypeAlias

from .params_common import (
    Cacheable,
    CacheControlEphemeralParam,
    ClientToolOptions,
    ToolOptions,
    TypedDict,
)
from .params_toolsets import BrowserToolset20260801Param, ComputerToolset20260801Param
from .params_web import (
    WebFetchTool20250910Param,
    WebFetchTool20260209Param,
    WebFetchTool20260309Param,
    WebFetchTool20260318Param,
    WebSearchTool20250305Param,
    WebSearchTool20260209Param,
    WebSearchTool20260318Param,
)


class ToolParam(ClientToolOptions):
    """A tool of the caller's own. `input_schema` is a JSON Schema of an object."""

    input_schema: Mapping[str, object]
    name: str
    description: NotRequired[str]
    eager_input_streaming: NotRequired[bool | None]
    type: NotRequired[Literal["custom"] | None]


class BetaToolBash20241022Param(ClientToolOptions):
    """A shell, October 2024."""

    name: Literal["bash"]
    type: Literal["bash_20241022"]


class ToolBash20250124Param(ClientToolOptions):
    """A shell."""

    name: Literal["bash"]
    type: Literal["bash_20250124"]


class BetaToolTextEditor20241022Param(ClientToolOptions):
    """A text editor, October 2024."""

    name: Literal["str_replace_editor"]
    type: Literal["text_editor_20241022"]


class ToolTextEditor20250124Param(ClientToolOptions):
    """A text editor, January 2025."""

    name: Literal["str_replace_editor"]
    type: Literal["text_editor_20250124"]


class ToolTextEditor20250429Param(ClientToolOptions):
    """A text editor, April 2025."""

    name: Literal["str_replace_based_edit_tool"]
    type: Literal["text_editor_20250429"]


class ToolTextEditor20250728Param(ClientToolOptions):
    """A text editor. A view is cut at `max_characters`."""

    name: Literal["str_replace_based_edit_tool"]
    type: Literal["text_editor_20250728"]
    max_characters: NotRequired[int | None]


class MemoryTool20250818Param(ClientToolOptions):
    """A memory in files."""

    name: Literal["memory"]
    type: Literal["memory_20250818"]


class ComputerUse(ClientToolOptions):
    """What every version of computer use needs: the screen, in pixels."""

    display_height_px: int
    display_width_px: int
    name: Literal["computer"]
    display_number: NotRequired[int | None]


class BetaToolComputerUse20241022Param(ComputerUse):
    """A computer, October 2024."""

    type: Literal["computer_20241022"]


class BetaToolComputerUse20250124Param(ComputerUse):
    """A computer, January 2025."""

    type: Literal["computer_20250124"]


class BetaToolComputerUse20251124Param(ComputerUse):
    """A computer, November 2025."""

    type: Literal["computer_20251124"]
    enable_zoom: NotRequired[bool]


class CodeExecutionTool20250522Param(ToolOptions):
    """Code in the API's container, May 2025."""

    name: Literal["code_execution"]
    type: Literal["code_execution_20250522"]


class CodeExecutionTool20250825Param(ToolOptions):
    """Code in the API's container, August 2025: shell and files."""

    name: Literal["code_execution"]
    type: Literal["code_execution_20250825"]


class CodeExecutionTool20260120Param(ToolOptions):
    """Code in the API's container, January 2026: calls tools."""

    name: Literal["code_execution"]
    type: Literal["code_execution_20260120"]


class CodeExecutionTool20260521Param(ToolOptions):
    """Code in the API's container, May 2026."""

    name: Literal["code_execution"]
    type: Literal["code_execution_20260521"]


class ToolSearchToolBm25_20251119Param(ToolOptions):  # noqa: N801
    """A search among deferred tools, by words."""

    name: Literal["tool_search_tool_bm25"]
    type: Literal["tool_search_tool_bm25_20251119", "tool_search_tool_bm25"]


class ToolSearchToolRegex20251119Param(ToolOptions):
    """A search among deferred tools, by regular expression."""

    name: Literal["tool_search_tool_regex"]
    type: Literal["tool_search_tool_regex_20251119", "tool_search_tool_regex"]


class BetaAdvisorTool20260301Param(ToolOptions):
    """Another model to ask; `max_tokens` is the limit of its answer, in tokens."""

    model: str
    name: Literal["advisor"]
    type: Literal["advisor_20260301"]
    caching: NotRequired[CacheControlEphemeralParam | None]
    max_tokens: NotRequired[int | None]
    max_uses: NotRequired[int | None]


class BetaMCPToolConfigParam(TypedDict, total=False):
    """How one tool of an MCP server is offered."""

    defer_loading: bool
    enabled: bool


class BetaMCPToolDefaultConfigParam(TypedDict, total=False):
    """How the tools of an MCP server are offered."""

    defer_loading: bool
    enabled: bool


class BetaMCPToolParamParam(TypedDict):
    """A tool of an MCP server."""

    input_schema: Mapping[str, object]
    name: str
    description: NotRequired[str | None]


class BetaMCPToolsetParam(Cacheable):
    """The tools of an MCP server named in `mcp_servers`; `configs` is by the tool's name."""

    mcp_server_name: str
    type: Literal["mcp_toolset"]
    configs: NotRequired[Mapping[str, BetaMCPToolConfigParam] | None]
    default_config: NotRequired[BetaMCPToolDefaultConfigParam]
    tools: NotRequired[Iterable[BetaMCPToolParamParam] | None]


ToolUnionParam: TypeAlias = (
    ToolParam
    | BetaToolBash20241022Param
    | ToolBash20250124Param
    | CodeExecutionTool20250522Param
    | CodeExecutionTool20250825Param
    | CodeExecutionTool20260120Param
    | CodeExecutionTool20260521Param
    | BrowserToolset20260801Param
    | BetaToolComputerUse20241022Param
    | MemoryTool20250818Param
    | BetaToolComputerUse20250124Param
    | BetaToolTextEditor20241022Param
    | BetaToolComputerUse20251124Param
    | ComputerToolset20260801Param
    | ToolTextEditor20250124Param
    | ToolTextEditor20250429Param
    | ToolTextEditor20250728Param
    | WebSearchTool20250305Param
    | WebFetchTool20250910Param
    | WebSearchTool20260209Param
    | WebFetchTool20260209Param
    | WebFetchTool20260309Param
    | WebSearchTool20260318Param
    | WebFetchTool20260318Param
    | BetaAdvisorTool20260301Param
    | ToolSearchToolBm25_20251119Param
    | ToolSearchToolRegex20251119Param
    | BetaMCPToolsetParam
)
"""Any tool that a request takes; those that only the beta API takes are in it too."""

MessageCountTokensToolParam: TypeAlias = ToolUnionParam
