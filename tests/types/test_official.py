"""Our names, fields and values against those of the official package, found by introspection."""

import copy
import datetime
import re
import types as python_types
from typing import (
    Annotated,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pytest

from tailrace import types
from tailrace.core.content import CONTENT_BLOCKS, content_block, message
from tailrace.types import beta

official = pytest.importorskip("anthropic.types", reason="the official package is not installed")
official_beta = pytest.importorskip("anthropic.types.beta")
pydantic = pytest.importorskip("pydantic")
typing_extensions = pytest.importorskip("typing_extensions")

# One class serves both APIs, so it has the beta API's fields as well.
SHARED = {"Message", "Usage", "RefusalStopDetails", "MessageTokensCount", "MessageDeltaUsage"}
# A definition stays the plain view of whatever tool the caller had sent.
LEAVES = {"BetaToolChangeToolDefinition"}
DEFINITION = {"name": "f", "input_schema": {"type": "object"}}


def ours(cls):
    room = beta if cls.__name__.startswith("Beta") else types
    return getattr(room, cls.__name__)


def members(hint):
    """The types that a hint is made of, with Optional, Annotated and unions undone."""
    if get_origin(hint) in (Annotated, Required, NotRequired, typing_extensions.Required):
        return members(get_args(hint)[0])
    if get_origin(hint) in (Union, python_types.UnionType):
        return [inner for arg in get_args(hint) for inner in members(arg)]
    return [hint]


def models_in(hint):
    for member in members(hint):
        if isinstance(member, type) and issubclass(member, pydantic.BaseModel):
            yield member
        for arg in get_args(member):
            yield from models_in(arg)


def reachable(roots):
    found, queue = [], list(roots)
    while queue:
        cls = queue.pop()
        if cls not in found:
            found.append(cls)
            if cls.__name__ not in LEAVES:
                queue += [m for f in cls.model_fields.values() for m in models_in(f.annotation)]
    return sorted(found, key=lambda cls: cls.__name__)


MODELS = reachable(
    [
        official.Message,
        official.MessageTokensCount,
        official.MessageDeltaUsage,
        official_beta.BetaMessage,
        official_beta.BetaMessageTokensCount,
        official_beta.BetaMessageDeltaUsage,
    ]
)
BLOCK_UNIONS = [
    list(models_in(room.model_fields["content"].annotation))
    for room in (official.Message, official_beta.BetaMessage)
]


def literals(hint):
    """All strings that a hint allows by Literal, however deep."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {value for arg in get_args(hint) for value in literals(arg)}


def is_free(hint):
    """Whether a hint allows any string, however deep."""
    return hint is str or any(is_free(arg) for arg in get_args(hint))


# -- views -------------------------------------------------------------------------------------


def test_the_models_are_found():
    assert len(MODELS) > 130


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_declared_fields_are_the_official_ones(cls):
    plain = cls.__name__.removeprefix("Beta")
    fields = list(ours(cls)._fields)
    if plain in SHARED and plain == cls.__name__:
        assert set(fields) > set(cls.model_fields) or plain == "RefusalStopDetails"
        assert [name for name in fields if name in cls.model_fields] == list(cls.model_fields)
    elif plain == cls.__name__ or plain in SHARED:
        assert fields == list(cls.model_fields)
    else:
        assert set(fields) == set(cls.model_fields)


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_declared_values_are_the_official_ones(cls):
    hints = get_type_hints(ours(cls))
    for name, field in cls.model_fields.items():
        if not is_free(hints[name]):
            assert literals(field.annotation) <= literals(hints[name]), name


@pytest.mark.parametrize("union", BLOCK_UNIONS, ids=["GA", "beta"])
def test_every_block_is_in_the_table(union):
    assert {CONTENT_BLOCKS[get_args(cls.model_fields["type"].annotation)[0]] for cls in union} == {
        ours(cls) for cls in union
    }


def test_no_block_is_in_the_table_for_nothing():
    assert {get_args(cls.model_fields["type"].annotation)[0] for cls in BLOCK_UNIONS[1]} == set(
        CONTENT_BLOCKS
    )
    assert set(get_args(types.ContentBlock)) == set(CONTENT_BLOCKS.values())


def samples(hint):
    """One JSON value for each form that a hint allows."""
    for member in members(hint):
        if get_origin(member) is Literal:
            yield get_args(member)[0]
        elif get_origin(member) is list:
            yield list(samples(get_args(member)[0]))
        elif get_origin(member) is dict:
            yield {"key": {"type": "text"}}
        elif isinstance(member, type) and issubclass(member, pydantic.BaseModel):
            yield from objects(member)
        elif member in (str, int, bool, object, float):
            yield {str: "x", int: 1, bool: True, object: {"any": 1}, float: 0.5}[member]
        elif member is datetime.datetime:
            yield "2026-01-02T03:04:05Z"


def objects(cls):
    """JSON objects of a model, so that each field takes each of its forms in one of them."""
    if cls.__name__ in LEAVES:
        return [{"type": "tool_definition", "definition": DEFINITION}]
    forms = {f.alias or name: list(samples(f.annotation)) for name, f in cls.model_fields.items()}
    first = {name: values[0] for name, values in forms.items()}
    return [first] + [
        {**first, name: value} for name, values in forms.items() for value in values[1:]
    ]


def same(mine, theirs):
    """Assert that both read the same, down to the classes of all that is in them."""
    if isinstance(theirs, pydantic.BaseModel):
        assert type(mine) is ours(type(theirs))
        if type(theirs).__name__ not in LEAVES:
            for name in type(theirs).model_fields:
                same(getattr(mine, name), getattr(theirs, name))
    elif isinstance(theirs, list):
        assert isinstance(mine, list)
        for mine_item, theirs_item in zip(mine, theirs, strict=True):
            same(mine_item, theirs_item)
    else:
        assert mine == theirs


@pytest.mark.parametrize(
    "cls", [cls for union in BLOCK_UNIONS for cls in union], ids=lambda cls: cls.__name__
)
def test_blocks_read_like_official_ones(cls):
    for data in objects(cls):
        same(content_block(copy.deepcopy(data)), cls.model_validate(copy.deepcopy(data)))


@pytest.mark.parametrize("cls", [official.Message, official_beta.BetaMessage])
def test_messages_read_like_official_ones(cls):
    for data in objects(cls):
        same(message(copy.deepcopy(data)), cls.model_validate(copy.deepcopy(data)))


@pytest.mark.parametrize("cls", [official.Message, official_beta.BetaMessage])
def test_messages_dump_like_official_ones(cls):
    for data in objects(cls):
        mine, theirs = message(copy.deepcopy(data)), cls.model_validate(copy.deepcopy(data))
        assert mine.to_dict() == theirs.to_dict(mode="json") == data
        assert mine.to_param() == {
            "role": "assistant",
            "content": [block.to_dict(mode="json") for block in theirs.to_param()["content"]],
        }


# -- names -------------------------------------------------------------------------------------

# Names of the official package that have nothing to do with messages, or stay plain views here.
LEFT_OUT = re.compile(
    r"""
    # other parts of the API
    .*(ManagedAgents|Webhook|Session|MemoryStore|Vault|UserProfile|Deployment|Dream|Environment
      |Tunnel|Organization|Capabilit|Deleted|FileList|FileUpload|FileMetadata|FileScope|ModelInfo
      |ModelLine|ModelList|SkillList|SkillCreate|SkillSource|Network|Packages|CloudConfig
      |SelfHostedConfig|OutputBehavior|Currency|MonetaryAmount|ThinkingTypes|ThreadUnsupported
      |ThreadCreateParams|ThreadSendParams|MemoryTool20250818Command|BillTo
      |PrefixMismatchBehavior|AgentCreate|AgentList|AgentRetrieve|AgentUpdate).*
    |(Beta)?Skill
    # errors, which have a module of their own
    |(?!.*ToolResultError).*(Error|ErrorObject|ErrorDetails|ErrorResponse|ErrorType)
    # a form of tool call, and of its options, for each member of a toolset
    |(Beta)?(Response)?(Browser|Computer)(?!State|Toolset2).*
    |(Beta)?(ResponseToolUse|Toolset).*
    # tool definitions as the API sends them back
    |Beta(ToolBash|ToolTextEditor|ToolComputerUse|CodeExecutionTool2|MemoryTool2|WebSearchTool2
      |WebFetchTool2|WebFetchURL|AdvisorTool2|ToolSearchToolBm25|ToolSearchToolRegex2|MCPToolset
      |MCPToolConfig|MCPToolDefaultConfig|CacheControlEphemeral|UserLocation|BrowserToolset2
      |ComputerToolset2)(?!.*Params?$).*
    |BetaResponseTool(Union|InputSchema)?|BetaMCPToolParam
    # constants
    |[A-Z_]+|[a-z_].*
    """,
    re.VERBOSE,
)


def wanted(room):
    return [(name, getattr(room, name)) for name in dir(room) if not LEFT_OUT.fullmatch(name)]


@pytest.mark.parametrize(
    ("room", "mine"), [(official, types), (official_beta, beta)], ids=["GA", "beta"]
)
def test_every_name_of_the_messages_api_is_here(room, mine):
    assert [name for name, _ in wanted(room) if not hasattr(mine, name)] == []


# -- parameters --------------------------------------------------------------------------------

PARAMS = [
    pytest.param(value, getattr(mine, name), id=name)
    for room, mine in ((official, types), (official_beta, beta))
    for name, value in wanted(room)
    if typing_extensions.is_typeddict(value) and hasattr(mine, name)
]


def test_the_parameters_are_found():
    assert len(PARAMS) > 200


REQUIRED = (Required, typing_extensions.Required)


def my_required(cls):
    hints = get_type_hints(cls, include_extras=True)
    return {name for name in cls.__required_keys__ if get_origin(hints[name]) is not NotRequired}


@pytest.mark.parametrize(("theirs", "mine"), PARAMS)
def test_keys_are_the_official_ones(theirs, mine):
    hints = get_type_hints(theirs, include_extras=True)
    assert set(mine.__annotations__) >= set(hints)
    assert my_required(mine) == {
        name for name, hint in hints.items() if get_origin(hint) in REQUIRED
    }


@pytest.mark.parametrize(("theirs", "mine"), PARAMS)
def test_values_are_the_official_ones(theirs, mine):
    my_hints = get_type_hints(mine)
    for name, hint in get_type_hints(theirs).items():
        if not is_free(my_hints[name]):
            assert literals(hint) <= literals(my_hints[name]), name
