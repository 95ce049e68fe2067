"""How fast a reply comes: the gaps between its pieces, in seconds.

A pace is a value; it reads no clock and rolls no dice of its own. Who plays a reply adds the gaps
up to absolute deadlines, so that late timers do not add up to drift.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tempo of a reply.

    `tokens_per_second` is the mean rate of pieces of about one token; `None` sends them without
    waiting. `first_token` is the time to the first one, in seconds, counted from the reply's first
    event. `jitter` (0 to 1) spreads each later gap evenly between `1 - jitter` and `1 + jitter` of
    the mean, so that the mean rate stays as asked.
    """

    tokens_per_second: float | None = None
    first_token: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if self.tokens_per_second is not None and not self.tokens_per_second > 0:
            raise ValueError(
                f"tokens_per_second must be positive, or None for no waiting, "
                f"not {self.tokens_per_second}"
            )
        if not self.first_token >= 0:
            raise ValueError(f"first_token is a time in seconds, not {self.first_token}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must be between 0 and 1, not {self.jitter}")

    def gaps(self, rng: Random) -> Iterator[float]:
        """The seconds to wait before each piece, for ever."""
        if self.tokens_per_second is None:
            while True:
                yield 0.0
        mean = 1.0 / self.tokens_per_second
        while True:
            yield mean * (1.0 + self.jitter * (2.0 * rng.random() - 1.0)) if self.jitter else mean
