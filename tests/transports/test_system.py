"""Which clock is read."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tailrace.transports import system


@pytest.mark.parametrize(
    ("platform", "names", "expected"),
    [
        ("linux", {"CLOCK_BOOTTIME": 7, "CLOCK_MONOTONIC": 1}, 7),
        ("darwin", {"CLOCK_MONOTONIC": 6}, 6),
        ("linux", {"CLOCK_MONOTONIC": 1}, None),
        ("win32", {"CLOCK_MONOTONIC": 1}, None),
    ],
)
def test_a_clock_that_counts_sleep_is_preferred(
    platform: str, names: dict[str, int], expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Time:
        monotonic = staticmethod(lambda: -1)
        clock_gettime = staticmethod(lambda clock_id: clock_id)

    fake: Any = Time()
    for name, value in names.items():
        setattr(fake, name, value)
    monkeypatch.setattr(system, "time", fake)
    assert system._clock(platform)() == (-1 if expected is None else expected)


def test_the_clock_goes_on() -> None:
    before = system.monotonic()
    assert before <= system.monotonic() <= before + 1000
    assert abs(system.SystemTime().wall() - time.time()) < 1000
