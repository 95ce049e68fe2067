"""Citations: where a piece of text comes from.

Theory of operation. A text block may carry citations, each naming a place in a document, a web
page or a search result; they arrive one by one in `citations_delta`. Ends of ranges are exclusive,
pages count from 1, everything else from 0 (Messages API, "Citations"). The field orders here and
in the other modules of views are those in which the official SDK declares them, because that is
the order of `model_dump()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

from .tagged import by_type
from .view import View


class CitationCharLocation(View):
    """Characters `start_char_index` to `end_char_index` of a plain text document."""

    __slots__ = ()

    cited_text: str
    document_index: int
    document_title: str | None
    end_char_index: int
    file_id: str | None
    start_char_index: int
    type: Literal["char_location"]


class CitationPageLocation(View):
    """Pages `start_page_number` to `end_page_number` of a PDF."""

    __slots__ = ()

    cited_text: str
    document_index: int
    document_title: str | None
    end_page_number: int
    file_id: str | None
    start_page_number: int
    type: Literal["page_location"]


class CitationContentBlockLocation(View):
    """Blocks `start_block_index` to `end_block_index` of a document given as content blocks."""

    __slots__ = ()

    cited_text: str
    document_index: int
    document_title: str | None
    end_block_index: int
    file_id: str | None
    start_block_index: int
    type: Literal["content_block_location"]


class CitationsWebSearchResultLocation(View):
    """A page that the web search tool found."""

    __slots__ = ()

    cited_text: str
    encrypted_index: str
    title: str | None
    type: Literal["web_search_result_location"]
    url: str


class CitationsSearchResultLocation(View):
    """Blocks of a search result that the caller had sent."""

    __slots__ = ()

    cited_text: str
    end_block_index: int
    search_result_index: int
    source: str
    start_block_index: int
    title: str | None
    type: Literal["search_result_location"]


TextCitation: TypeAlias = (
    CitationCharLocation
    | CitationPageLocation
    | CitationContentBlockLocation
    | CitationsWebSearchResultLocation
    | CitationsSearchResultLocation
)

Citation: TypeAlias = TextCitation

CITATIONS: Mapping[str, type[View]] = {
    "char_location": CitationCharLocation,
    "page_location": CitationPageLocation,
    "content_block_location": CitationContentBlockLocation,
    "web_search_result_location": CitationsWebSearchResultLocation,
    "search_result_location": CitationsSearchResultLocation,
}

_wrap = by_type(CITATIONS)


def citation(data: dict[str, Any]) -> TextCitation:
    """The citation that `data` is; one of an unknown kind is a plain `View` with its data."""
    return cast("TextCitation", _wrap(data))
