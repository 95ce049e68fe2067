"""Rate limits: buckets of requests and tokens per minute, and the headers that tell of them.

A token bucket each, as the API's rate limits page describes: full at first, refilled evenly, so
that 60 requests a minute is one a second after the first burst. Time is an argument, in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from tailrace.simulator.api_errors import ApiError

_GUIDE = "https://docs.claude.com/en/api/rate-limits"


@dataclass(frozen=True)
class Quota:
    """What an organization may use in a minute."""

    requests_per_minute: int = 4_000
    input_tokens_per_minute: int = 2_000_000
    output_tokens_per_minute: int = 400_000

    def __post_init__(self) -> None:
        for name in ("requests", "input_tokens", "output_tokens"):
            if getattr(self, f"{name}_per_minute") < 1:
                raise ValueError(f"{name}_per_minute must be at least 1")


class _Bucket:
    def __init__(self, capacity: int, unit: str) -> None:
        self.capacity = capacity
        self.unit = unit
        self._level = float(capacity)
        self._at = -math.inf

    def level(self, now: float) -> float:
        gained = (now - self._at) * self.capacity / 60 if self._at > -math.inf else math.inf
        self._level = min(self._level + max(gained, 0.0), self.capacity)
        self._at = now
        return self._level

    def take(self, amount: float, now: float) -> None:
        self.level(now)
        self._level -= amount

    def wait(self, amount: float, now: float) -> float:
        """The seconds until that much is there; a bucket smaller than that needs to be full."""
        missing = min(amount, self.capacity) - self.level(now)
        return max(missing, 0.0) * 60 / self.capacity


class Meter:
    """Counts what is used. With `enforced` off it only tells of it, and lets everything through."""

    def __init__(self, quota: Quota | None = None) -> None:
        self._enforced = quota is not None
        quota = quota or Quota()
        self._requests = _Bucket(quota.requests_per_minute, "requests")
        self._input = _Bucket(quota.input_tokens_per_minute, "input tokens")
        self._output = _Bucket(quota.output_tokens_per_minute, "output tokens")

    def admit(self, input_tokens: int, now: float) -> ApiError | None:
        """Count a request, or say that it comes too early; then nothing is counted."""
        wanted = ((self._requests, 1), (self._input, input_tokens), (self._output, 1))
        if self._enforced:
            for bucket, amount in wanted:
                wait = bucket.wait(amount, now)
                if wait > 0:
                    return _too_early(bucket, wait)
        for bucket, amount in wanted[:2]:
            bucket.take(amount, now)
        return None

    def spend(self, output_tokens: int, now: float) -> None:
        """Count what a reply had; only its real length counts, not `max_tokens`."""
        self._output.take(output_tokens, now)

    def headers(self, now: float) -> dict[str, str]:
        """The `anthropic-ratelimit-*` headers; tokens are rounded to thousands, as at the API."""
        least = min((self._input, self._output), key=lambda one: one.level(now) / one.capacity)
        named = {
            "requests": self._requests,
            "input-tokens": self._input,
            "output-tokens": self._output,
            "tokens": least,
        }
        headers: dict[str, str] = {}
        for name, bucket in named.items():
            left = max(bucket.level(now), 0.0)
            rounded = int(left) if name == "requests" else round(left, -3)
            prefix = f"anthropic-ratelimit-{name}"
            headers[f"{prefix}-limit"] = str(bucket.capacity)
            headers[f"{prefix}-remaining"] = str(int(rounded))
            headers[f"{prefix}-reset"] = _rfc3339(now + bucket.wait(bucket.capacity, now))
        return headers


def _too_early(bucket: _Bucket, wait: float) -> ApiError:
    message = (
        f"This request would exceed your organization's rate limit of {bucket.capacity:,} "
        f"{bucket.unit} per minute. For details, refer to: {_GUIDE}."
    )
    return ApiError(429, message, headers={"retry-after": str(math.ceil(wait))})


def _rfc3339(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
