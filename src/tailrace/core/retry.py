"""Whether to try again, and when: a value that is told of failures.

Theory of operation. `Retry` is immutable. `after(error, …)` returns a new one with the failed try
in its `history` and the `wait` before the next, in seconds, or raises the error when it is not
transient or no try is left. It never sleeps; time and chance are arguments, so a test of backoff
takes no time. One owner: nothing below or above a client repeats a request, and `max_retries=0`
turns all of it off.

Transient (official-SDK policy and the API's errors page): connection errors and clocks, 408, 409,
429 and 5xx, whatever `x-should-retry` says, and the same errors when they come as an `error` event
after a 200. Not transient: everything else, certificates that do not verify, and a spend limit,
which answers 429 and keeps doing so.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from .errors import (
    STATUS_OF_TYPE,
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    ContractSpendLimitReachedError,
    EnforcedSpendLimitReachedError,
    RetryableError,
)
from .http import Headers

DEFAULT_MAX_RETRIES = 2

_LONGEST_WAIT = 4_294_967.0
_MOST_DOUBLINGS = 60  # further ones would leave the range of numbers
_SPEND_LIMITS = (ContractSpendLimitReachedError, EnforcedSpendLimitReachedError)


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try that failed, or the one that answered.

    `reason` is `"ok"` or says why it failed (an `error.type`, a clock, `"connection"`); `wait` is
    the pause after it in seconds, `None` if no other try followed.
    """

    number: int
    reason: str
    status_code: int | None = None
    request_id: str | None = None
    wait: float | None = None
    usage: dict[str, Any] | None = None


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """The policy and what has happened so far.

    `base` and `cap` bound the backoff in seconds: before try n+1 it waits a random part of
    `min(base * 2**n, cap)` (full jitter). `patience` is the longest time from the call to the
    beginning of another try, in seconds.
    """

    max_retries: int = DEFAULT_MAX_RETRIES
    base: float = 0.5
    cap: float = 8.0
    patience: float | None = None
    wait: float = 0.0
    history: tuple[Attempt, ...] = ()

    @property
    def tries(self) -> int:
        """How many tries have failed."""
        return len(self.history)

    def after(
        self,
        error: Exception,
        *,
        elapsed: float,
        chance: float,
        wall: float = 0.0,
        usage: dict[str, Any] | None = None,
    ) -> Retry:
        """The policy after a failed try; its `wait` is the pause before the next, in seconds.

        `elapsed` is the time since the call in seconds, `chance` a random number from 0 to 1,
        `wall` the time of day as seconds since the epoch (for `retry-after` dates), `usage` what
        the failed try is known to have used. Raises `error`
        itself, its `attempts` filled in, when there is to be no other try.
        """
        asked = asked_wait(error, wall)
        wait = (
            asked
            if asked is not None
            else chance * min(self.base * 2.0 ** min(self.tries, _MOST_DOUBLINGS), self.cap)
        )
        final = (
            self.tries >= self.max_retries
            or not is_transient(error)
            or (self.patience is not None and elapsed + wait > self.patience)
        )
        history = self.failed(error, None if final else wait, usage)
        if final:
            if isinstance(error, APIError):
                error.attempts = history
            raise error
        return msgspec.structs.replace(self, wait=wait, history=history)

    def failed(
        self,
        error: Exception,
        wait: float | None = None,
        usage: dict[str, Any] | None = None,
    ) -> tuple[Attempt, ...]:
        """The history with one more failed try; `usage` is what it is known to have used."""
        return (*self.history, _attempt(error, self.tries, wait, usage))


def is_transient(error: Exception) -> bool:
    """Whether the same request may well succeed a little later."""
    if isinstance(error, RetryableError):
        return True
    if isinstance(error, APIStatusError):
        should: str | None = _headers(error).get("x-should-retry")
        if should in ("true", "false"):
            return should == "true"
        if _is_spend_limit(error):
            return False
        status = error.status_code
        if status < 400:  # an `error` event after the headers
            status = STATUS_OF_TYPE.get(error.type or "", 0)
        return status in (408, 409, 429) or status >= 500
    if isinstance(error, APITimeoutError) and error.clock == "total":
        return False
    return isinstance(error, APIConnectionError) and not error.permanent


def asked_wait(error: Exception, wall: float) -> float | None:
    """The pause the server asked for, in seconds, or `None`.

    `retry-after-ms` wins over `retry-after`, which holds seconds or a date (RFC 9110, section
    10.2.3). Zero, negative and malformed values ask for nothing.
    """
    if not isinstance(error, APIStatusError):
        return None
    headers = _headers(error)
    wait = _number(headers.get("retry-after-ms"))
    if wait is not None:
        wait /= 1000
    else:
        after = headers.get("retry-after")
        wait = _number(after)
        if wait is None and after:
            try:
                when = parsedate_to_datetime(after)
            except (ValueError, TypeError, OverflowError):
                return None
            moment = when if when.tzinfo else when.replace(tzinfo=UTC)
            wait = (moment - datetime.fromtimestamp(wall, UTC)).total_seconds()
    if wait is None or not 0 < wait < math.inf:
        return None
    return min(wait, _LONGEST_WAIT)


def _is_spend_limit(error: APIStatusError) -> bool:
    if isinstance(error, _SPEND_LIMITS):
        return True
    headers = _headers(error)
    return (
        error.status_code == 429
        and "retry-after" not in headers
        and "retry-after-ms" not in headers
        and "spend" in (error.api_message or "").lower()
    )


def _headers(error: APIStatusError) -> Any:
    return getattr(error.response, "headers", None) or Headers()


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _attempt(
    error: Exception, tries: int, wait: float | None, usage: dict[str, Any] | None
) -> Attempt:
    reason = "connection"
    status: int | None = None
    request_id: str | None = getattr(error, "request_id", None)
    if isinstance(error, APIStatusError):
        reason, status = error.type or f"status {error.status_code}", error.status_code
    elif isinstance(error, APITimeoutError):
        reason = f"{error.clock} timeout" if error.clock else "timeout"
    elif isinstance(error, APIError) and type(error) is not APIConnectionError:
        reason = {"StreamTruncatedError": "truncated", "StreamProtocolError": "protocol"}.get(
            type(error).__name__, "connection"
        )
    return Attempt(
        number=tries + 1,
        reason=reason,
        status_code=status,
        request_id=request_id,
        wait=wait,
        usage=usage,
    )
