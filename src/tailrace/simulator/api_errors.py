"""The API's errors: statuses, types, texts and the body they come in.

From the API's errors page and recorded answers. A body is
`{"type": "error", "error": {"type", "message"}, "request_id"}`; an `error` event inside a stream is
the same without the request id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BY_STATUS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "Invalid request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is a problem with your billing information."),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "Not found"),
    405: ("invalid_request_error", "Method Not Allowed"),
    408: ("timeout_error", "Request timed out"),
    409: ("conflict_error", "The request conflicts with another one."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    422: ("invalid_request_error", "Unprocessable request"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    502: ("api_error", "Bad gateway"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}

# The status a type of error stands for; the first of those that share it.
_STATUS: dict[str, int] = {
    kind: status for status, (kind, _) in sorted(_BY_STATUS.items(), reverse=True)
} | {"timeout_error": 504, "api_error": 500, "invalid_request_error": 400}

ERROR_TYPES = tuple(_STATUS)
"""Every `error.type` the API documents."""


@dataclass(frozen=True)
class ApiError:
    """An answer that is an error: its HTTP status, `error.type`, text, and what else it has."""

    status: int
    message: str
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    details: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.type:
            object.__setattr__(self, "type", type_of(self.status))


def type_of(status: int) -> str:
    """The `error.type` of a status; unlisted ones are a client's fault below 500."""
    fallback = 500 if status >= 500 else 400
    return _BY_STATUS.get(status, _BY_STATUS[fallback])[0]


def status_of(kind: str) -> int:
    """The HTTP status of an `error.type`; 500 for an unknown one."""
    return _STATUS.get(kind, 500)


def text_of_status(status: int) -> str:
    """What the API says with this status when there is no more to say."""
    fallback = 500 if status >= 500 else 400
    return _BY_STATUS.get(status, _BY_STATUS[fallback])[1]


def error_body(
    kind: str,
    message: str | None = None,
    *,
    request_id: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The official error body; without a message, that of the type."""
    text = text_of_status(status_of(kind)) if message is None else message
    error: dict[str, Any] = {"type": kind, "message": text}
    if details is not None:
        error["details"] = dict(details)
    body: dict[str, Any] = {"type": "error", "error": error}
    return body if request_id is None else {**body, "request_id": request_id}
