"""What the `anthropic-ratelimit-*` headers of an answer say.

Source: the API's rate limits page. Token counts are rounded to thousands by the API; `tokens` is
the most restrictive of the token limits in force. A header that is missing or malformed reads as
`None`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

_PREFIX = "anthropic-"


class Limit(msgspec.Struct, frozen=True):
    """One limit: how much a minute, how much is left, and when it is full again."""

    limit: int | None = None
    remaining: int | None = None
    reset: datetime | None = None


class RateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the key, as of one answer.

    `requests` counts requests, the others tokens, each a minute. `retry_after` is the pause in
    seconds that a refused request was asked to make.
    """

    requests: Limit = Limit()
    tokens: Limit = Limit()
    input_tokens: Limit = Limit()
    output_tokens: Limit = Limit()
    priority_input_tokens: Limit = Limit()
    priority_output_tokens: Limit = Limit()
    fast_input_tokens: Limit = Limit()
    fast_output_tokens: Limit = Limit()
    retry_after: float | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> RateLimits:
        """The limits that response headers tell."""
        found = {name: _limit(headers, _PREFIX + middle) for name, middle in _HEADERS.items()}
        after = headers.get("retry-after")
        plain = after and after.isascii() and after.replace(".", "", 1).isdigit()
        seconds = float(after) if after and plain else None
        return cls(**found, retry_after=seconds)


_HEADERS = {
    "requests": "ratelimit-requests",
    "tokens": "ratelimit-tokens",
    "input_tokens": "ratelimit-input-tokens",
    "output_tokens": "ratelimit-output-tokens",
    "priority_input_tokens": "priority-input-tokens",
    "priority_output_tokens": "priority-output-tokens",
    "fast_input_tokens": "fast-input-tokens",
    "fast_output_tokens": "fast-output-tokens",
}


def _limit(headers: Mapping[str, str], name: str) -> Limit:
    return Limit(
        _count(headers.get(f"{name}-limit")),
        _count(headers.get(f"{name}-remaining")),
        _moment(headers.get(f"{name}-reset")),
    )


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
