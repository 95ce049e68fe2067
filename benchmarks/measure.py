"""Numbers: rounds of measurements, their medians and spread, and ratios.

A ratio is taken within a round, where both sides ran one after the other on the same machine in
the same mood; the median of the rounds' ratios is what counts, and its spread is shown with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import linear_regression, median
from typing import Any

SUBJECT = "tailrace"


@dataclass(frozen=True)
class Spread:
    """The median of some values, the lowest and the highest."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(median(values), min(values), max(values))


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round, how many times `below` goes into `above`."""
    return [a / b for a, b in zip(above, below, strict=False) if b > 0]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """How the cost grows with the size: 1 is linear, 2 is quadratic."""
    slope, _ = linear_regression([math.log(s) for s in sizes], [math.log(c) for c in costs])
    return slope


@dataclass(frozen=True)
class Target:
    """What was asked of Tailrace: at most `bound` times `against`, or at least."""

    against: str
    bound: float
    at_least: bool = False

    def met(self, ratio: float) -> bool:
        """Whether a ratio of Tailrace's value to the other's is good enough."""
        return ratio >= self.bound if self.at_least else ratio <= self.bound


@dataclass(frozen=True)
class Row:
    """One figure: what each contestant took, a value a round."""

    label: str
    unit: str
    values: dict[str, list[float]]
    targets: list[Target] = field(default_factory=list)
    plotted: bool = True
    series: str = ""
    """The line of a picture that the row is a point of, at `size`."""
    size: float = 0

    def ratio(self, against: str) -> Spread | None:
        """Tailrace's value divided by another's; `None` where one of them is missing."""
        found = ratios(self.values.get(SUBJECT, []), self.values.get(against, []))
        return spread(found) if found else None


def row_from(data: dict[str, Any]) -> Row:
    """A row, from what `dataclasses.asdict` made of it."""
    return Row(**{**data, "targets": [Target(**target) for target in data["targets"]]})


Results = dict[str, list[dict[str, float]]]
"""What `Bench.alternate` found: for each contestant, a dictionary of figures a round."""


def column(results: Results, key: str, times: float = 1.0) -> dict[str, list[float]]:
    """One figure of each contestant that had it in every round, a value a round."""
    return {
        name: [figures[key] * times for figures in rounds]
        for name, rounds in results.items()
        if rounds and all(key in figures for figures in rounds)
    }
