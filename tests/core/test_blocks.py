import copy
import json
import pickle

import pytest

from tailrace.core.blocks import (
    CALLERS,
    BetaFallbackBlock,
    BetaFallbackInfo,
    BetaFallbackRefusalTrigger,
    BetaMCPToolUseBlock,
    ServerToolUseBlock,
    TextBlock,
    ToolUseBlock,
    UnknownBlock,
)
from tailrace.core.citations import CitationPageLocation
from tailrace.core.view import View

CALLS = [ToolUseBlock, ServerToolUseBlock, BetaMCPToolUseBlock]


def test_parsed_output_is_beside_the_json():
    block = TextBlock(type="text", text="3")
    assert block.parsed_output is None
    block._parsed = 3
    assert block.parsed_output == 3
    assert block.to_dict() == block.model_dump(exclude_none=True) == {"type": "text", "text": "3"}
    assert block == TextBlock(type="text", text="3")
    assert pickle.loads(pickle.dumps(block)).parsed_output == 3
    assert copy.deepcopy(block).parsed_output == 3


def test_parsed_output_given_by_hand_is_read():
    assert TextBlock(type="text", text="3", parsed_output=3).parsed_output == 3


def test_citations_are_views_in_place():
    block = TextBlock(type="text", text="x", citations=[{"type": "page_location", "n": 1}])
    assert type(block.citations[0]) is CitationPageLocation
    assert block.citations[0] is block.citations[0]
    assert TextBlock(type="text", text="x", citations=None).citations is None


@pytest.mark.parametrize("cls", CALLS)
def test_a_call_knows_how_its_input_came(cls):
    call = cls(type="tool_use", id="1", name="f", input={})
    assert (call.input_error, call.input_text) == (None, None)
    call._input_error = ValueError("line 1")
    call._input_text = '{"a": '
    for twin in (pickle.loads(pickle.dumps(call)), copy.copy(call), copy.deepcopy(call)):
        assert isinstance(twin.input_error, ValueError)
        assert str(twin.input_error) == "line 1"
        assert twin.input_text == '{"a": '
        assert twin == call
    assert json.loads(json.dumps(call)) == {"type": "tool_use", "id": "1", "name": "f", "input": {}}


def test_a_json_error_survives_pickling():
    call = ToolUseBlock(input={})
    try:
        json.loads('{"a": 1 "b": 2}')
    except ValueError as error:
        call._input_error = error
    assert str(pickle.loads(pickle.dumps(call)).input_error) == str(call.input_error)


def test_input_stays_a_plain_dict():
    call = ToolUseBlock(input={"a": {"type": "text"}, "b": [{"type": "text"}]})
    assert type(call.input) is dict
    assert type(call.input["a"]) is dict
    assert type(call.input["b"][0]) is dict


@pytest.mark.parametrize(("kind", "cls"), CALLERS.items())
@pytest.mark.parametrize("call", [ToolUseBlock, ServerToolUseBlock])
def test_caller_is_told_apart(call, kind, cls):
    block = call(caller={"type": kind, "tool_id": "t"})
    assert type(block.caller) is cls
    assert block.caller.tool_id == "t"


def test_an_unknown_caller_is_a_view():
    assert type(ToolUseBlock(caller={"type": "robot"}).caller) is View


def test_fallback_reads_from_as_from_():
    data = {
        "type": "fallback",
        "from": {"model": "a"},
        "to": {"model": "b"},
        "trigger": {"type": "refusal", "category": None},
    }
    block = BetaFallbackBlock(copy.deepcopy(data))
    assert type(block.from_) is type(block.to) is BetaFallbackInfo
    assert type(block.trigger) is BetaFallbackRefusalTrigger
    assert (block.from_.model, block.to.model) == ("a", "b")
    assert block.to_dict() == data
    assert "from_=" in repr(block)
    assert BetaFallbackBlock.model_construct(from_={"model": "a"}) == {"from": {"model": "a"}}
    block.from_ = BetaFallbackInfo(model="c")
    assert block["from"] == {"model": "c"}


def test_an_unknown_block_keeps_its_data():
    block = UnknownBlock({"type": "hologram", "beams": [1, {"a": 2}]})
    assert (block.type, block.beams) == ("hologram", [1, {"a": 2}])
