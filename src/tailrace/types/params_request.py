"""Parameters of a request as a whole: model, thinking, tool choice, output, context, container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NotRequired, TypeAlias

from .params_common import TypedDict

Model: TypeAlias = (
    Literal[
        "claude-fable-5-2",
        "claude-mythos-5-2",
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
        "claude-fable-5-1",
        "claude-opus-5-5",
        "claude-mythos-5-1",
        "claude-sonnet-5",
        "claude-fable-5",
        "claude-mythos-5",
        "claude-opus-5",
        "claude-opus-4-8",
        "claude-opus-4-7",
        "claude-mythos-preview",
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-haiku-4-5",
        "claude-haiku-4-5-20251001",
        "claude-opus-4-5",
        "claude-opus-4-5-20251101",
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
    ]
    | str
)
"""A model's name: any string; the listed ones are those an editor can offer."""
ModelParam: TypeAlias = Model

AnthropicBetaParam: TypeAlias = str
"""A name for the `anthropic-beta` header."""

Effort: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]
Speed: TypeAlias = Literal["standard", "fast"]


class MetadataParam(TypedDict, total=False):
    """About the request; `user_id` is an opaque id, never a name or an address."""

    user_id: str | None


class ToolChoiceAutoParam(TypedDict):
    """The model decides whether to call a tool."""

    type: Literal["auto"]
    disable_parallel_tool_use: NotRequired[bool]


class ToolChoiceAnyParam(TypedDict):
    """The model has to call some tool."""

    type: Literal["any"]
    disable_parallel_tool_use: NotRequired[bool]


class ToolChoiceToolParam(TypedDict):
    """The model has to call this tool."""

    name: str
    type: Literal["tool"]
    disable_parallel_tool_use: NotRequired[bool]


class ToolChoiceNoneParam(TypedDict):
    """The model may not call a tool."""

    type: Literal["none"]


ToolChoiceParam: TypeAlias = (
    ToolChoiceAutoParam | ToolChoiceAnyParam | ToolChoiceToolParam | ToolChoiceNoneParam
)


class BetaThinkingBlockBindingParam(TypedDict, total=False):
    """What happens to a thinking block of the input that does not belong there (beta)."""

    prefix_mismatch_behavior: Literal["error", "drop_block"] | None


ThinkingDisplay: TypeAlias = Literal["summarized", "omitted", "updates"]


class ThinkingConfigEnabledParam(TypedDict):
    """The model thinks, for about `budget_tokens` tokens at most."""

    budget_tokens: int
    type: Literal["enabled"]
    block_binding: NotRequired[BetaThinkingBlockBindingParam | None]
    display: NotRequired[ThinkingDisplay | None]


class ThinkingConfigAdaptiveParam(TypedDict):
    """The model thinks as much as it finds fit."""

    type: Literal["adaptive"]
    block_binding: NotRequired[BetaThinkingBlockBindingParam | None]
    display: NotRequired[ThinkingDisplay | None]


class ThinkingConfigBetweenToolsParam(TypedDict):
    """The model thinks only between tool calls."""

    type: Literal["between_tools"]


class ThinkingConfigDisabledParam(TypedDict):
    """The model does not think."""

    type: Literal["disabled"]


ThinkingConfigParam: TypeAlias = (
    ThinkingConfigEnabledParam
    | ThinkingConfigDisabledParam
    | ThinkingConfigBetweenToolsParam
    | ThinkingConfigAdaptiveParam
)


class JSONOutputFormatParam(TypedDict):
    """The text has to be JSON that fits `schema`, a JSON Schema."""

    schema: Mapping[str, object]
    type: Literal["json_schema"]


class BetaTokenTaskBudgetParam(TypedDict):
    """How much a whole task may take, in tokens (beta)."""

    total: int
    type: Literal["tokens"]
    remaining: NotRequired[int | None]


class OutputConfigParam(TypedDict, total=False):
    """How hard the model tries, and the form of its text."""

    effort: Effort | None
    format: JSONOutputFormatParam | None
    task_budget: BetaTokenTaskBudgetParam | None


class SkillParams(TypedDict):
    """A skill to load into the container."""

    skill_id: str
    type: Literal["anthropic", "custom"]
    version: NotRequired[str]


class ContainerParams(TypedDict, total=False):
    """The container to run code in: an earlier one by its id, and the skills to load."""

    id: str | None
    skills: Iterable[SkillParams] | None


MessageCreateParamsContainerParam: TypeAlias = ContainerParams | str


class DiagnosticsParam(TypedDict, total=False):
    """Ask why the prompt cache was missed, against this earlier message."""

    previous_message_id: str | None


class BetaRequestMCPServerToolConfigurationParam(TypedDict, total=False):
    """Which tools of an MCP server are offered (the older way)."""

    allowed_tools: Sequence[str] | None
    enabled: bool | None


class BetaRequestMCPServerURLDefinitionParam(TypedDict):
    """An MCP server that the API connects to. `authorization_token` is a secret."""

    name: str
    type: Literal["url"]
    url: str
    authorization_token: NotRequired[str | None]
    tool_configuration: NotRequired[BetaRequestMCPServerToolConfigurationParam | None]


class BetaFallbackParam(TypedDict):
    """A model to take over, with what differs for it."""

    model: Model
    max_tokens: NotRequired[int | None]
    output_config: NotRequired[OutputConfigParam | None]
    speed: NotRequired[Speed | None]
    thinking: NotRequired[ThinkingConfigParam | None]


BetaFallbacksParam: TypeAlias = Iterable[BetaFallbackParam] | Literal["default"]


class BetaFallbackCreditTokenParam(TypedDict):
    """The credit for a refused attempt."""

    token: str
    mode: NotRequired[Literal["strict", "best_effort"]]


class BetaBillingPolicyParam(TypedDict):
    """Who pays."""

    type: Literal["billing_policy"]
    bill_to: NotRequired[Literal["self", "user_profile"]]
