"""All the keyword arguments of one request, for code that builds them up in a dict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired

from .params_common import CacheControlEphemeralParam, TypedDict
from .params_context import (
    BetaCompactionConfigParam,
    BetaContextManagementConfigParam,
    BetaMessageThreadParam,
)
from .params_documents import TextBlockParam
from .params_messages import MessageInput
from .params_request import (
    AnthropicBetaParam,
    BetaBillingPolicyParam,
    BetaFallbackCreditTokenParam,
    BetaFallbacksParam,
    BetaRequestMCPServerURLDefinitionParam,
    DiagnosticsParam,
    MessageCreateParamsContainerParam,
    MetadataParam,
    Model,
    OutputConfigParam,
    Speed,
    ThinkingConfigParam,
    ToolChoiceParam,
)
from .params_tools import ToolUnionParam


class CountedParams(TypedDict):
    """What makes up the input of a request, and so its size."""

    messages: Iterable[MessageInput]
    model: Model
    cache_control: NotRequired[CacheControlEphemeralParam | None]
    output_config: NotRequired[OutputConfigParam]
    speed: NotRequired[Speed | None]
    system: NotRequired[str | Iterable[TextBlockParam]]
    thinking: NotRequired[ThinkingConfigParam]
    tool_choice: NotRequired[ToolChoiceParam]
    tools: NotRequired[Iterable[ToolUnionParam]]
    user_profile_id: NotRequired[str]
    workspace_id: NotRequired[str]
    betas: NotRequired[Sequence[AnthropicBetaParam]]
    billing_policy: NotRequired[BetaBillingPolicyParam | None]
    compaction: NotRequired[BetaCompactionConfigParam | None]
    context_management: NotRequired[BetaContextManagementConfigParam | None]
    mcp_servers: NotRequired[Iterable[BetaRequestMCPServerURLDefinitionParam]]


class MessageCountTokensParams(CountedParams):
    """The arguments of a token count."""


class MessageStreamParams(CountedParams):
    """The arguments of a request. `max_tokens` is the limit of the reply, in tokens.

    Models that take no `temperature`, `top_p` or `top_k` refuse them.
    """

    max_tokens: int
    container: NotRequired[MessageCreateParamsContainerParam | None]
    diagnostics: NotRequired[DiagnosticsParam | None]
    inference_geo: NotRequired[str | None]
    metadata: NotRequired[MetadataParam]
    service_tier: NotRequired[Literal["auto", "standard_only"]]
    stop_sequences: NotRequired[Sequence[str]]
    temperature: NotRequired[float]
    top_k: NotRequired[int]
    top_p: NotRequired[float]
    fallback_credit_token: NotRequired[str | BetaFallbackCreditTokenParam | None]
    fallbacks: NotRequired[BetaFallbacksParam | None]
    thread: NotRequired[BetaMessageThreadParam | None]


class MessageCreateParams(MessageStreamParams):
    """The arguments of a request, and whether its reply is streamed."""

    stream: NotRequired[bool]
