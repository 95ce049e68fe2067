"""Figures as people read them."""

from __future__ import annotations

import pytest
from benchmarks.measure import Row, Spread, Target
from benchmarks.plots import COLOURS
from benchmarks.tables import (
    NAMES,
    asked_and_found,
    figures,
    fraction,
    number,
    table,
    with_spread,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [(1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234"), (2.0, "2"), (0.0123, "0.0123")],
)
def test_numbers_have_three_digits(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(("ratio", "written"), [(0.05, "1/20"), (1.4, "1.4×"), (1.0, "1×")])
def test_ratios_are_said_as_people_do(ratio: float, written: str) -> None:
    assert fraction(ratio) == written


def test_spread_is_shown_where_there_is_one() -> None:
    assert with_spread(Spread(0.5, 0.25, 1.0)) == "1/2 (1/4 … 1×)"
    assert with_spread(Spread(0.5, 0.5, 0.5)) == "1/2"


def test_tables_are_aligned() -> None:
    lines = table(("a", "b"), [("xx", "1"), ("y", "22")]).splitlines()
    assert lines == ["| a  |  b |", "| -- | -: |", "| xx |  1 |", "| y  | 22 |"]


def test_missing_figures_are_dashes() -> None:
    rows = [Row("x", "µs", {"tailrace": [1.0], "official": [4.0]}), Row("y", "µs", {})]
    assert "–" in figures(rows).splitlines()[-1]
    assert "1/4" in figures(rows).splitlines()[-2]


def test_a_miss_is_said_plainly() -> None:
    row = Row("x", "µs", {"tailrace": [1.0], "official": [4.0]}, [Target("official", 1 / 8)])
    assert "**no**" in asked_and_found([row])


def test_every_contestant_has_a_name_and_a_colour() -> None:
    assert COLOURS.keys() == NAMES.keys()
