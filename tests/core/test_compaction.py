import copy

import pytest

from tailrace.core.compaction import (
    CHANGED_TOOLS,
    TOOL_CHANGES,
    BetaCompactionBlock,
    BetaMCPTool,
    BetaMCPToolListingBlock,
    BetaToolChangeToolDefinition,
)
from tailrace.core.view import View


@pytest.mark.parametrize(("change", "change_class"), TOOL_CHANGES.items())
@pytest.mark.parametrize(("tool", "tool_class"), CHANGED_TOOLS.items())
def test_tool_changes_are_told_apart(change, change_class, tool, tool_class):
    data = {
        "type": "compaction",
        "content": "so far",
        "tool_changes": [{"type": change, "tool": {"type": tool, "name": "f"}}],
    }
    block = BetaCompactionBlock(copy.deepcopy(data))
    assert type(block.tool_changes[0]) is change_class
    assert type(block.tool_changes[0].tool) is tool_class
    assert block.signature is None
    assert block.to_dict() == data


def test_a_definition_is_whatever_the_caller_had_sent():
    sent = {"name": "f", "input_schema": {"type": "object"}}
    definition = BetaToolChangeToolDefinition(type="tool_definition", definition=sent).definition
    assert type(definition) is View
    assert definition.name == "f"
    assert definition.to_dict() == sent


def test_a_listing_holds_tools():
    block = BetaMCPToolListingBlock(
        type="mcp_tool_listing", mcp_server_name="s", tools=[{"name": "f", "input_schema": {}}]
    )
    assert type(block.tools[0]) is BetaMCPTool
    assert block.tools[0].description is None
    assert type(block.tools[0].input_schema) is dict
