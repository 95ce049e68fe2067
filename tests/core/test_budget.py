"""The rate limit budget, with time as an argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.budget import Bucket, Budget


def test_a_full_bucket_lets_its_size_in_at_once_and_then_one_by_one():
    budget = Budget(requests_per_minute=3)
    assert [budget.ask(0, 0) for _ in range(4)] == [0, 0, 0, 20]
    assert budget.ask(19.9, 0) == pytest.approx(0.1)
    assert budget.ask(20, 0) == 0
    assert budget.ask(20, 0) == 20


def test_waiting_takes_nothing():
    budget = Budget(requests_per_minute=1)
    assert budget.ask(0, 0) == 0
    for _ in range(5):
        assert budget.ask(30, 0) == 30
    assert budget.ask(60, 0) == 0


def test_input_is_taken_by_its_estimate_and_made_good():
    budget = Budget(input_tokens_per_minute=600)
    assert budget.ask(0, 400) == 0
    assert budget.ask(0, 400) == 20
    budget.used(0, estimated=400, input_tokens=100, output_tokens=0)
    assert budget.ask(0, 400) == 0


def test_output_leaves_a_debt_that_later_calls_wait_for():
    budget = Budget(output_tokens_per_minute=60)
    assert budget.ask(0, 0) == 0
    budget.used(0, estimated=0, input_tokens=0, output_tokens=90)
    assert budget.ask(0, 0) == 31
    assert budget.ask(31, 0) == 0


def test_a_call_larger_than_the_whole_budget_waits_for_all_of_it():
    budget = Budget(input_tokens_per_minute=100)
    assert budget.ask(0, 1000) == 0
    assert budget.ask(0, 1) > 0


def test_a_freeze_holds_everybody_and_the_longest_wins():
    budget = Budget()
    budget.freeze(10)
    budget.freeze(5)
    assert budget.ask(4, 0) == 6
    assert budget.ask(10, 0) == 0


def test_without_limits_nobody_waits():
    budget = Budget()
    assert all(budget.ask(0, 10**9) == 0 for _ in range(1000))


@pytest.mark.parametrize(
    "name", ["requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"]
)
@pytest.mark.parametrize("size", [0, -1, float("nan")])
def test_a_budget_is_positive(name, size):
    with pytest.raises(ValueError, match=name):
        Budget(**{name: size})


@given(
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0, 50)), max_size=20),
)
def test_a_bucket_never_holds_more_than_its_size_and_fills_at_its_rate(size, steps):
    bucket, now, taken = Bucket(size), 0.0, 0.0
    bucket.refill(now)
    for pause, amount in steps:
        now += pause
        bucket.refill(now)
        assert bucket.left <= size + 1e-9
        bucket.take(amount)
        taken += amount
        assert bucket.left >= size - taken - 1e-6
        wait = bucket.wait_for(1)
        bucket.refill(now + wait)
        now += wait
        assert bucket.left >= min(1, size) - 1e-6
