"""Waiting instead of colliding with the API's rate limits.

Theory of operation. One `Limiter` is shared by all calls of a process (threads, tasks, clients):
`core.budget` decides under a lock, and whoever must wait does so outside of it, a random bit longer
than asked so that waiters do not wake together. A refusal with `retry-after` freezes everybody.
What a call used is told when its reply ends. Anything with the same three methods will do in its
place, such as one that keeps its budget in Redis for many processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Protocol, cast

import msgspec

from tailrace.core.budget import Budget
from tailrace.core.errors import APIStatusError
from tailrace.core.retry import asked_wait

from .wire import Wire

JITTER = 0.1
"""How much longer than asked a waiter waits at most, as a share; so none wake together."""
_BYTES_PER_TOKEN = 4


class RateLimiter(Protocol):
    """What a client asks of a limiter."""

    async def enter(self, wire: Wire, input_tokens: int) -> None:
        """Wait, through `wire`, until a call of about so many input tokens may be made."""
        ...

    async def refused(self, wire: Wire, seconds: float) -> None:
        """The API refused a call and asked for a pause of so many seconds."""
        ...

    async def leave(self, wire: Wire, estimated: int, usage: Mapping[str, Any]) -> None:
        """A call ended; `usage` is what the API says it used."""
        ...


class Limiter:
    """A limiter for one process: so many requests and tokens a minute.

    `None` leaves a budget unlimited. Raises `ValueError` for a budget that is not positive.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        input_tokens_per_minute: float | None = None,
        output_tokens_per_minute: float | None = None,
    ) -> None:
        self._budget = Budget(
            requests_per_minute=requests_per_minute,
            input_tokens_per_minute=input_tokens_per_minute,
            output_tokens_per_minute=output_tokens_per_minute,
        )
        self._lock = Lock()

    async def enter(self, wire: Wire, input_tokens: int) -> None:
        """Wait until a call may be made; see `RateLimiter`."""
        while True:
            with self._lock:
                wait = self._budget.ask(wire.monotonic(), input_tokens)
            if not wait:
                return
            await wire.sleep(wait * (1 + JITTER * wire.chance()))

    async def refused(self, wire: Wire, seconds: float) -> None:
        """Freeze everybody for a time in seconds."""
        with self._lock:
            self._budget.freeze(wire.monotonic() + seconds)

    async def leave(self, wire: Wire, estimated: int, usage: Mapping[str, Any]) -> None:
        """Settle what a call used; see `RateLimiter`."""
        with self._lock:
            self._budget.used(
                wire.monotonic(),
                estimated=estimated,
                input_tokens=counted_input(usage),
                output_tokens=usage.get("output_tokens") or 0,
            )


def estimated_input(content: bytes) -> int:
    """About how many input tokens a request body is: a token for every four bytes."""
    return len(content) // _BYTES_PER_TOKEN


def counted_input(usage: Mapping[str, Any]) -> int:
    """The input tokens that count to the limit: those read from a cache do not."""
    return (usage.get("input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)


def usage_of(body: bytes) -> Mapping[str, Any]:
    """What a whole reply says it used; empty where it says nothing."""
    try:
        data: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    found: Any = cast("dict[str, Any]", data).get("usage") if isinstance(data, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def asked_pause(error: Exception, wall: float) -> float | None:
    """The pause a refusal asks everybody to make, in seconds; `None` if it is none."""
    if isinstance(error, APIStatusError) and error.status_code in (429, 529):
        return asked_wait(error, wall)
    return None
