"""What a call sends: checked before anything is sent, encoded once, lossless."""

from __future__ import annotations

import base64
import datetime
import enum
import io
import json
import math
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import STOP, ends, frames, opens, shuts, starts, text, tool

from tailrace.core.content import Message, TextBlock
from tailrace.core.cursor import Cursor
from tailrace.core.framing import EventStreamDecoder
from tailrace.core.given import NOT_GIVEN, omit
from tailrace.core.request import check_not_too_long, encode_body, message_call

USER = {"role": "user", "content": "hi"}
PLAIN: dict[str, Any] = {"model": "claude-test", "max_tokens": 5, "messages": [USER]}


def sent(**parameters: Any) -> Any:
    """The JSON that a call sends."""
    return json.loads(encode_body(message_call("create", PLAIN | parameters).body))


def encoded(value: Any) -> Any:
    return json.loads(encode_body({"x": value}))["x"]


# -- what is refused, and how ------------------------------------------------------------------

SENT_ANYWAY = "use extra_body= to send it all the same"
BAD = [
    ("model", 5, TypeError, "model must be a str such as 'claude-sonnet-5-5', not int"),
    ("model", "", ValueError, "model must not be empty"),
    ("max_tokens", "5", TypeError, "max_tokens must be a whole number of tokens, not str"),
    ("max_tokens", True, TypeError, "not bool"),
    ("max_tokens", 1.5, TypeError, "not float"),
    ("max_tokens", -1, ValueError, "max_tokens must not be negative: -1"),
    ("messages", "hi", TypeError, "messages must be a list, not str"),
    ("messages", USER, TypeError, "messages must be a list, not dict"),
    ("messages", 5, TypeError, "messages must be a list, not int"),
    ("messages", [], ValueError, "messages must hold at least one message"),
    ("messages", iter([]), ValueError, "messages must hold at least one message"),
    ("messages", [USER, "hi"], TypeError, r"messages\[1\] must be a dict with 'role' and"),
    ("messages", [{"role": "user"}], TypeError, r"messages\[0\] has no 'content'"),
    ("messages", [{"content": "hi"}], TypeError, r"messages\[0\] has no 'role'"),
    ("messages", [{**USER, "content": 5}], TypeError, r"messages\[0\].content must be a list"),
    ("messages", [{**USER, "content": {}}], TypeError, "must be a list, not dict"),
    ("tools", {"name": "f"}, TypeError, "tools must be a list, not dict"),
    ("stop_sequences", "END", TypeError, "stop_sequences must be a list, not str"),
    ("betas", "beta-1", TypeError, "betas must be a list, not str"),
    ("temprature", 1, TypeError, r"create\(\) got .* 'temprature'; did you mean 'temperature'"),
    ("zzz", 1, TypeError, SENT_ANYWAY),
]


@pytest.mark.parametrize(("name", "value", "kind", "what"), BAD)
def test_what_cannot_be_sent_is_refused_with_what_to_do(name, value, kind, what):
    with pytest.raises(kind, match=what):
        message_call("create", PLAIN | {name: value})


@pytest.mark.parametrize("nothing", [None, NOT_GIVEN, omit])
def test_a_parameter_that_is_not_given_is_left_out_or_missed(nothing):
    assert sent(system=nothing, temperature=nothing, zzz=nothing) == PLAIN
    for name in PLAIN:
        with pytest.raises(TypeError, match=rf"stream\(\) is missing .*'{name}'"):
            message_call("stream", PLAIN | {name: nothing})
    with pytest.raises(TypeError, match="'max_tokens' and 'messages' and 'model'"):
        message_call("create", {})


def test_counting_needs_no_max_tokens():
    call = message_call(
        "count_tokens", {"model": "m", "messages": [USER]}, required=("messages", "model")
    )
    assert call.body == {"model": "m", "messages": [USER]}


UNSENDABLE = [
    (math.nan, ValueError, "the request's x is nan, which is no JSON"),
    ([1, {"deep": (0.5, -math.inf)}], ValueError, r"the request's x\[1\].deep\[1\] is -inf"),
    ("half \ud83d", ValueError, r"half of a surrogate pair \(at character 5 of a string\)"),
    ({"half \ud83d": 1}, ValueError, "half of a surrogate pair"),
    (object(), TypeError, "the request holds a object, which JSON cannot carry"),
    (1j, TypeError, "the request holds a complex"),
]


@pytest.mark.parametrize(("value", "kind", "what"), UNSENDABLE)
def test_what_json_cannot_carry_is_refused(value, kind, what):
    with pytest.raises(kind, match=what):
        encode_body({"x": value})


def test_a_cycle_is_refused():
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(ValueError, match="refers to itself, or is nested too deeply"):
        encode_body({"x": cycle})


class Modelled:
    """What pydantic's models and the official package's offer."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def model_dump(self, *, exclude_unset: bool, by_alias: bool, mode: str) -> dict[str, Any]:
        assert (exclude_unset, by_alias, mode) == (True, True, "json")
        return self.fields


@pytest.mark.parametrize(
    "hide",
    [
        lambda nan: nan,
        lambda nan: [{"deep": ("x", None, 1, True, 0.5, [nan])}],
        lambda nan: [1.5, TextBlock({"type": "text", "text": "", "score": nan})],
        lambda nan: [{"a": [TextBlock({"type": "text", "text": ""})]}, {"b": [{"c": nan}]}],
        lambda nan: {nan},
        lambda nan: iter([nan]),
        lambda nan: Modelled(x=nan),
        lambda nan: MappingProxyType({"x": nan}),
    ],
    ids=["number", "deep", "block", "beside a block", "set", "iterator", "model", "mapping"],
)
def test_nan_is_refused_wherever_it_hides(hide):
    with pytest.raises(ValueError, match="no JSON"):
        encode_body({"x": hide(math.nan)})


# -- what is sent ------------------------------------------------------------------------------


class Color(enum.Enum):
    RED = "red"


KINDS = [
    ((1, 2), [1, 2]),
    ({1}, [1]),
    (frozenset({1}), [1]),
    ((x for x in (1, 2)), [1, 2]),
    (range(2), [0, 1]),
    ({"a": 1}.keys(), ["a"]),
    (MappingProxyType({"a": (1,)}), {"a": [1]}),
    (Modelled(a=(1,)), {"a": [1]}),
    (Message(role="assistant"), {"role": "assistant"}),
    (Color.RED, "red"),
    (b"hi", "aGk="),
    (bytearray(b"hi"), "aGk="),
    (io.BytesIO(b"hi"), "aGk="),
    (io.StringIO("hé"), base64.b64encode("hé".encode()).decode()),
    (datetime.date(2026, 1, 2), "2026-01-02"),
    (2**200, 2**200),
    ({1: 2}, {"1": 2}),
    ([None, True, 0.1, -0.0, 1e22, "é😀\u2028"], [None, True, 0.1, -0.0, 1e22, "é😀\u2028"]),
]


@pytest.mark.parametrize(("value", "expected"), KINDS, ids=lambda value: type(value).__name__)
def test_python_values_become_json(value, expected):
    assert encoded(value) == expected


def test_a_path_is_its_contents(tmp_path: Path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\xff")
    image = {"type": "image", "source": {"type": "base64", "data": picture}}
    data = sent(messages=[{"role": "user", "content": [image]}])
    assert base64.b64decode(data["messages"][0]["content"][0]["source"]["data"]) == b"\x89PNG\xff"
    with picture.open("rb") as file:
        assert base64.b64decode(encoded(file)) == b"\x89PNG\xff"
    with pytest.raises(FileNotFoundError, match=r"b\.png"):
        encode_body({"x": tmp_path / "b.png"})


@pytest.mark.parametrize(
    "value", [type("S", (str,), {})("text"), type("I", (int,), {})(4), type("F", (float,), {})(0.5)]
)
def test_subclasses_of_plain_types_are_those_types(value):
    assert encoded(value) == value


def test_max_tokens_may_be_nothing():
    assert sent(max_tokens=0)["max_tokens"] == 0


def test_the_body_is_compact_utf_8():
    body = encode_body({"b": [1, "é"], "a": {}})
    assert body == '{"b":[1,"é"],"a":{}}'.encode()


def test_bodies_can_be_iterators_all_the_way():
    turns = iter([{"role": "user", "content": iter([{"type": "text", "text": "hi"}])}])
    data = sent(messages=turns, stop_sequences=(s for s in ("a", "b")), tools=iter([{"name": "f"}]))
    assert data["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert data["stop_sequences"] == ["a", "b"]
    assert data["tools"] == [{"name": "f"}]


def test_a_checked_call_can_be_encoded_again():
    call = message_call("create", PLAIN | {"system": iter([{"type": "text", "text": "be kind"}])})
    assert encode_body(call.body) == encode_body(call.body)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | FLOATS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_sent_as_it_is(value):
    try:
        assert encoded(value) == value
    except ValueError as error:
        assert "surrogate" in str(error)  # noqa: PT017 - it need not raise


def test_tools_can_be_functions():
    def add(a: int) -> int:
        """Adds one."""
        return a + 1

    (sent_tool,) = sent(tools=[add])["tools"]
    assert (sent_tool["name"], sent_tool["description"]) == ("add", "Adds one.")
    assert sent_tool["input_schema"]["properties"]["a"]["type"] == "integer"
    assert sent(tools=[{"name": "f"}])["tools"] == [{"name": "f"}]


def test_extra_body_is_laid_over_and_unchecked():
    data = sent(extra_body={"max_tokens": "many", "brand_new": {"x": 1}}, temperature=0.5)
    assert data == {**PLAIN, "max_tokens": "many", "brand_new": {"x": 1}, "temperature": 0.5}


def test_stream_is_asked_for():
    assert message_call("stream", PLAIN, stream=True).body["stream"] is True
    assert "stream" not in message_call("create", PLAIN).body


def test_the_caller_s_objects_are_left_alone():
    parameters = {
        **PLAIN,
        "messages": ({"role": "user", "content": ("x",)},),
        "extra_body": {"a": 1},
    }
    before = repr(parameters)
    message_call("stream", parameters, stream=True)
    assert repr(parameters) == before


def test_some_parameters_are_headers():
    call = message_call(
        "create", PLAIN | {"user_profile_id": "u", "workspace_id": "w", "betas": ("a", "b")}
    )
    assert call.headers == {
        "anthropic-user-profile-id": "u",
        "anthropic-workspace-id": "w",
        "anthropic-beta": "a,b",
    }
    assert call.body == PLAIN
    assert message_call("create", PLAIN | {"betas": []}).headers == {}
    call = message_call("create", PLAIN | {"extra_headers": {"a": "b"}, "extra_query": {"q": 1}})
    assert (call.extra_headers, call.extra_query) == ({"a": "b"}, {"q": 1})


@pytest.mark.parametrize(("tokens", "fits"), [(21_333, True), (21_334, False), (None, True)])
def test_a_reply_that_is_not_streamed_must_not_be_too_long(tokens, fits):
    if fits:
        check_not_too_long({"max_tokens": tokens})
    else:
        with pytest.raises(ValueError, match=r"Streaming is required .* max_tokens=21334 is over"):
            check_not_too_long({"max_tokens": tokens})


# -- what came goes back -----------------------------------------------------------------------


def read(*events: Any) -> Message:
    cursor = Cursor()
    cursor.feed(frames(events))
    while cursor.next_event() is not None:
        pass
    message = cursor.accumulator.snapshot()
    assert message is not None
    return message


REPLY = read(
    starts(),
    opens(0, "thinking", thinking="", signature="abc+/="),
    shuts(0),
    opens(1, "brand_new", data={"n": 10**30, "f": 1.0, "none": None}),
    shuts(1),
    *text(2, "hi"),
    *tool(3, '{"n": 123456789012345678901234567890, "s": "😀"}', caller={"type": "direct"}),
    ends(),
    STOP,
)
BLOCKS = [
    {"type": "thinking", "thinking": "", "signature": "abc+/="},
    {"type": "brand_new", "data": {"n": 10**30, "f": 1.0, "none": None}},
    {"type": "text", "text": "hi"},
    {
        "type": "tool_use",
        "id": "toolu_3",
        "name": "f",
        "input": {"n": 123456789012345678901234567890, "s": "😀"},
        "caller": {"type": "direct"},
    },
]


@pytest.mark.parametrize(
    "turn",
    [REPLY, REPLY.to_param(), {"role": "assistant", "content": REPLY.content}],
    ids=["message", "to_param", "content"],
)
def test_a_reply_goes_back_as_it_came(turn):
    _ = [block.type for block in REPLY.content], REPLY.content[3].caller.type
    data = sent(messages=[USER, turn, USER])
    assert data["messages"] == [USER, {"role": "assistant", "content": BLOCKS}, USER]


def test_every_recording_s_blocks_go_back_as_they_came(corpus):
    for recording in corpus:
        if "spliced" in recording.name:
            continue
        cursor = Cursor()
        cursor.feed(EventStreamDecoder().feed(recording.body))
        while cursor.next_raw() is not None:
            pass
        message = cursor.accumulator.snapshot()
        if len(cursor.accumulator.complete_blocks) < len(message.content):
            continue  # half of a tool call does not go back
        assert sent(messages=[message])["messages"] == [
            {"role": "assistant", "content": message.to_dict()["content"]}
        ]


# -- the official package sends the same -------------------------------------------------------

CALLS = {
    "plain": {},
    "system and stops": {"system": [{"type": "text", "text": "é"}], "stop_sequences": ("a", "b")},
    "tuples": {"messages": ({"role": "user", "content": ({"type": "text", "text": "x"},)},)},
    "generator": {"messages": (turn for turn in [USER, USER])},
    "tools": {
        "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    },
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    "metadata": {"metadata": {"user_id": "u"}, "service_tier": "auto", "inference_geo": "us"},
    "image": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {
                            "type": "base64",
                            "media_type": "image/png",
                            "data": Path(__file__),
                        },
                    }
                ],
            }
        ]
    },
    "extra body": {"extra_body": {"max_tokens": 9, "temperature": 0.5, "new": {"x": [1]}}},
    "blocks sent back": {"messages": [USER, {"role": "assistant", "content": BLOCKS}]},
}


@pytest.fixture(scope="module")
def official():
    anthropic = pytest.importorskip("anthropic", reason="the official package is not installed")
    httpx2 = pytest.importorskip("httpx2")
    requests = []

    def answer(request):
        requests.append(request)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"})

    http_client = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.Anthropic(api_key="k", max_retries=0, http_client=http_client)

    def body_of(parameters: dict[str, Any]) -> Any:
        client.messages.create(**parameters, stream=True).close()
        return json.loads(requests[-1].content)

    with http_client:
        yield body_of


@pytest.mark.parametrize("parameters", CALLS.values(), ids=CALLS)
def test_bodies_are_as_the_official_ones(official, parameters):
    if "messages" in parameters:
        parameters = {**parameters, "messages": list(parameters["messages"])}
    ours = json.loads(encode_body(message_call("create", PLAIN | parameters, stream=True).body))
    assert ours == official(PLAIN | parameters)


def test_official_objects_are_sent_as_the_official_package_does(official):
    types = pytest.importorskip("anthropic.types")
    blocks = [
        types.TextBlock(type="text", text="hi", new=1),
        types.ToolUseBlock(type="tool_use", id="t", name="f", input={"a": [1]}),
        types.ThinkingBlock(type="thinking", thinking="", signature="s"),
    ]
    turns = {"messages": [USER, {"role": "assistant", "content": blocks}]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = official(PLAIN | turns)
    assert sent(**turns, extra_body={"stream": True}) == theirs
