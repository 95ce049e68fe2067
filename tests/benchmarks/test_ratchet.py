"""The ratchet lets figures get better and not clearly worse."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.bench import Bench
from benchmarks.ratchet import FIGURES, Limit, limits, lowest
from benchmarks.servers import Addresses

from benchmarks import ratchet, ratios


@pytest.mark.parametrize(
    ("found", "said"), [(10.9, "as before"), (11.1, "WORSE"), (8.9, "better: record it")]
)
def test_a_verdict_leaves_room_for_noise(found: float, said: str) -> None:
    assert Limit(10, 0.1).verdict(found) == said


def test_what_is_counted_is_judged_on_the_python_it_was_recorded_on() -> None:
    assert Limit(10, 0.1).verdict(20, comparable=False) == "recorded on another Python"
    assert ratchet.is_counted("calls_sync_text")
    assert not ratchet.is_counted("growth_tool_input")


def test_every_figure_is_recorded() -> None:
    assert set(limits("figures")) == set(FIGURES)
    assert set(limits("ratios")) == set(ratios.LABELS)


def test_what_was_not_measured_fails() -> None:
    said = ratchet.verdicts("ratios", {"a": 0.2}, {"a": Limit(0.1, 0.5), "b": Limit(0.1, 0.5)})
    assert said == {"a": "WORSE", "b": "NOT MEASURED"}
    assert set(said.values()) == ratchet.FAILING


def test_what_is_too_high_is_measured_again() -> None:
    bench = Bench(Addresses("http://127.0.0.1:1", None))
    found = iter([20.0, 10.0, 5.0])
    assert lowest(lambda _: next(found), bench, Limit(10, 0.1)) == 10.0
    assert next(found) == 5.0


def test_recording_keeps_the_tolerances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratchet, "RECORDED", tmp_path / "ratchet.toml")
    found = {"figures": {"calls": 12.345}, "ratios": {"burst: text": 0.05}}
    ratchet.record(found, {"figures": {"calls": Limit(10, 0.2)}, "ratios": {}})
    assert limits("figures") == {"calls": Limit(12.35, 0.2)}
    assert limits("ratios") == {"burst: text": Limit(0.05, 0.1)}
    assert ratchet.recorded_on() == ratchet.PYTHON
