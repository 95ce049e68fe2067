"""The most streams that are held is found by halving, and found again from where it was."""

from __future__ import annotations

import pytest
from benchmarks.scenarios.held import LADDER, held, highest

STEPS = range(-1, len(LADDER))


class Contestant:
    """Holds all steps up to one, and counts how often it is asked."""

    def __init__(self, step: int) -> None:
        self.most = held(step)
        self.asked = 0

    def late(self, streams: int) -> bool:
        self.asked += 1
        return streams > self.most


@pytest.mark.parametrize("near", [None, *STEPS])
def test_the_highest_step_is_found_wherever_the_search_begins(near: int | None) -> None:
    assert [highest(Contestant(step).late, near) for step in STEPS] == list(STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_two_questions_are_enough_where_nothing_has_changed(step: int) -> None:
    contestant = Contestant(step)
    highest(contestant.late, step)
    assert contestant.asked <= 2
