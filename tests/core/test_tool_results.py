import copy

import pytest

from tailrace.core import tool_results as results
from tailrace.core.blocks import DirectCaller, TextBlock
from tailrace.core.view import View

BLOCKS = [
    results.WebSearchToolResultBlock,
    results.WebFetchToolResultBlock,
    results.ToolSearchToolResultBlock,
    results.BetaAdvisorToolResultBlock,
    results.BetaMCPToolResultBlock,
]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(("kind", "cls"), results.TOOL_RESULTS.items())
def test_content_is_told_apart(block, kind, cls):
    data = {"tool_use_id": "1", "content": {"type": kind, "new": [1]}}
    view = block(copy.deepcopy(data))
    assert type(view.content) is cls
    assert view.content.new == [1]
    assert view.to_dict() == data


@pytest.mark.parametrize("block", BLOCKS)
def test_lists_are_told_apart_one_by_one(block):
    data = {"content": [{"type": "text", "text": "a"}, {"type": "web_search_result"}, {"type": 1}]}
    view = block(copy.deepcopy(data))
    kinds = [type(item) for item in view.content]
    assert kinds == [TextBlock, results.WebSearchResultBlock, View]
    assert view.to_dict() == data


def test_mcp_content_may_be_text():
    assert results.BetaMCPToolResultBlock(content="done", is_error=False).content == "done"


def test_a_fetched_page_is_a_document():
    block = results.WebFetchToolResultBlock(
        caller={"type": "direct"},
        content={
            "type": "web_fetch_result",
            "url": "https://x.test",
            "content": {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "hi"},
                "citations": {"enabled": True},
            },
        },
    )
    document = block.content.content
    assert type(block.caller) is DirectCaller
    assert type(document) is results.DocumentBlock
    assert type(document.source) is results.PlainTextSource
    assert type(document.citations) is results.CitationsConfig
    assert (document.source.data, document.citations.enabled, document.title) == ("hi", True, None)


def test_a_fetched_pdf_is_base64():
    source = results.DocumentBlock(source={"type": "base64", "data": "aGk="}).source
    assert type(source) is results.Base64PDFSource


def test_found_tools_are_references():
    view = results.ToolSearchToolSearchResultBlock(tool_references=[{"tool_name": "f"}])
    assert type(view.tool_references[0]) is results.ToolReferenceBlock
