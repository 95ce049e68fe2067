"""docs/divergences.md says what is so: most rows are tried with both packages."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.test_differential import DIVERGENCES, EVERYWHERE
from tests.docs.probes import PROBES, Probe

import tailrace
from tailrace.simulator import Simulator

PAGE = (Path(__file__).parents[2] / "docs" / "divergences.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]
IDS = [row[0].strip("`") for row in ROWS]

# Rows that are not tried here, and why.
NOT_TRIED = {
    "bounded-events": "64 MiB take long; tests/core/test_framing.py has the bound",
    "compaction-encrypted-content-not-added": "tests/core/test_differential.py",
    "derived-events-are-small": "tests/core/test_events.py",
    "full-jitter": "tests/core/test_retry.py",
    "live-input-snapshot": "tests/core/test_growing.py",
    "logger-name": "a name",
    "no-message-threads": "needs the API",
    "no-opentelemetry": "there is no such code",
}


def test_ids_are_unique_and_in_kebab_case() -> None:
    assert len(set(IDS)) == len(IDS) > 30
    assert [one for one in IDS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", one)] == []


def test_each_row_says_all_of_it() -> None:
    for row in ROWS:
        assert len(row) == 5, row
        assert all(row), row
        assert re.fullmatch(r"\d+\.\d+\.\d+", row[4]), row


def test_what_the_differential_test_names_is_explained() -> None:
    assert {*DIVERGENCES.values(), *EVERYWHERE} <= set(IDS)


def test_each_row_is_tried_or_says_why_not() -> None:
    tried = {probe.id for probe in PROBES}
    assert tried | NOT_TRIED.keys() == set(IDS)
    assert not tried & NOT_TRIED.keys()


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator("Hello") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def clients(sim: Simulator) -> Iterator[dict[str, tuple[types.ModuleType, Any]]]:
    """Each package, and a client of it that does not try again."""
    anthropic = pytest.importorskip("anthropic", reason="the official package is not installed")
    with (
        anthropic.Anthropic(base_url=sim.url, api_key="secret", max_retries=0) as official,
        tailrace.Anthropic(base_url=sim.url, api_key="secret", max_retries=0) as ours,
    ):
        yield {"official": (anthropic, official), "ours": (tailrace, ours)}


@pytest.mark.parametrize("whose", ["official", "ours"])
@pytest.mark.parametrize("probe", PROBES, ids=[probe.id for probe in PROBES])
def test_what_each_does(
    probe: Probe,
    whose: str,
    clients: dict[str, tuple[types.ModuleType, Any]],
    sim: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    sdk, client = clients[whose]
    sim.clear()
    if probe.reply is not None:
        sim.script(probe.reply)
    try:
        came = repr(probe.act(client, sdk, sim))
    except Exception as error:
        came = type(error).__name__
    assert came == getattr(probe, whose)
