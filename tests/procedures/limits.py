"""What every limiter keeps, whichever store its budget is in.

`ask(limiter, …)` gives the seconds that a call would have to wait, without waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tailrace.procedures.limiting import RateLimiter


class Waits(Exception):
    """Raised in place of a pause."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class NoPause:
    """A wire on which nobody sleeps: the pause that was asked for is raised."""

    def monotonic(self) -> float:
        return time.monotonic()

    def chance(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise Waits(seconds)


WIRE: Any = NoPause()
Run = Callable[[Any], Any]


def check_limiter(make: Callable[..., RateLimiter], run: Run) -> None:
    """`make(**budgets)` makes a limiter of its own budget; `run` runs one of its coroutines."""

    def ask(limiter: RateLimiter, tokens: int = 0) -> float:
        try:
            run(limiter.enter(WIRE, tokens))
        except Waits as wait:
            return wait.seconds
        return 0.0

    requests = make(requests_per_minute=2)
    assert [ask(requests), ask(requests)] == [0, 0]
    assert 29 < ask(requests) <= 30
    assert 29 < ask(requests) <= 30  # waiting took nothing

    tokens = make(input_tokens_per_minute=600)
    assert ask(tokens, 500) == 0
    assert 39 < ask(tokens, 500) <= 40
    run(tokens.leave(WIRE, 500, {"input_tokens": 50, "cache_creation_input_tokens": 50}))
    assert ask(tokens, 400) == 0

    output = make(output_tokens_per_minute=60)
    assert ask(output) == 0
    run(output.leave(WIRE, 0, {"output_tokens": 100}))
    assert 40 < ask(output) <= 41

    frozen = make()
    assert ask(frozen) == 0
    run(frozen.refused(WIRE, 50))
    run(frozen.refused(WIRE, 5))
    assert 49 < ask(frozen) <= 50

    free = make()
    assert not any(ask(free, 10**6) for _ in range(20))
