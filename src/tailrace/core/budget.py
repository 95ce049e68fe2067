"""How much of a rate limit is left, as of any moment: a value that is told of time and use.

Theory of operation. The API's limits are token buckets (rate limits page): a budget of so many a
minute that refills steadily up to its size. `Budget` holds one for requests, one for input tokens
and one for output tokens. A call is let in when none is in debt: it takes its request and its
estimated input at once; its output, which nobody knows before, is taken as it becomes known and may
leave a debt that later calls wait for. After a refusal with `retry-after` everything is frozen
until then. Nothing is held while waiting. Time is an argument, in seconds on a clock that never
jumps back.
"""

from __future__ import annotations

import msgspec

_MINUTE = 60.0


class Bucket(msgspec.Struct):
    """One budget: `size` a minute (`None`: no limit), `left` of it at time `at`."""

    size: float | None
    left: float = 0.0
    at: float | None = None

    def refill(self, now: float) -> None:
        """Bring `left` up to `now`."""
        if self.size is None:
            return
        if self.at is None:
            self.left = self.size
        else:
            self.left = min(self.size, self.left + (now - self.at) * self.size / _MINUTE)
        self.at = now

    def wait_for(self, amount: float) -> float:
        """Seconds until `amount` is there; a call larger than the whole waits for all of it."""
        if self.size is None:
            return 0.0
        missing = min(amount, self.size) - self.left
        return max(0.0, missing * _MINUTE / self.size)

    def take(self, amount: float) -> None:
        """Use some; may leave a debt."""
        if self.size is not None:
            self.left -= amount


class Budget:
    """The three budgets of one key and model class."""

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        input_tokens_per_minute: float | None = None,
        output_tokens_per_minute: float | None = None,
    ) -> None:
        for name, size in (
            ("requests_per_minute", requests_per_minute),
            ("input_tokens_per_minute", input_tokens_per_minute),
            ("output_tokens_per_minute", output_tokens_per_minute),
        ):
            if size is not None and not size > 0:
                raise ValueError(f"{name} must be positive, or None for no limit, not {size!r}")
        self.requests = Bucket(requests_per_minute)
        self.input_tokens = Bucket(input_tokens_per_minute)
        self.output_tokens = Bucket(output_tokens_per_minute)
        self.frozen_until = float("-inf")

    def ask(self, now: float, input_tokens: int) -> float:
        """Let a call in and return 0, or return how many seconds to wait before asking again."""
        buckets = (self.requests, self.input_tokens, self.output_tokens)
        for bucket in buckets:
            bucket.refill(now)
        wait = max(
            self.frozen_until - now,
            self.requests.wait_for(1),
            self.input_tokens.wait_for(input_tokens),
            self.output_tokens.wait_for(1),
        )
        if wait > 0:
            return wait
        self.requests.take(1)
        self.input_tokens.take(input_tokens)
        return 0.0

    def used(self, now: float, *, estimated: int, input_tokens: int, output_tokens: int) -> None:
        """Say what a call really used; its estimate is made good."""
        self.input_tokens.refill(now)
        self.output_tokens.refill(now)
        self.input_tokens.take(input_tokens - estimated)
        self.output_tokens.take(output_tokens)

    def freeze(self, until: float) -> None:
        """Let nobody in before `until`."""
        self.frozen_until = max(self.frozen_until, until)
