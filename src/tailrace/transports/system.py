"""Real time and real chance, the same for every wire but the scripted one."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from functools import partial


def _clock(platform: str) -> Callable[[], float]:
    """A monotonic clock that goes on while the machine sleeps, where the system has one.

    Linux calls it `CLOCK_BOOTTIME`, macOS `CLOCK_MONOTONIC` (which is not what `time.monotonic`
    reads there); on Windows `time.monotonic` is such a clock.
    """
    name = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(platform, "")
    clock_id: int | None = getattr(time, name, None)
    if clock_id is None:
        return time.monotonic
    return partial(time.clock_gettime, clock_id)


monotonic = _clock(sys.platform)
"""Seconds on a clock that never jumps back."""

# The system's source of randomness, so that processes forked from one parent do not all wait alike.
_random = random.SystemRandom()


class SystemTime:
    """What a wire over a real network answers when it is asked for the time or for chance."""

    monotonic = staticmethod(monotonic)
    """Seconds on a clock that never jumps back and counts the machine's sleep if it can."""

    def wall(self) -> float:
        """The time of day, in seconds since the epoch."""
        return time.time()

    def chance(self) -> float:
        """A random number from 0 up to 1."""
        return _random.random()
