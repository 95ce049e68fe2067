"""Pieces that many request parameters share: cache marks, citations, callers, tool options.

The parameters in this package are `TypedDict`s: plain dicts for Python, shapes for type checkers.
Their names and keys are the Messages API's; a key that only the beta API takes is optional here and
not set apart. `None` is allowed where the API allows null.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NotRequired, TypeAlias

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from typing import TypedDict as TypedDict
else:
    # Pydantic (and so FastAPI) reads the TypedDict of Python 3.11 only in this version of it.
    try:
        from typing_extensions import TypedDict
    except ImportError:
        from typing import TypedDict


class CacheControlEphemeralParam(TypedDict):
    """A cache mark: the input up to here is kept for five minutes (the default) or an hour."""

    type: Literal["ephemeral"]
    ttl: NotRequired[Literal["5m", "1h"]]


class Cacheable(TypedDict, total=False):
    """Whatever can carry a cache mark."""

    cache_control: CacheControlEphemeralParam | None


class CitationsConfigParam(TypedDict, total=False):
    """Whether the model cites this document or result."""

    enabled: bool


class CitationCharLocationParam(TypedDict):
    """Characters of a plain text document; the end is exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None
    end_char_index: int
    start_char_index: int
    type: Literal["char_location"]


class CitationPageLocationParam(TypedDict):
    """Pages of a PDF, counted from 1; the end is exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None
    end_page_number: int
    start_page_number: int
    type: Literal["page_location"]


class CitationContentBlockLocationParam(TypedDict):
    """Blocks of a document given as content blocks; the end is exclusive."""

    cited_text: str
    document_index: int
    document_title: str | None
    end_block_index: int
    start_block_index: int
    type: Literal["content_block_location"]


class CitationWebSearchResultLocationParam(TypedDict):
    """A page that the web search tool found."""

    cited_text: str
    encrypted_index: str
    title: str | None
    type: Literal["web_search_result_location"]
    url: str


class CitationSearchResultLocationParam(TypedDict):
    """Blocks of a search result; the end is exclusive."""

    cited_text: str
    end_block_index: int
    search_result_index: int
    source: str
    start_block_index: int
    title: str | None
    type: Literal["search_result_location"]


TextCitationParam: TypeAlias = (
    CitationCharLocationParam
    | CitationPageLocationParam
    | CitationContentBlockLocationParam
    | CitationWebSearchResultLocationParam
    | CitationSearchResultLocationParam
)


class DirectCallerParam(TypedDict):
    """The model itself called the tool."""

    type: Literal["direct"]


class ServerToolCallerParam(TypedDict):
    """Code that the model ran called the tool."""

    tool_id: str
    type: Literal["code_execution_20250825"]


class ServerToolCaller20260120Param(TypedDict):
    """Code that the model ran, in the tool of January 2026, called the tool."""

    tool_id: str
    type: Literal["code_execution_20260120"]


CallerParam: TypeAlias = DirectCallerParam | ServerToolCallerParam | ServerToolCaller20260120Param


class ToolOptions(Cacheable, total=False):
    """What every tool may say about its use."""

    allowed_callers: list[
        Literal[
            "direct",
            "code_execution_20250825",
            "code_execution_20260120",
            "code_execution_20260521",
        ]
    ]
    defer_loading: bool
    strict: bool


class ClientToolOptions(ToolOptions, total=False):
    """The same for tools that the caller runs, with examples of their input."""

    input_examples: Iterable[Mapping[str, object]]
