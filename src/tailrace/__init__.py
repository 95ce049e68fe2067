"""Tailrace streams Claude's replies token by token, from the model to every screen.

The names are those of the official `anthropic` SDK, so `import tailrace as anthropic` works for its
streaming surface. Each name is loaded when it is first used: importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import types as types
    from .aio.client import AsyncAnthropic as AsyncAnthropic
    from .aio.responses import AsyncAPIResponse as AsyncAPIResponse
    from .aio.streams import AsyncMessageStream as AsyncMessageStream
    from .aio.streams import AsyncMessageStreamManager as AsyncMessageStreamManager
    from .aio.streams import AsyncStream as AsyncStream
    from .aio.tools import AsyncToolRunner as AsyncToolRunner
    from .core.clocks import DEFAULT_TIMEOUT as DEFAULT_TIMEOUT
    from .core.clocks import Timeout as Timeout
    from .core.cursor import RESTARTED as RESTARTED
    from .core.errors import AnthropicError as AnthropicError
    from .core.errors import APIConnectionError as APIConnectionError
    from .core.errors import APIError as APIError
    from .core.errors import APIResponseValidationError as APIResponseValidationError
    from .core.errors import APIStatusError as APIStatusError
    from .core.errors import APITimeoutError as APITimeoutError
    from .core.errors import APIWebhookValidationError as APIWebhookValidationError
    from .core.errors import AuthenticationError as AuthenticationError
    from .core.errors import BadRequestError as BadRequestError
    from .core.errors import (
        ClaudeCodeKeyCreatorNotMemberError as ClaudeCodeKeyCreatorNotMemberError,
    )
    from .core.errors import ClaudeCodeVersionTooOldError as ClaudeCodeVersionTooOldError
    from .core.errors import ClientClosedRequestError as ClientClosedRequestError
    from .core.errors import CMEKContextUnavailableError as CMEKContextUnavailableError
    from .core.errors import CMEKKeyDisabledError as CMEKKeyDisabledError
    from .core.errors import CMEKKeyNetworkBlockedError as CMEKKeyNetworkBlockedError
    from .core.errors import CMEKKeyUnreachableError as CMEKKeyUnreachableError
    from .core.errors import ConflictError as ConflictError
    from .core.errors import ContentTooLargeError as ContentTooLargeError
    from .core.errors import ContractSpendLimitReachedError as ContractSpendLimitReachedError
    from .core.errors import CredentialsError as CredentialsError
    from .core.errors import DeadlineExceededError as DeadlineExceededError
    from .core.errors import EnforcedSpendLimitReachedError as EnforcedSpendLimitReachedError
    from .core.errors import GatewayTimeoutError as GatewayTimeoutError
    from .core.errors import HTTPNotImplementedError as HTTPNotImplementedError
    from .core.errors import IdentityTokenFileError as IdentityTokenFileError
    from .core.errors import InternalServerError as InternalServerError
    from .core.errors import (
        LinkedOrganizationBillingUnavailableError as LinkedOrganizationBillingUnavailableError,
    )
    from .core.errors import (
        LinkedOrganizationSpendLimitReachedError as LinkedOrganizationSpendLimitReachedError,
    )
    from .core.errors import NotFoundError as NotFoundError
    from .core.errors import OrganizationOnHoldError as OrganizationOnHoldError
    from .core.errors import OrganizationTypeNotSupportedError as OrganizationTypeNotSupportedError
    from .core.errors import OverloadedError as OverloadedError
    from .core.errors import ParentOrganizationRequiredError as ParentOrganizationRequiredError
    from .core.errors import PaymentRequiredError as PaymentRequiredError
    from .core.errors import PermissionDeniedError as PermissionDeniedError
    from .core.errors import PreconditionFailedError as PreconditionFailedError
    from .core.errors import RampLimitExceededError as RampLimitExceededError
    from .core.errors import RateLimitError as RateLimitError
    from .core.errors import RequestBodyEncodingInvalidError as RequestBodyEncodingInvalidError
    from .core.errors import (
        RequestBodyEncodingUnsupportedError as RequestBodyEncodingUnsupportedError,
    )
    from .core.errors import (
        RequestBodyTooLargeAfterDecodingError as RequestBodyTooLargeAfterDecodingError,
    )
    from .core.errors import RequestHeaderFieldsTooLargeError as RequestHeaderFieldsTooLargeError
    from .core.errors import RequestTimeoutError as RequestTimeoutError
    from .core.errors import RequestTooLargeError as RequestTooLargeError
    from .core.errors import RetryableError as RetryableError
    from .core.errors import SandboxEgressRestrictedError as SandboxEgressRestrictedError
    from .core.errors import ServiceUnavailableError as ServiceUnavailableError
    from .core.errors import StreamClosedError as StreamClosedError
    from .core.errors import StreamProtocolError as StreamProtocolError
    from .core.errors import StreamTruncatedError as StreamTruncatedError
    from .core.errors import UnprocessableEntityError as UnprocessableEntityError
    from .core.events import CitationEvent as CitationEvent
    from .core.events import CompactionEvent as CompactionEvent
    from .core.events import ContentBlockStopEvent as ContentBlockStopEvent
    from .core.events import InputJsonEvent as InputJsonEvent
    from .core.events import MessageStopEvent as MessageStopEvent
    from .core.events import MessageStreamEvent as MessageStreamEvent
    from .core.events import ParsedContentBlockStopEvent as ParsedContentBlockStopEvent
    from .core.events import ParsedMessageStopEvent as ParsedMessageStopEvent
    from .core.events import ParsedMessageStreamEvent as ParsedMessageStreamEvent
    from .core.events import SignatureEvent as SignatureEvent
    from .core.events import StreamContinuedEvent as StreamContinuedEvent
    from .core.events import StreamRestartedEvent as StreamRestartedEvent
    from .core.events import TextEvent as TextEvent
    from .core.events import ThinkingEvent as ThinkingEvent
    from .core.given import NOT_GIVEN as NOT_GIVEN
    from .core.given import NotGiven as NotGiven
    from .core.given import Omit as Omit
    from .core.given import not_given as not_given
    from .core.given import omit as omit
    from .core.partial_json import PartialJSON as PartialJSON
    from .core.rate_limits import Limit as Limit
    from .core.rate_limits import RateLimits as RateLimits
    from .core.retry import DEFAULT_MAX_RETRIES as DEFAULT_MAX_RETRIES
    from .core.retry import Attempt as Attempt
    from .core.structured import OutputParseError as OutputParseError
    from .core.tools import Tool as Tool
    from .core.tools import ToolError as ToolError
    from .core.tools import ToolInputError as ToolInputError
    from .core.tools import tool as tool
    from .core.turns import ToolCall as ToolCall
    from .core.view import View as View
    from .procedures.hooks import Hooks as Hooks
    from .procedures.limiting import Limiter as Limiter
    from .procedures.limiting import RateLimiter as RateLimiter
    from .sync.client import Anthropic as Anthropic
    from .sync.responses import APIResponse as APIResponse
    from .sync.streams import MessageStream as MessageStream
    from .sync.streams import MessageStreamManager as MessageStreamManager
    from .sync.streams import Stream as Stream
    from .sync.tools import ToolRunner as ToolRunner

    Client = Anthropic
    AsyncClient = AsyncAnthropic
    BaseModel = View
    beta_tool = tool
    beta_async_tool = tool
    BetaMessageStream = MessageStream
    BetaMessageStreamManager = MessageStreamManager
    BetaAsyncMessageStream = AsyncMessageStream
    BetaAsyncMessageStreamManager = AsyncMessageStreamManager
    BetaInputJsonEvent = InputJsonEvent
    BetaTextEvent = TextEvent
    BetaMessageStopEvent = MessageStopEvent
    BetaMessageStreamEvent = MessageStreamEvent
    BetaContentBlockStopEvent = ContentBlockStopEvent
    ParsedBetaTextEvent = TextEvent
    ParsedBetaMessageStopEvent = MessageStopEvent
    ParsedBetaMessageStreamEvent = MessageStreamEvent
    ParsedBetaContentBlockStopEvent = ContentBlockStopEvent

# Where each name lives: its module, and its name there where that differs.
_HOMES: dict[str, str] = {
    "aio.client": "AsyncAnthropic AsyncClient=AsyncAnthropic",
    "aio.responses": "AsyncAPIResponse",
    "aio.streams": (
        "AsyncMessageStream AsyncMessageStreamManager AsyncStream "
        "BetaAsyncMessageStream=AsyncMessageStream "
        "BetaAsyncMessageStreamManager=AsyncMessageStreamManager"
    ),
    "core.clocks": "DEFAULT_TIMEOUT Timeout",
    "core.cursor": "RESTARTED",
    "core.errors": (
        "APIConnectionError APIError APIResponseValidationError APIStatusError APITimeoutError "
        "APIWebhookValidationError AnthropicError AuthenticationError BadRequestError "
        "CMEKContextUnavailableError CMEKKeyDisabledError CMEKKeyNetworkBlockedError "
        "CMEKKeyUnreachableError ClaudeCodeKeyCreatorNotMemberError ClaudeCodeVersionTooOldError "
        "ClientClosedRequestError ConflictError ContentTooLargeError "
        "ContractSpendLimitReachedError CredentialsError DeadlineExceededError "
        "EnforcedSpendLimitReachedError GatewayTimeoutError HTTPNotImplementedError "
        "IdentityTokenFileError InternalServerError LinkedOrganizationBillingUnavailableError "
        "LinkedOrganizationSpendLimitReachedError NotFoundError OrganizationOnHoldError "
        "OrganizationTypeNotSupportedError OverloadedError ParentOrganizationRequiredError "
        "PaymentRequiredError PermissionDeniedError PreconditionFailedError RampLimitExceededError "
        "RateLimitError RequestBodyEncodingInvalidError RequestBodyEncodingUnsupportedError "
        "RequestBodyTooLargeAfterDecodingError RequestHeaderFieldsTooLargeError "
        "RequestTimeoutError RequestTooLargeError RetryableError SandboxEgressRestrictedError "
        "ServiceUnavailableError StreamClosedError StreamProtocolError StreamTruncatedError "
        "UnprocessableEntityError"
    ),
    "core.events": (
        "CitationEvent CompactionEvent ContentBlockStopEvent InputJsonEvent MessageStopEvent "
        "MessageStreamEvent ParsedContentBlockStopEvent ParsedMessageStopEvent "
        "ParsedMessageStreamEvent SignatureEvent StreamContinuedEvent StreamRestartedEvent "
        "TextEvent ThinkingEvent "
        "BetaInputJsonEvent=InputJsonEvent BetaTextEvent=TextEvent "
        "BetaMessageStopEvent=MessageStopEvent BetaMessageStreamEvent=MessageStreamEvent "
        "BetaContentBlockStopEvent=ContentBlockStopEvent ParsedBetaTextEvent=TextEvent "
        "ParsedBetaMessageStopEvent=MessageStopEvent "
        "ParsedBetaMessageStreamEvent=MessageStreamEvent "
        "ParsedBetaContentBlockStopEvent=ContentBlockStopEvent"
    ),
    "core.given": "NOT_GIVEN NotGiven Omit not_given omit",
    "core.partial_json": "PartialJSON",
    "core.rate_limits": "Limit RateLimits",
    "core.structured": "OutputParseError",
    "core.tools": "Tool ToolError ToolInputError tool beta_tool=tool beta_async_tool=tool",
    "core.retry": "Attempt DEFAULT_MAX_RETRIES",
    "core.view": "View BaseModel=View",
    "procedures.hooks": "Hooks",
    "procedures.limiting": "Limiter RateLimiter",
    "sync.client": "Anthropic Client=Anthropic",
    "sync.responses": "APIResponse",
    "sync.tools": "ToolRunner",
    "aio.tools": "AsyncToolRunner",
    "core.turns": "ToolCall",
    "sync.streams": (
        "MessageStream MessageStreamManager Stream BetaMessageStream=MessageStream "
        "BetaMessageStreamManager=MessageStreamManager"
    ),
}

_WHERE: dict[str, tuple[str, str]] = {
    entry.partition("=")[0]: (module, entry.partition("=")[2] or entry)
    for module, entries in _HOMES.items()
    for entry in entries.split()
}

__all__ = ["__version__", "types", *sorted(_WHERE)]  # pyright: ignore[reportUnsupportedDunderAll]


if not TYPE_CHECKING:  # hidden, so that a mistyped name is an error for type checkers

    def __getattr__(name: str) -> Any:
        if name == "types":
            return import_module(".types", __name__)
        try:
            module, there = _WHERE[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        value = globals()[name] = getattr(import_module(f".{module}", __name__), there)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
