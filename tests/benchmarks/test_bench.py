"""Contestants take turns, and who cannot run is left out."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.bench import Bench, environment
from benchmarks.servers import Addresses


@pytest.fixture
def bench() -> Bench:
    return Bench(Addresses("http://127.0.0.1:1", None), rounds=3)


def test_every_other_round_is_backwards(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def measured(job: dict[str, Any]) -> dict[str, float]:
        turns.append(job["contestant"])
        return {"cpu": 1.0}

    monkeypatch.setattr(bench, "_measure", measured)
    results = bench.alternate("burst", {"a": {}, "b": {}})
    assert turns == ["a", "b", "b", "a", "a", "b"]
    assert results == {"a": [{"cpu": 1.0}] * 3, "b": [{"cpu": 1.0}] * 3}


def test_some_have_only_one_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_measure", lambda job: {"cpu": 1.0})
    results = bench.alternate("burst", {"a": {}, "b": {}}, once={"b"})
    assert {name: len(rounds) for name, rounds in results.items()} == {"a": 3, "b": 1}


def test_a_failure_ends_only_its_own_turns(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        bench, "_measure", lambda job: None if job["contestant"] == "a" else {"cpu": 1.0}
    )
    assert list(bench.alternate("burst", {"a": {}, "b": {}})) == ["b"]


def test_a_library_that_is_missing_is_no_failure(bench: Bench) -> None:
    assert bench.alternate("kept", {"no_such_library": {"url": ""}}) == {}
    assert bench.failures == []


def test_what_a_failure_said_is_kept(bench: Bench) -> None:
    assert bench.alternate("burst", {"floor": {"nonsense": 1}}) == {}
    assert "nonsense" in bench.failures[0]


def test_no_key_and_no_proxy_reaches_a_measured_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    assert not {"ANTHROPIC_API_KEY", "HTTPS_PROXY"} & set(environment())
