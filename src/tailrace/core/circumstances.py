"""What surrounds a reply: why it stopped, its container, its cache, what was done to its input.

Theory of operation. These objects hang on a `Message` beside its content. All are plain views. The
one value that reads as something other than its JSON is the container's `expires_at`: a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from .tagged import by_type
from .view import View

StopReason: TypeAlias = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "compaction",
    "refusal",
    "model_context_window_exceeded",
]
"""Why a reply ended. A reason that is not in this list passes through as the string it is."""


class RefusalStopDetails(View):
    """More about a refusal. Only the beta API sends the two fallback fields and the model."""

    __slots__ = ()

    category: (
        Literal["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"] | None
    )
    explanation: str | None
    fallback_credit_token: str | None
    fallback_has_prefill_claim: bool | None
    recommended_model: str | None
    type: Literal["refusal"]


class ContainerSkill(View):
    """A skill that was loaded into a container."""

    __slots__ = ()

    skill_id: str
    type: Literal["anthropic", "custom"]
    version: str


def _moment(value: Any) -> Any:
    """The moment that ISO 8601 text names, in UTC if it names no zone; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Container(View, nested={"skills": ContainerSkill}, reads={"expires_at": _moment}):
    """The code execution container that a reply used; give its `id` to use it again.

    `expires_at` reads as a `datetime` with a time zone; `container["expires_at"]` is the JSON's
    string. A string that is no date in ISO 8601 reads as itself.
    """

    __slots__ = ()

    id: str
    expires_at: datetime
    skills: list[ContainerSkill] | None


class CacheMissModelChanged(View):
    """The prompt cache was missed: another model. Counts are in tokens here and below."""

    __slots__ = ()

    cache_missed_input_tokens: int
    type: Literal["model_changed"]


class CacheMissSystemChanged(View):
    """The prompt cache was missed: another system prompt."""

    __slots__ = ()

    cache_missed_input_tokens: int
    type: Literal["system_changed"]


class CacheMissToolsChanged(View):
    """The prompt cache was missed: other tools."""

    __slots__ = ()

    cache_missed_input_tokens: int
    type: Literal["tools_changed"]


class CacheMissMessagesChanged(View):
    """The prompt cache was missed: earlier messages differ."""

    __slots__ = ()

    cache_missed_input_tokens: int
    type: Literal["messages_changed"]


class CacheMissPreviousMessageNotFound(View):
    """The prompt cache could not be compared: the earlier message is not known."""

    __slots__ = ()

    type: Literal["previous_message_not_found"]


class CacheMissUnavailable(View):
    """The prompt cache could not be compared at all."""

    __slots__ = ()

    type: Literal["unavailable"]


CacheMissReason: TypeAlias = (
    CacheMissModelChanged
    | CacheMissSystemChanged
    | CacheMissToolsChanged
    | CacheMissMessagesChanged
    | CacheMissPreviousMessageNotFound
    | CacheMissUnavailable
)
CACHE_MISSES: Mapping[str, type[View]] = {
    "model_changed": CacheMissModelChanged,
    "system_changed": CacheMissSystemChanged,
    "tools_changed": CacheMissToolsChanged,
    "messages_changed": CacheMissMessagesChanged,
    "previous_message_not_found": CacheMissPreviousMessageNotFound,
    "unavailable": CacheMissUnavailable,
}


class Diagnostics(View, nested={"cache_miss_reason": by_type(CACHE_MISSES)}):
    """Why the prompt cache was missed, if the request asked."""

    __slots__ = ()

    cache_miss_reason: CacheMissReason | None


class BetaClearToolUses20250919EditResponse(View):
    """Old tool calls were cleared from the input."""

    __slots__ = ()

    cleared_input_tokens: int
    cleared_tool_uses: int
    type: Literal["clear_tool_uses_20250919"]


class BetaClearThinking20251015EditResponse(View):
    """Old thinking was cleared from the input."""

    __slots__ = ()

    cleared_input_tokens: int
    cleared_thinking_turns: int
    type: Literal["clear_thinking_20251015"]


EDITS: Mapping[str, type[View]] = {
    "clear_tool_uses_20250919": BetaClearToolUses20250919EditResponse,
    "clear_thinking_20251015": BetaClearThinking20251015EditResponse,
}


class BetaContextManagementResponse(View, nested={"applied_edits": by_type(EDITS)}):
    """What context management cleared."""

    __slots__ = ()

    applied_edits: list[
        BetaClearToolUses20250919EditResponse | BetaClearThinking20251015EditResponse
    ]


class BetaCountTokensContextManagementResponse(View):
    """How many tokens the input had before context management."""

    __slots__ = ()

    original_input_tokens: int


_BindingMismatch: TypeAlias = Literal[
    "model_binding_mismatch",
    "prefix_binding_mismatch",
    "organization_binding_mismatch",
    "end_user_binding_mismatch",
]


class BetaThinkingDroppedInputTransformation(View):
    """A thinking block of the input, at `path`, was left out."""

    __slots__ = ()

    path: str
    reason: _BindingMismatch
    type: Literal["thinking_dropped"]


class BetaThinkingMismatchAllowedInputTransformation(View):
    """A thinking block of the input, at `path`, was kept although it does not belong there."""

    __slots__ = ()

    path: str
    reason: _BindingMismatch
    type: Literal["thinking_mismatch_allowed"]


BetaInputTransformation: TypeAlias = (
    BetaThinkingDroppedInputTransformation | BetaThinkingMismatchAllowedInputTransformation
)
INPUT_TRANSFORMATIONS: Mapping[str, type[View]] = {
    "thinking_dropped": BetaThinkingDroppedInputTransformation,
    "thinking_mismatch_allowed": BetaThinkingMismatchAllowedInputTransformation,
}
