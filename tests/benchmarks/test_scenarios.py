"""Which scenarios are run."""

from __future__ import annotations

from benchmarks.ratios import ROWS
from benchmarks.scenarios import ORDER, chosen


def test_the_quick_mode_is_the_clients_and_holds_what_the_ratchet_judges() -> None:
    quick = chosen(None, quick=True)
    assert not {"held", "simulator", "relay", "soak"} & set(quick)
    assert set(ROWS) <= set(quick) < set(ORDER)
    assert chosen(None, quick=False) == list(ORDER)


def test_what_is_asked_for_by_name_is_run_in_either_mode() -> None:
    for quick in (False, True):
        assert chosen(["relay"], quick=quick) == ["relay"]
