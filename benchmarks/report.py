"""The page: `docs/performance.md` and its pictures, from the figures that are kept.

Figures are kept in `.benchmarks/figures.json`, a section a scenario, so that one scenario can be
measured again without the others. Only full measurements are kept.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.bench import ROOT
from benchmarks.measure import Row, row_from
from benchmarks.plots import draw
from benchmarks.scenarios import ORDER, load
from benchmarks.tables import asked_and_found, figures

KEPT = ROOT / ".benchmarks" / "figures.json"
PAGE = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "performance"

OPENING = """
# What streaming costs

Figures of Tailrace, of what it can be used instead of, and of what is possible at all. They come
from `make bench`, which anyone can run; this page is written by it.

How it measures: a server on loopback, in a process of its own, plays the same bytes to everyone.
Each measurement is a fresh process that warms up, then notes the CPU time (user and system) that
it takes for the part in question. Contestants take turns, every other round backwards; a ratio is
taken within a round, and its median stands with the lowest and highest of the rounds in
parentheses. Where machines differ, absolute figures do too: read the ratios.

The *floor* only reads the bytes and counts them, with a bare `asyncio` protocol or `http.client`;
*floor + msgspec* also finds each event and decodes its JSON. The official SDK is also measured
over its aiohttp transport.
"""


def keep(name: str, rows: list[Row], failures: list[str]) -> None:
    """Keep a scenario's figures in place of its earlier ones."""
    kept = _kept()
    kept[name] = {
        "rows": [dataclasses.asdict(row) for row in rows],
        "failures": failures,
        "machine": machine.machine(),
        "load": machine.load(),
        "versions": machine.versions(machine.LIBRARIES),
        "beneath": machine.versions(machine.BENEATH),
        "day": time.strftime("%Y-%m-%d"),
    }
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1))


def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return kept


def write() -> Path:
    """Write the page from all that is kept."""
    kept = _kept()
    sections = {name: kept[name] for name in ORDER if name in kept}
    rows = {name: list(map(row_from, section["rows"])) for name, section in sections.items()}
    parts = [OPENING.strip(), _conditions(list(sections.values()))]
    parts.append("## Asked and found")
    parts.append(asked_and_found(row for found in rows.values() for row in found))
    for name, section in sections.items():
        parts += _section(name, rows[name], section)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n\n".join(parts) + "\n")
    return PAGE


def _conditions(sections: list[dict[str, Any]]) -> str:
    lines = ["## The machine", ""]
    for what, key in (
        ("machine", "machine"),
        ("measured", "day"),
        ("libraries", "versions"),
        ("beneath them", "beneath"),
    ):
        lines.append(f"- {what}: " + "; ".join(dict.fromkeys(part[key] for part in sections)))
    loads = sorted(float(part["load"]) for part in sections)
    if loads:
        lines.append(
            f"- other work on it: a load of {loads[0]} to {loads[-1]} before each scenario, this "
            "suite's own included"
        )
    return "\n".join(lines)


def _section(name: str, rows: list[Row], section: dict[str, Any]) -> list[str]:
    scenario = load(name)
    parts = [f"## {scenario.TITLE}", textwrap.dedent(scenario.ABOUT).strip()]
    PICTURES.mkdir(parents=True, exist_ok=True)
    if draw(scenario.TITLE, rows, PICTURES / f"{name}.png"):
        parts.append(f"![{scenario.TITLE}](performance/{name}.png)")
    parts.append(figures(rows))
    if section["failures"]:
        parts.append(f"{len(section['failures'])} measurements failed and are left out.")
    return parts
