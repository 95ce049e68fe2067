"""Parameters for the two web tools that the API runs: search and fetch.

Each has several dates in its `type`; the later ones add a key or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypeAlias

from .params_common import CitationsConfigParam, ToolOptions, TypedDict


class UserLocationParam(TypedDict):
    """Where the user is, roughly; `country` is an ISO 3166 code, `timezone` an IANA name."""

    type: Literal["approximate"]
    city: NotRequired[str | None]
    country: NotRequired[str | None]
    region: NotRequired[str | None]
    timezone: NotRequired[str | None]


class WebTool(ToolOptions, total=False):
    """What both web tools take. A tool takes allowed domains or blocked ones, not both."""

    allowed_domains: Sequence[str] | None
    blocked_domains: Sequence[str] | None
    max_uses: int | None


class WebSearch(WebTool):
    """What every version of web search takes."""

    name: Literal["web_search"]
    user_location: NotRequired[UserLocationParam | None]


class WebSearchTool20250305Param(WebSearch):
    """Web search, March 2025."""

    type: Literal["web_search_20250305"]


class WebSearchTool20260209Param(WebSearch):
    """Web search, February 2026."""

    type: Literal["web_search_20260209"]


class WebSearchTool20260318Param(WebSearch):
    """Web search, March 2026."""

    type: Literal["web_search_20260318"]
    response_inclusion: NotRequired[Literal["full", "excluded"]]


class WebFetchURLSourceAllParam(TypedDict):
    """Every address from there may be fetched."""

    type: Literal["all"]


class WebFetchURLSourceNoneParam(TypedDict):
    """No address from there may be fetched."""

    type: Literal["none"]


class WebFetchURLSourceToolReferenceParam(TypedDict):
    """A tool by its name."""

    name: str
    type: Literal["tool_reference"]


class WebFetchURLSourceOnlyParam(TypedDict):
    """Only addresses from these tools may be fetched."""

    tools: Iterable[WebFetchURLSourceToolReferenceParam]
    type: Literal["only"]


class WebFetchURLSourceExceptParam(TypedDict):
    """Addresses from all but these tools may be fetched."""

    tools: Iterable[WebFetchURLSourceToolReferenceParam]
    type: Literal["except"]


ToolURLSource: TypeAlias = (
    WebFetchURLSourceAllParam
    | WebFetchURLSourceNoneParam
    | WebFetchURLSourceOnlyParam
    | WebFetchURLSourceExceptParam
)


class WebFetchURLSourcesParam(TypedDict, total=False):
    """From where the model may take the addresses it fetches."""

    client_tool_results: ToolURLSource
    server_tool_results: ToolURLSource
    user_input: WebFetchURLSourceAllParam | WebFetchURLSourceNoneParam


class WebFetch(WebTool):
    """What every version of web fetch takes; `max_content_tokens` cuts a page, in tokens."""

    name: Literal["web_fetch"]
    citations: NotRequired[CitationsConfigParam | None]
    max_content_tokens: NotRequired[int | None]
    url_sources: NotRequired[WebFetchURLSourcesParam | None]


class WebFetchTool20250910Param(WebFetch):
    """Web fetch, September 2025."""

    type: Literal["web_fetch_20250910"]


class WebFetchTool20260209Param(WebFetch):
    """Web fetch, February 2026."""

    type: Literal["web_fetch_20260209"]


class WebFetchTool20260309Param(WebFetch):
    """Web fetch, 9 March 2026."""

    type: Literal["web_fetch_20260309"]
    use_cache: NotRequired[bool]


class WebFetchTool20260318Param(WebFetch):
    """Web fetch, 18 March 2026."""

    type: Literal["web_fetch_20260318"]
    response_inclusion: NotRequired[Literal["full", "excluded"]]
    use_cache: NotRequired[bool]
