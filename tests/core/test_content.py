import copy
import importlib
import json
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.blocks import ServerToolUseBlock, TextBlock, ToolUseBlock
from tailrace.core.circumstances import RefusalStopDetails
from tailrace.core.citations import CITATIONS, citation
from tailrace.core.content import (
    CONTENT_BLOCKS,
    ContentBlock,
    Message,
    MessageTokensCount,
    ParsedMessage,
    ParsedTextBlock,
    UnknownBlock,
    content_block,
    message,
)
from tailrace.core.hidden import Hidden
from tailrace.core.usage import Usage
from tailrace.core.view import View

MODULES = [
    "blocks",
    "circumstances",
    "citations",
    "compaction",
    "content",
    "execution_results",
    "tool_results",
    "usage",
]


def views():
    for name in MODULES:
        module = importlib.import_module(f"tailrace.core.{name}")
        for cls in vars(module).values():
            if (
                isinstance(cls, type)
                and issubclass(cls, View)
                and cls.__module__ == module.__name__
            ):
                yield cls


VIEWS = [cls for cls in dict.fromkeys(views()) if cls._fields]

EXTRAS = {"type": "?", "new_field": {"a": [1, {"b": None}]}, "nothing": None}


def read_all(view):
    """Look at everything, so that whatever becomes a view on being looked at has become one."""
    for name in dir(view):
        value = getattr(view, name) if name in view._fields or name in view else None
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, View):
                read_all(item)


# -- every class -------------------------------------------------------------------------------


def test_all_classes_are_found():
    assert len(VIEWS) > 80


@pytest.mark.parametrize("cls", VIEWS)
def test_what_arrived_comes_back(cls):
    view = cls(copy.deepcopy(EXTRAS))
    read_all(view)
    assert view.new_field.a == [1, {"b": None}]
    assert view.nothing is None
    assert view.to_dict() == EXTRAS
    assert json.loads(view.to_json()) == EXTRAS
    assert list(view.to_dict()) == list(EXTRAS)


@pytest.mark.parametrize("cls", VIEWS)
def test_what_did_not_arrive_is_none(cls):
    view = cls()
    assert {getattr(view, name) for name in cls._fields} == {None}
    assert not hasattr(view, "never_heard_of")
    assert view.to_dict() == {}


@pytest.mark.parametrize("cls", VIEWS)
def test_copies_are_equal_and_of_the_same_class(cls):
    view = cls(copy.deepcopy(EXTRAS))
    for twin in (pickle.loads(pickle.dumps(view)), copy.deepcopy(view), view.model_copy(deep=True)):
        assert type(twin) is cls
        assert twin == view
        twin.new_field["a"].append(2)
        assert view.to_dict() == EXTRAS


@pytest.mark.parametrize("cls", VIEWS)
def test_keywords_build_one(cls):
    name = cls._aliases.get(cls._fields[0], cls._fields[0])
    view = cls(**{name: "x"})
    assert getattr(view, cls._fields[0]) == "x"
    assert repr(view) == f"{cls.__name__}({cls._fields[0]}='x')"


@pytest.mark.parametrize("cls", VIEWS)
def test_a_view_has_no_dict_beside_its_json(cls):
    assert not hasattr(cls(), "__dict__")


# -- content blocks ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "cls"), CONTENT_BLOCKS.items())
def test_each_kind_has_its_class(kind, cls):
    block = content_block({"type": kind})
    assert type(block) is cls
    assert isinstance(block, ContentBlock)
    assert block.type == kind


@pytest.mark.parametrize("kind", ["hologram", None, 7, ["text"]])
def test_an_unknown_block_keeps_its_data(kind):
    data = {"type": kind, "beams": [{"a": 1}]}
    block = content_block(copy.deepcopy(data))
    assert type(block) is UnknownBlock
    assert block.to_dict() == data


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
FIELDS = st.sampled_from(sorted({name for cls in VIEWS for name in cls._fields} | {"new", "from"}))
TYPES = st.sampled_from([*CONTENT_BLOCKS, *CITATIONS, "hologram"])
OBJECTS = st.recursive(
    st.dictionaries(FIELDS, SCALARS, max_size=3),
    lambda inner: st.builds(
        lambda kind, rest: {"type": kind, **rest},
        TYPES,
        st.dictionaries(FIELDS, inner | st.lists(inner | SCALARS, max_size=3), max_size=4),
    ),
    max_leaves=8,
)


@given(OBJECTS)
def test_any_json_object_survives_as_a_message(data):
    view = message(copy.deepcopy(data))
    read_all(view)
    assert view.to_dict() == data
    assert pickle.loads(pickle.dumps(view)) == view
    assert repr(view).startswith("Message(")


@given(OBJECTS, TYPES)
def test_any_json_object_survives_as_a_block(data, kind):
    data = {**data, "type": kind}
    view = content_block(copy.deepcopy(data))
    read_all(view)
    assert view.to_dict() == data


# -- messages ----------------------------------------------------------------------------------

REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "text", "text": "hi", "citations": None, "glow": True},
        {"type": "hologram", "beams": 3},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": {"b": 1}}},
    ],
    "stop_reason": "brand_new_reason",
    "stop_details": {"type": "refusal", "category": "bio"},
    "usage": {"input_tokens": 1, "output_tokens": 2},
    "container": None,
    "new_field": [],
}


def reply():
    return message(copy.deepcopy(REPLY))


def test_a_message_reads_as_its_json():
    view = reply()
    kinds = [type(block).__name__ for block in view.content]
    assert kinds == ["ThinkingBlock", "TextBlock", "UnknownBlock", "ToolUseBlock"]
    assert view.content[1] is view.content[1]
    assert view.stop_reason == "brand_new_reason"
    assert type(view.stop_details) is RefusalStopDetails
    assert type(view.usage) is Usage
    assert view.container is view.context_management is None
    assert view.new_field == []
    assert view.to_dict() == REPLY


def test_to_param_is_what_was_received():
    view = reply()
    param = view.to_param()
    assert json.loads(json.dumps(param)) == {"role": "assistant", "content": REPLY["content"]}
    assert list(param) == ["role", "content"]
    assert param["content"][1] is view.content[1]


def test_to_param_has_a_list_of_its_own():
    view = reply()
    view.to_param()["content"].clear()
    assert view.to_dict() == REPLY


@pytest.mark.parametrize("data", [{}, {"content": None}, {"content": []}])
def test_to_param_of_an_empty_message(data):
    assert message({"role": "assistant", **data}).to_param() == {"role": "assistant", "content": []}


def test_a_message_is_whole_unless_said():
    view = reply()
    assert (view.complete, view.attempts, view.stopped_by_caller) == (True, (), False)
    assert (view._request_id, view._workspace_id, view.parsed_output) == (None, None, None)


@pytest.mark.parametrize(
    "copied",
    [lambda m: pickle.loads(pickle.dumps(m)), copy.copy, copy.deepcopy, Message.model_copy],
)
def test_copies_know_what_the_message_knew(copied):
    view = reply()
    view._request_id, view._workspace_id = "req", "ws"
    view._complete, view._attempts, view._stopped_by_caller = False, ("first",), True
    view.content[1]._parsed = {"x": 1}
    view.content[3]._input_error = ValueError("cut")
    view.usage._certainty = "estimated"
    twin = copied(view)
    assert (twin._request_id, twin._workspace_id) == ("req", "ws")
    assert (twin.complete, twin.attempts, twin.stopped_by_caller) == (False, ("first",), True)
    assert twin.parsed_output == {"x": 1}
    assert str(twin.content[3].input_error) == "cut"
    assert twin.usage.certainty == "estimated"
    assert twin == view == reply()
    assert twin.to_dict() == REPLY


@pytest.mark.parametrize("name", ["complete", "attempts", "stopped_by_caller", "parsed_output"])
def test_what_is_not_json_cannot_be_set_by_accident(name):
    with pytest.raises(AttributeError, match=f"Message.{name} cannot be set"):
        setattr(reply(), name, True)


def test_parsed_output_is_the_first_there_is():
    view = message({"content": [{"type": "tool_use"}, *({"type": "text"} for _ in range(3))]})
    assert view.parsed_output is None
    view.content[3]._parsed = "last"
    assert view.parsed_output == "last"
    view.content[2]._parsed = []
    assert view.parsed_output == []


def test_parsed_names_are_the_plain_classes():
    assert isinstance(reply(), ParsedMessage)
    assert isinstance(reply().content[1], ParsedTextBlock)
    assert ParsedMessage[int](id="m") == {"id": "m"}


def test_tokens_count():
    count = MessageTokensCount(input_tokens=9, context_management={"original_input_tokens": 12})
    assert (count.input_tokens, count.context_management.original_input_tokens) == (9, 12)


def test_hidden_slots_are_where_they_belong():
    assert {cls for cls in VIEWS if issubclass(cls, Hidden)} >= {
        Message,
        TextBlock,
        ToolUseBlock,
        ServerToolUseBlock,
        Usage,
    }


# -- recorded streams --------------------------------------------------------------------------

CORPUS = Path(
    os.environ.get("TAILRACE_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus"
)


def recorded(kind):
    """The payloads of this event type in all recordings, parsed afresh."""
    for path in sorted(CORPUS.glob("*/*.sse")):
        for line in path.read_bytes().splitlines():
            if line.startswith(b"data:") and kind.encode() in line:
                payload = json.loads(line[5:])
                if payload.get("type") == kind:
                    yield payload


needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="no recorded streams: set TAILRACE_CORPUS"
)


@needs_corpus
def test_recorded_blocks_come_back_as_they_came():
    blocks = [payload["content_block"] for payload in recorded("content_block_start")]
    assert len(blocks) > 500
    for data in blocks:
        view = content_block(copy.deepcopy(data))
        read_all(view)
        assert type(view) is CONTENT_BLOCKS[data["type"]]
        assert json.dumps(view.to_dict()) == json.dumps(view) == json.dumps(data)


@needs_corpus
def test_recorded_messages_come_back_as_they_came():
    messages = [payload["message"] for payload in recorded("message_start")]
    assert len(messages) > 300
    for data in messages:
        view = message(copy.deepcopy(data))
        read_all(view)
        assert json.dumps(view.to_dict()) == json.dumps(data)
        assert view.complete


@needs_corpus
def test_recorded_citations_come_back_as_they_came():
    deltas = [payload["delta"] for payload in recorded("content_block_delta")]
    found = [delta["citation"] for delta in deltas if delta["type"] == "citations_delta"]
    assert len(found) > 40
    for data in found:
        view = citation(dict(data))
        assert type(view) is CITATIONS[data["type"]]
        assert view.to_dict() == data
