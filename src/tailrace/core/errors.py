"""Every error, on one page, by whose fault it is.

AnthropicError
├ StreamClosedError                 yours: the stream was closed before it was read to its end
├ RetryableError                    yours, from a hook: "try this attempt again"
├ CredentialsError
│ └ IdentityTokenFileError
└ APIError                          .message .request .body .partial .attempts
  ├ APIResponseValidationError      the answer is not what the API documents
  ├ APIWebhookValidationError
  ├ APIConnectionError              the way to the API
  │ ├ APITimeoutError               a clock ran out: .clock .seconds
  │ ├ StreamTruncatedError          a reply was cut: .partial .complete_blocks
  │ └ StreamProtocolError           what arrived is not a Claude stream
  └ APIStatusError                  the API said no: .status_code .type .request_id …
    ├ BadRequestError 400 …         one class a status, and below it one an `error_code`
    └ InternalServerError           any other 5xx

An error that ends a stream carries what had arrived in `partial`. Errors hold no open connection
and no secret, so they can be pickled, copied and logged; texts never quote the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from .http import Request, Response
from .rate_limits import RateLimits
from .view import View

if TYPE_CHECKING:
    from .content import Message


class AnthropicError(Exception):
    """The root of every error this library raises on purpose."""

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(kind: type[AnthropicError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class StreamClosedError(AnthropicError):
    """The stream was closed before its end, so there is no final message.

    `partial` is the message as far as it had arrived, `None` if nothing had.
    """

    def __init__(self, message: str, *, partial: Message | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class RetryableError(AnthropicError):
    """Raised by a hook to have the attempt repeated like a transient failure."""


class CredentialsError(AnthropicError):
    """No usable credential could be had."""


class IdentityTokenFileError(CredentialsError):
    """The file that should hold an identity token could not be used; `path` names it."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class APIError(AnthropicError):
    """Something went wrong between the request and the last event of its answer.

    `body` is the parsed JSON of an error answer, or its text. `partial` is the message as far as
    it had arrived, `None` before the first event. `attempts` lists the tries that were made.
    """

    message: str
    request: Request | None
    body: object | None

    def __init__(self, message: str, request: Any = None, *, body: object | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.body = body
        self.partial: Message | None = None
        self.attempts: tuple[Any, ...] = ()


class APIResponseValidationError(APIError):
    """The answer is not what the API documents."""

    def __init__(self, response: Any, body: object | None, *, message: str | None = None) -> None:
        super().__init__(
            message or "Data returned by API invalid for expected schema.",
            getattr(response, "request", None),
            body=body,
        )
        self.response = response
        self.status_code: int = response.status_code


class APIWebhookValidationError(APIError):
    """A webhook's signature or body did not hold."""


class APIConnectionError(APIError):
    """The API could not be reached, or the connection was lost. `__cause__` says by what."""

    def __init__(self, *, message: str = "Connection error.", request: Any = None) -> None:
        super().__init__(message, request, body=None)
        self.permanent = False
        """Whether trying again cannot help, as with a certificate that does not verify."""


class APITimeoutError(APIConnectionError):
    """A clock ran out.

    `clock` names it (`"connect"`, `"first_event"`, `"idle"`, `"progress"` or `"total"`), `seconds`
    is its setting.
    """

    def __init__(
        self,
        request: Any = None,
        *,
        message: str = "Request timed out.",
        clock: str | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__(message=message, request=request)
        self.clock = clock
        self.seconds = seconds


class _BrokenStreamError(APIConnectionError):
    def __init__(
        self,
        message: str,
        *,
        request: Any = None,
        request_id: str | None = None,
        partial: Message | None = None,
        complete_blocks: tuple[int, ...] = (),
    ) -> None:
        super().__init__(message=message, request=request)
        self.request_id = request_id
        self.partial = partial
        self.complete_blocks = complete_blocks


class StreamTruncatedError(_BrokenStreamError):
    """The reply was cut: the stream ended before the API said that the message was finished.

    `partial` is the message as far as it had arrived (`None` if it had not begun), and
    `complete_blocks` are the indices of its content blocks that had been finished.
    """


class StreamProtocolError(_BrokenStreamError):
    """What arrived is not a Claude stream: malformed JSON, an HTML page, events out of order.

    `partial` and `complete_blocks` are as in `StreamTruncatedError`.
    """


class APIStatusError(APIError):
    """The API answered with an error: by its HTTP status, or by an `error` event in a stream.

    `status_code` is the HTTP status (200 for an `error` event after the headers). `type` is the
    API's `error.type`, `api_message` its text, `error_code` and `details` its details.
    """

    response: Any
    status_code: int
    request_id: str | None
    workspace_id: str | None

    @property
    def rate_limits(self) -> RateLimits:
        """What the answer's headers say of the key's rate limits."""
        return RateLimits.from_headers(self.response.headers)

    def __init__(self, message: str, *, response: Any, body: object | None) -> None:
        super().__init__(message, getattr(response, "request", None), body=body)
        self.response = response
        self.status_code = response.status_code
        headers: Mapping[str, str] = response.headers
        self.request_id = headers.get("request-id")
        self.workspace_id = headers.get("anthropic-workspace-id")
        error = _error_object(body)
        details = error.get("details")
        is_object = isinstance(details, dict)
        self.type: str | None = error.get("type")
        self.api_message: str | None = error.get("message")
        self.details: Any = View(cast("dict[str, Any]", details)) if is_object else details
        self.error_code: str | None = (
            cast("dict[str, Any]", details).get("error_code") if is_object else None
        )


class BadRequestError(APIStatusError):
    """400: the request is not one the API accepts (`invalid_request_error`)."""

    status_code: int = 400


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong (`authentication_error`)."""

    status_code: int = 401


class PaymentRequiredError(APIStatusError):
    """402: billing (`billing_error`)."""

    status_code: int = 402


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this (`permission_error`)."""

    status_code: int = 403


class NotFoundError(APIStatusError):
    """404: no such model or path (`not_found_error`)."""

    status_code: int = 404


class RequestTimeoutError(APIStatusError):
    """408: the server gave up waiting for the request."""

    status_code: int = 408


class ConflictError(APIStatusError):
    """409 (`conflict_error`)."""

    status_code: int = 409


class PreconditionFailedError(APIStatusError):
    """412."""

    status_code: int = 412


class ContentTooLargeError(APIStatusError):
    """413: the request is over the API's size limit (`request_too_large`)."""

    status_code: int = 413


class UnprocessableEntityError(APIStatusError):
    """422."""

    status_code: int = 422


class RateLimitError(APIStatusError):
    """429: too many requests or tokens (`rate_limit_error`)."""

    status_code: int = 429


class RequestHeaderFieldsTooLargeError(APIStatusError):
    """431."""

    status_code: int = 431


class ClientClosedRequestError(APIStatusError):
    """499."""

    status_code: int = 499


class InternalServerError(APIStatusError):
    """A 5xx without a class of its own (`api_error`)."""


class HTTPNotImplementedError(InternalServerError):
    """501."""

    status_code: int = 501


class ServiceUnavailableError(InternalServerError):
    """503."""

    status_code: int = 503


class GatewayTimeoutError(InternalServerError):
    """504 (`timeout_error`)."""

    status_code: int = 504


class OverloadedError(InternalServerError):
    """529: the API is overloaded (`overloaded_error`)."""

    status_code: int = 529


RequestTooLargeError = ContentTooLargeError
DeadlineExceededError = GatewayTimeoutError


# One class for each `error.details.error_code` that a user of the Messages API can meet. Each is
# its status's class, so that handlers of the status catch it.


class ClaudeCodeKeyCreatorNotMemberError(BadRequestError):
    """The key's creator is no member of the organization."""


class ClaudeCodeVersionTooOldError(BadRequestError):
    """The calling tool is older than the API accepts."""


class CMEKKeyDisabledError(BadRequestError):
    """The customer-managed encryption key is disabled."""


class CMEKKeyNetworkBlockedError(BadRequestError):
    """The customer-managed encryption key is behind a network block."""


class OrganizationOnHoldError(BadRequestError):
    """The organization is on hold."""


class OrganizationTypeNotSupportedError(BadRequestError):
    """The organization's type does not support this."""


class ParentOrganizationRequiredError(BadRequestError):
    """A parent organization is needed."""


class RequestBodyEncodingInvalidError(BadRequestError):
    """The body is not in the encoding its header names."""


class RequestBodyEncodingUnsupportedError(BadRequestError):
    """The body's encoding is not supported."""


class LinkedOrganizationBillingUnavailableError(PaymentRequiredError):
    """The linked organization's billing is unavailable."""


class LinkedOrganizationSpendLimitReachedError(PaymentRequiredError):
    """The linked organization's spend limit is reached."""


class SandboxEgressRestrictedError(PermissionDeniedError):
    """The sandbox may not reach that address."""


class RequestBodyTooLargeAfterDecodingError(ContentTooLargeError):
    """The decoded body is over the limit."""


class ContractSpendLimitReachedError(RateLimitError):
    """The contract's spend limit is reached; waiting does not help."""


class EnforcedSpendLimitReachedError(RateLimitError):
    """The enforced spend limit is reached; waiting does not help."""


class RampLimitExceededError(RateLimitError):
    """Usage rose faster than the API allows."""


class CMEKContextUnavailableError(ServiceUnavailableError):
    """The encryption context is unavailable."""


class CMEKKeyUnreachableError(ServiceUnavailableError):
    """The customer-managed encryption key cannot be reached."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    412: PreconditionFailedError,
    413: ContentTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    431: RequestHeaderFieldsTooLargeError,
    499: ClientClosedRequestError,
    501: HTTPNotImplementedError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
    529: OverloadedError,
}

_BY_CODE: dict[tuple[int, str], type[APIStatusError]] = {
    (400, "claude_code_key_creator_not_member"): ClaudeCodeKeyCreatorNotMemberError,
    (400, "claude_code_version_too_old"): ClaudeCodeVersionTooOldError,
    (400, "cmek_key_disabled"): CMEKKeyDisabledError,
    (400, "cmek_key_network_blocked"): CMEKKeyNetworkBlockedError,
    (400, "organization_on_hold"): OrganizationOnHoldError,
    (400, "organization_type_not_supported"): OrganizationTypeNotSupportedError,
    (400, "parent_organization_required"): ParentOrganizationRequiredError,
    (400, "request_body_encoding_invalid"): RequestBodyEncodingInvalidError,
    (400, "request_body_encoding_unsupported"): RequestBodyEncodingUnsupportedError,
    (402, "linked_organization_billing_unavailable"): LinkedOrganizationBillingUnavailableError,
    (402, "linked_organization_spend_limit_reached"): LinkedOrganizationSpendLimitReachedError,
    (403, "sandbox_egress_restricted"): SandboxEgressRestrictedError,
    (413, "request_body_too_large_after_decoding"): RequestBodyTooLargeAfterDecodingError,
    (429, "contract_spend_limit_reached"): ContractSpendLimitReachedError,
    (429, "enforced_spend_limit_reached"): EnforcedSpendLimitReachedError,
    (429, "ramp_limit_exceeded"): RampLimitExceededError,
    (503, "cmek_context_unavailable"): CMEKContextUnavailableError,
    (503, "cmek_key_unreachable"): CMEKKeyUnreachableError,
}

# What an `error` event's type would have been as a status (the API's errors page).
STATUS_OF_TYPE: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def status_error(response: Response, body: object | None) -> APIStatusError:
    """The error an HTTP answer outside 2xx means; `body` is its JSON, or its text."""
    status = response.status_code
    if body is None or body == "":
        message = f"Error code: {status}"
    elif isinstance(body, str):
        message = body.strip() or f"Error code: {status}"
    else:
        message = f"Error code: {status} - {body}"
    return _class_for(status, body)(message, response=response.redacted(), body=body)


def stream_error(response: Response, body: object | None) -> APIStatusError:
    """The error an `error` event means: the class of its `error.type`, `status_code` as it came."""
    kind = _error_object(body).get("type")
    status = STATUS_OF_TYPE.get(kind, 0) if isinstance(kind, str) else 0
    message = str(body) if body else f"Error code: {response.status_code}"
    return _class_for(status, body)(message, response=response.redacted(), body=body)


def _class_for(status: int, body: object | None) -> type[APIStatusError]:
    details = _error_object(body).get("details")
    code = cast("dict[str, Any]", details).get("error_code") if isinstance(details, dict) else None
    fallback = InternalServerError if status >= 500 else APIStatusError
    return _BY_CODE.get((status, str(code))) or _BY_STATUS.get(status, fallback)


def _error_object(body: object | None) -> dict[str, Any]:
    """The `error` object of `{"type": "error", "error": {…}}`, or an empty one."""
    if isinstance(body, dict):
        error = cast("dict[str, Any]", body).get("error")
        if isinstance(error, dict):
            return cast("dict[str, Any]", error)
    return {}
