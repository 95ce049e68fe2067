"""Judged ratios divide lowest by lowest, and are measured again before they are called worse."""

from __future__ import annotations

import pytest
from benchmarks.measure import Row
from benchmarks.ratios import LABELS, ROWS, ratio, settled

ROW = ROWS["request"][0]
(LABEL,) = (label for label in LABELS if ROW in label)


def rows(ours: list[float], theirs: list[float]) -> list[Row]:
    return [Row(ROW, "ms", {"tailrace": ours, "official": theirs}), Row("other", "ms", {})]


def test_the_lowest_of_each_side_counts() -> None:
    assert ratio({"tailrace": [3.0, 1.0, 2.0], "official": [10.0, 30.0]}) == 0.1


@pytest.mark.parametrize("values", [{}, {"tailrace": [1.0]}, {"tailrace": [], "official": [1.0]}])
def test_half_a_ratio_is_none(values: dict[str, list[float]]) -> None:
    assert ratio(values) is None


def test_a_ratio_that_is_too_high_is_measured_again() -> None:
    turns = iter([rows([5.0], [10.0]), rows([2.0], [10.0]), rows([1.0], [10.0])])
    found = settled("request", lambda: next(turns), lambda _, value: value > 0.3)
    assert found == {LABEL: 0.2}
    assert next(turns)


def test_a_ratio_that_stays_too_high_is_given_up() -> None:
    turns = iter([rows([5.0], [10.0])] * 4)
    found = settled("request", lambda: next(turns), lambda _, value: value > 0.3)
    assert found == {LABEL: 0.5}
    assert len(list(turns)) == 1


def test_a_scenario_without_the_row_gives_no_ratio() -> None:
    assert settled("request", list, lambda *_: False) == {}
