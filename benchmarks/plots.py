"""Rows as pictures: bars for what was taken, lines for how it grows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, spread
from benchmarks.tables import NAMES, number

COLOURS = {
    "tailrace": "#0b6e75",
    "official": "#d1495b",
    "official_aiohttp": "#eb9486",
    "openai": "#b8b08d",
    "litellm": "#8d6a9f",
    "floor": "#9aa5b1",
    "floor_decode": "#5c6b7a",
    "msgspec": "#5c6b7a",
    "bare": "#c9ced6",
    "aimock": "#e0a458",
    "asked": "#c9ced6",
    "starlette": "#5b8e7d",
    "sse_starlette": "#e9c46a",
    "fastapi_sse": "#bc4b51",
}
MOST_BARS = 40


def draw(title: str, rows: Sequence[Row], path: Path) -> bool:
    """Draw the rows that are to be drawn; whether there were any."""
    series = [row for row in rows if row.series]
    bars = [row for row in rows if row.plotted and not row.series and row.values]
    if not series and not bars:
        return False
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure = _lines(pyplot, series) if series else _bars(pyplot, bars)
    figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold")
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    return True


def _bars(pyplot: Any, rows: Sequence[Row]) -> Any:
    """A panel for each unit; in it a group of bars for each row, on a logarithmic scale."""
    units = {unit: list(group) for unit, group in groupby(sorted(rows, key=_unit), key=_unit)}
    heights = [sum(len(row.values) + 1 for row in group) for group in units.values()]
    figure, panels = pyplot.subplots(
        len(units),
        1,
        squeeze=False,
        figsize=(8.5, 0.6 + 0.8 * len(units) + 0.21 * sum(heights)),
        gridspec_kw={"height_ratios": heights},
        layout="constrained",
    )
    for panel, (unit, group) in zip(panels[:, 0], units.items(), strict=True):
        _panel(panel, unit, group)
    _legend(figure, rows)
    return figure


def _unit(row: Row) -> str:
    return row.unit


def _panel(panel: Any, unit: str, rows: Sequence[Row]) -> None:
    at, ticks = 0.0, []
    for row in rows:
        names = [name for name in NAMES if row.values.get(name)]
        ticks.append(at + (len(names) - 1) / 2)
        for name in names:
            found = spread(row.values[name])
            panel.barh(at, found.median, height=0.9, color=COLOURS[name])
            panel.plot((found.low, found.high), (at, at), color="black", linewidth=0.8)
            panel.text(
                max(found.high, found.median),
                at,
                f" {number(found.median)}",
                va="center",
                fontsize=7,
            )
            at += 1
        at += 1
    panel.set_yticks(ticks, [row.label for row in rows], fontsize=8)
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.set_xlabel(unit, fontsize=8)
    panel.tick_params(axis="x", labelsize=7)
    panel.margins(x=0.08, y=0.02)
    _plain(panel)


def _lines(pyplot: Any, rows: Sequence[Row]) -> Any:
    """A panel for each series: cost over size, both logarithmic."""
    groups = {name: list(group) for name, group in groupby(rows, key=lambda row: row.series)}
    figure, panels = pyplot.subplots(
        1, len(groups), squeeze=False, figsize=(3.4 * len(groups), 3.4), layout="constrained"
    )
    for panel, (name, group) in zip(panels[0], groups.items(), strict=True):
        for contestant in NAMES:
            points = [
                (row.size, spread(row.values[contestant]).median)
                for row in group
                if row.values.get(contestant)
            ]
            if points:
                panel.plot(*zip(*points, strict=True), marker="o", color=COLOURS[contestant])
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("size", fontsize=8)
        panel.set_ylabel(group[0].unit, fontsize=8)
        panel.tick_params(labelsize=7)
        _plain(panel)
    _legend(figure, rows)
    return figure


def _legend(figure: Any, rows: Sequence[Row]) -> None:
    from matplotlib.patches import Patch

    names = [name for name in NAMES if any(row.values.get(name) for row in rows)]
    figure.legend(
        handles=[Patch(color=COLOURS[name], label=NAMES[name]) for name in names],
        loc="outside lower center",
        ncols=min(len(names), 6),
        fontsize=8,
        frameon=False,
    )


def _plain(panel: Any) -> None:
    panel.grid(axis="both", which="major", linewidth=0.3)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
