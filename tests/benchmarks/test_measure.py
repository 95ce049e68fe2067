"""Medians, ratios and growth."""

from __future__ import annotations

import dataclasses

import pytest
from benchmarks.measure import Row, Spread, Target, column, exponent, ratios, row_from, spread


def test_a_spread_is_median_lowest_highest() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_ratios_are_taken_within_a_round() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_a_round_that_one_side_missed_has_no_ratio() -> None:
    assert ratios([2.0, 9.0], [1.0]) == [2.0]


@pytest.mark.parametrize(("power", "found"), [(1, 1.0), (2, 2.0), (0, 0.0)])
def test_growth_is_the_exponent(power: int, found: float) -> None:
    sizes = [10.0, 100.0, 1000.0]
    assert exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(found)


@pytest.mark.parametrize(
    ("target", "ratio", "met"),
    [
        (Target("official", 0.05), 0.05, True),
        (Target("official", 0.05), 0.06, False),
        (Target("official", 6, at_least=True), 7, True),
        (Target("official", 6, at_least=True), 5, False),
    ],
)
def test_a_target_is_met_or_not(target: Target, ratio: float, met: bool) -> None:
    assert target.met(ratio) is met


def test_a_row_compares_round_by_round() -> None:
    row = Row("x", "µs", {"tailrace": [1.0, 2.0], "official": [10.0, 10.0]})
    assert row.ratio("official") == Spread(pytest.approx(0.15), 0.1, 0.2)  # type: ignore[arg-type]
    assert row.ratio("floor") is None


def test_a_kept_row_comes_back() -> None:
    row = Row("x", "µs", {"tailrace": [1.0]}, [Target("floor", 2)], series="s", size=3)
    assert row_from(dataclasses.asdict(row)) == row


def test_a_column_leaves_out_who_lacks_the_figure() -> None:
    results = {"a": [{"cpu": 1.0}, {"cpu": 2.0}], "b": [{"rss": 1.0}], "c": []}
    results["d"] = [{"cpu": 1.0}, {"rss": 1.0}]
    assert column(results, "cpu", 10) == {"a": [10.0, 20.0]}
