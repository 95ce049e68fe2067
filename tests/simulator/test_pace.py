from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.simulator.pace import Pace


def first(pace: Pace, count: int, seed: int = 0) -> list[float]:
    return list(islice(pace.gaps(Random(seed)), count))


def test_without_a_rate_nothing_waits() -> None:
    assert first(Pace(), 3) == [0.0, 0.0, 0.0]


def test_a_rate_is_an_even_gap() -> None:
    assert first(Pace(50), 3) == [0.02, 0.02, 0.02]


@given(st.floats(0, 1), st.integers())
def test_jitter_stays_within_its_bounds(jitter: float, seed: int) -> None:
    gaps = first(Pace(10, jitter=jitter), 50, seed)
    assert all(0.1 * (1 - jitter) - 1e-9 <= gap <= 0.1 * (1 + jitter) + 1e-9 for gap in gaps)


def test_jitter_keeps_the_mean() -> None:
    gaps = first(Pace(10, jitter=1.0), 20_000)
    assert sum(gaps) / len(gaps) == pytest.approx(0.1, rel=0.02)


def test_the_same_seed_gives_the_same_gaps() -> None:
    pace = Pace(10, jitter=0.5)
    assert first(pace, 20, 7) == first(pace, 20, 7) != first(pace, 20, 8)


@pytest.mark.parametrize(
    "fields",
    [
        {"tokens_per_second": 0},
        {"tokens_per_second": -1},
        {"first_token": -0.1},
        {"jitter": 1.1},
        {"first_token": float("nan")},
    ],
)
def test_an_impossible_pace_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        Pace(**fields)
