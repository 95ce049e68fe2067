"""Results of the tools that the API runs: web search and fetch, tool search, advisor, MCP.

Theory of operation. A result block pairs with the call before it by `tool_use_id` and arrives whole
in its `content_block_start`. `content` is an error object or the outcome (for web search a list),
told apart by `type`. Those types are unique, so one table serves every block. Code that ran in the
container has its own module, `execution_results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from .blocks import TextBlock, ToolUseCaller, caller
from .tagged import by_type
from .view import View

WebSearchToolResultErrorCode: TypeAlias = Literal[
    "invalid_tool_input",
    "unavailable",
    "max_uses_exceeded",
    "too_many_requests",
    "query_too_long",
    "request_too_large",
]
WebFetchToolResultErrorCode: TypeAlias = Literal[
    "invalid_tool_input",
    "url_too_long",
    "url_not_allowed",
    "url_not_in_prior_context",
    "url_not_accessible",
    "unsupported_content_type",
    "too_many_requests",
    "max_uses_exceeded",
    "unavailable",
    "content_too_large",
]
ToolSearchToolResultErrorCode: TypeAlias = Literal[
    "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
]


class WebSearchToolResultErrorObject(View):
    """The search failed."""

    __slots__ = ()

    error_code: WebSearchToolResultErrorCode
    type: Literal["web_search_tool_result_error"]


class WebSearchResultBlock(View):
    """A page that was found; `encrypted_content` goes back unread."""

    __slots__ = ()

    encrypted_content: str
    page_age: str | None
    title: str
    type: Literal["web_search_result"]
    url: str


class WebFetchToolResultErrorBlock(View):
    """The page could not be fetched."""

    __slots__ = ()

    error_code: WebFetchToolResultErrorCode
    type: Literal["web_fetch_tool_result_error"]


class CitationsConfig(View):
    """Whether the model cites a document."""

    __slots__ = ()

    enabled: bool


class Base64PDFSource(View):
    """A PDF, its bytes in base64."""

    __slots__ = ()

    data: str
    media_type: Literal["application/pdf"]
    type: Literal["base64"]


class PlainTextSource(View):
    """Plain text."""

    __slots__ = ()

    data: str
    media_type: Literal["text/plain"]
    type: Literal["text"]


DOCUMENT_SOURCES: Mapping[str, type[View]] = {"base64": Base64PDFSource, "text": PlainTextSource}


class DocumentBlock(
    View, nested={"citations": CitationsConfig, "source": by_type(DOCUMENT_SOURCES)}
):
    """A document that the model was given."""

    __slots__ = ()

    citations: CitationsConfig | None
    source: Base64PDFSource | PlainTextSource
    title: str | None
    type: Literal["document"]


class WebFetchBlock(View, nested={"content": DocumentBlock}):
    """A page that was fetched, at `retrieved_at` (ISO 8601)."""

    __slots__ = ()

    content: DocumentBlock
    retrieved_at: str | None
    type: Literal["web_fetch_result"]
    url: str


class ToolSearchToolResultErrorObject(View):
    """The search among the caller's tools failed."""

    __slots__ = ()

    error_code: ToolSearchToolResultErrorCode
    error_message: str | None
    type: Literal["tool_search_tool_result_error"]


class ToolReferenceBlock(View):
    """A tool that was found, by its name."""

    __slots__ = ()

    tool_name: str
    type: Literal["tool_reference"]


class ToolSearchToolSearchResultBlock(View, nested={"tool_references": ToolReferenceBlock}):
    """The tools that were found."""

    __slots__ = ()

    tool_references: list[ToolReferenceBlock]
    type: Literal["tool_search_tool_search_result"]


class BetaAdvisorToolResultErrorObject(View):
    """The advising model gave no answer."""

    __slots__ = ()

    error_code: Literal[
        "max_uses_exceeded",
        "prompt_too_long",
        "too_many_requests",
        "overloaded",
        "unavailable",
        "execution_time_exceeded",
        "model_not_found",
    ]
    type: Literal["advisor_tool_result_error"]


class BetaAdvisorResultBlock(View):
    """The advising model's answer."""

    __slots__ = ()

    stop_reason: str | None
    text: str
    type: Literal["advisor_result"]


class BetaAdvisorRedactedResultBlock(View):
    """The advising model's answer, encrypted; it goes back unread."""

    __slots__ = ()

    encrypted_content: str
    stop_reason: str | None
    type: Literal["advisor_redacted_result"]


TOOL_RESULTS: Mapping[str, type[View]] = {
    "web_search_tool_result_error": WebSearchToolResultErrorObject,
    "web_search_result": WebSearchResultBlock,
    "web_fetch_tool_result_error": WebFetchToolResultErrorBlock,
    "web_fetch_result": WebFetchBlock,
    "tool_search_tool_result_error": ToolSearchToolResultErrorObject,
    "tool_search_tool_search_result": ToolSearchToolSearchResultBlock,
    "advisor_tool_result_error": BetaAdvisorToolResultErrorObject,
    "advisor_result": BetaAdvisorResultBlock,
    "advisor_redacted_result": BetaAdvisorRedactedResultBlock,
    "text": TextBlock,
}
_result = by_type(TOOL_RESULTS)

WebSearchToolResultBlockContent: TypeAlias = (
    WebSearchToolResultErrorObject | list[WebSearchResultBlock]
)


class WebSearchToolResultBlock(View, nested={"caller": caller, "content": _result}):
    """The outcome of a `web_search` call."""

    __slots__ = ()

    caller: ToolUseCaller | None
    content: WebSearchToolResultBlockContent
    tool_use_id: str
    type: Literal["web_search_tool_result"]


class WebFetchToolResultBlock(View, nested={"caller": caller, "content": _result}):
    """The outcome of a `web_fetch` call."""

    __slots__ = ()

    caller: ToolUseCaller | None
    content: WebFetchToolResultErrorBlock | WebFetchBlock
    tool_use_id: str
    type: Literal["web_fetch_tool_result"]


class ToolSearchToolResultBlock(View, nested={"content": _result}):
    """The outcome of a search among the caller's tools."""

    __slots__ = ()

    content: ToolSearchToolResultErrorObject | ToolSearchToolSearchResultBlock
    tool_use_id: str
    type: Literal["tool_search_tool_result"]


class BetaAdvisorToolResultBlock(View, nested={"content": _result}):
    """The outcome of an `advisor` call."""

    __slots__ = ()

    content: (
        BetaAdvisorToolResultErrorObject | BetaAdvisorResultBlock | BetaAdvisorRedactedResultBlock
    )
    tool_use_id: str
    type: Literal["advisor_tool_result"]


class BetaMCPToolResultBlock(View, nested={"content": _result}):
    """What a tool of an MCP server answered."""

    __slots__ = ()

    content: str | list[TextBlock]
    is_error: bool
    tool_use_id: str
    type: Literal["mcp_tool_result"]
