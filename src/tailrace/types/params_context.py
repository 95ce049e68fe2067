"""Parameters for what becomes of a long conversation: clear, summarise, keep in a thread (beta)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NotRequired, TypeAlias

from .params_common import TypedDict


class BetaInputTokensTriggerParam(TypedDict):
    """As soon as the input has `value` tokens."""

    type: Literal["input_tokens"]
    value: int


class BetaInputTokensClearAtLeastParam(TypedDict):
    """Only if at least `value` tokens are won."""

    type: Literal["input_tokens"]
    value: int


class BetaToolUsesTriggerParam(TypedDict):
    """As soon as the input has `value` tool calls."""

    type: Literal["tool_uses"]
    value: int


class BetaToolUsesKeepParam(TypedDict):
    """Keep the last `value` tool calls."""

    type: Literal["tool_uses"]
    value: int


class BetaThinkingTurnsParam(TypedDict):
    """Keep the thinking of the last `value` turns."""

    type: Literal["thinking_turns"]
    value: int


class BetaAllThinkingTurnsParam(TypedDict):
    """Keep all thinking."""

    type: Literal["all"]


class BetaClearToolUses20250919EditParam(TypedDict):
    """Clear old tool calls."""

    type: Literal["clear_tool_uses_20250919"]
    clear_at_least: NotRequired[BetaInputTokensClearAtLeastParam | None]
    clear_tool_inputs: NotRequired[bool | Sequence[str] | None]
    exclude_tools: NotRequired[Sequence[str] | None]
    keep: NotRequired[BetaToolUsesKeepParam]
    trigger: NotRequired[BetaInputTokensTriggerParam | BetaToolUsesTriggerParam]


class BetaClearThinking20251015EditParam(TypedDict):
    """Clear old thinking."""

    type: Literal["clear_thinking_20251015"]
    keep: NotRequired[BetaThinkingTurnsParam | BetaAllThinkingTurnsParam | Literal["all"]]


class BetaCompact20260112EditParam(TypedDict):
    """Summarise the conversation."""

    type: Literal["compact_20260112"]
    instructions: NotRequired[str | None]
    pause_after_compaction: NotRequired[bool]
    trigger: NotRequired[BetaInputTokensTriggerParam | None]


class BetaContextManagementConfigParam(TypedDict, total=False):
    """What to clear from the input before the model reads it."""

    edits: Iterable[
        BetaClearToolUses20250919EditParam
        | BetaClearThinking20251015EditParam
        | BetaCompact20260112EditParam
    ]


class BetaCompactionConfigParam(TypedDict):
    """How to summarise the conversation."""

    type: Literal["summarize"]
    instructions: NotRequired[str | None]


class BetaThreadCreateParams(TypedDict):
    """Begin a thread that the API keeps."""

    type: Literal["create"]


class BetaThreadContinueParams(TypedDict):
    """Go on with the thread after this message."""

    previous_message_id: str
    type: Literal["continue"]


BetaMessageThreadParam: TypeAlias = BetaThreadCreateParams | BetaThreadContinueParams
