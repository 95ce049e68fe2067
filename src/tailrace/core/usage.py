"""What a reply cost, in tokens.

Theory of operation. `message_start` carries a first `usage`, every `message_delta` a later one; the
numbers are totals so far, to be taken over, never added up. Input that was written to or read from
the prompt cache is counted apart from `input_tokens`. A count can also be less than certain (a
stream that was cut, a reply stitched together from two attempts): `certainty` says so, beside the
JSON. Every count is in tokens, unless its name says requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from .hidden import Hidden
from .tagged import by_type
from .view import View, Wrap

Certainty: TypeAlias = Literal["exact", "lower_bound", "estimated"]


class CacheCreation(View):
    """Input written to the prompt cache, by how long it is kept: one hour or five minutes."""

    __slots__ = ()

    ephemeral_1h_input_tokens: int
    ephemeral_5m_input_tokens: int


class OutputTokensDetails(View):
    """What part of the output was thinking."""

    __slots__ = ()

    thinking_tokens: int


class ServerToolUsage(View):
    """How often the API's own tools ran, in requests."""

    __slots__ = ()

    web_fetch_requests: int
    web_search_requests: int


class BetaFallbackCreditRedeemed(View):
    """The credit for a refused attempt was used."""

    __slots__ = ()

    type: Literal["redeemed"]


class BetaFallbackCreditNotApplied(View):
    """The credit for a refused attempt was not used; `reason` says why."""

    __slots__ = ()

    reason: str
    type: Literal["not_applied"]
    remove_to_redeem: list[str] | None


FALLBACK_CREDITS: Mapping[str, type[View]] = {
    "redeemed": BetaFallbackCreditRedeemed,
    "not_applied": BetaFallbackCreditNotApplied,
}


class BetaFallbackCreditUsage(View, nested={"status": by_type(FALLBACK_CREDITS)}):
    """What became of a fallback credit."""

    __slots__ = ()

    status: BetaFallbackCreditRedeemed | BetaFallbackCreditNotApplied


class BetaMessageIterationUsage(View, nested={"cache_creation": CacheCreation}):
    """One pass of the model within a reply."""

    __slots__ = ()

    cache_creation: CacheCreation | None
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    input_tokens: int
    model: str | None
    output_tokens: int
    type: Literal["message"]


class BetaCompactionIterationUsage(View, nested={"cache_creation": CacheCreation}):
    """The writing of a summary within a reply."""

    __slots__ = ()

    cache_creation: CacheCreation | None
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    input_tokens: int
    output_tokens: int
    type: Literal["compaction"]


class BetaAdvisorMessageIterationUsage(View, nested={"cache_creation": CacheCreation}):
    """A call of the advising model within a reply."""

    __slots__ = ()

    cache_creation: CacheCreation | None
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    input_tokens: int
    model: str
    output_tokens: int
    type: Literal["advisor_message"]


class BetaFallbackMessageIterationUsage(View, nested={"cache_creation": CacheCreation}):
    """The pass of the model that took over within a reply."""

    __slots__ = ()

    cache_creation: CacheCreation | None
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    input_tokens: int
    model: str
    output_tokens: int
    type: Literal["fallback_message"]


BetaIterationsUsage: TypeAlias = list[
    BetaMessageIterationUsage
    | BetaCompactionIterationUsage
    | BetaAdvisorMessageIterationUsage
    | BetaFallbackMessageIterationUsage
]

ITERATIONS: Mapping[str, type[View]] = {
    "message": BetaMessageIterationUsage,
    "compaction": BetaCompactionIterationUsage,
    "advisor_message": BetaAdvisorMessageIterationUsage,
    "fallback_message": BetaFallbackMessageIterationUsage,
}
_NESTED: Mapping[str, Wrap] = {
    "cache_creation": CacheCreation,
    "fallback_credit": BetaFallbackCreditUsage,
    "iterations": by_type(ITERATIONS),
    "output_tokens_details": OutputTokensDetails,
    "server_tool_use": ServerToolUsage,
}


class Usage(Hidden, nested=_NESTED, hidden={"_certainty": "exact"}):
    """A message's token counts. The beta API alone sends `fallback_credit` and `iterations`."""

    __slots__ = ("_certainty",)

    cache_creation: CacheCreation | None
    cache_creation_input_tokens: int | None
    cache_read_input_tokens: int | None
    fallback_credit: BetaFallbackCreditUsage | None
    inference_geo: str | None
    input_tokens: int
    iterations: BetaIterationsUsage | None
    output_tokens: int
    output_tokens_details: OutputTokensDetails | None
    server_tool_use: ServerToolUsage | None
    service_tier: Literal["standard", "priority", "batch"] | None
    speed: Literal["standard", "fast"] | None

    _certainty: Certainty

    @property
    def certainty(self) -> Certainty:
        """Whether the counts are the API's own and final, at least this much, or estimated.

        Not part of the JSON: never dumped, sent or compared.
        """
        return self._certainty


class MessageDeltaUsage(View, nested=_NESTED):
    """The totals that a `message_delta` brings. What it leaves out or nulls stays as it was."""

    __slots__ = ()

    cache_creation_input_tokens: int | None
    cache_read_input_tokens: int | None
    fallback_credit: BetaFallbackCreditUsage | None
    input_tokens: int | None
    iterations: BetaIterationsUsage | None
    output_tokens: int
    output_tokens_details: OutputTokensDetails | None
    server_tool_use: ServerToolUsage | None
