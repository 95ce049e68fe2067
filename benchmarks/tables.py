"""Rows as tables in Markdown, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.measure import SUBJECT, Row, Spread, Target, spread

NAMES = {
    "tailrace": "Tailrace",
    "official": "official SDK",
    "official_aiohttp": "official SDK, aiohttp",
    "openai": "openai",
    "litellm": "LiteLLM",
    "floor": "floor",
    "floor_decode": "floor + msgspec",
    "msgspec": "msgspec",
    "bare": "bare Python",
    "aimock": "aimock",
    "starlette": "Starlette",
    "sse_starlette": "sse-starlette",
    "fastapi_sse": "fastapi.sse",
    "asked": "asked",
}
COMPARED = ("official", "floor", "floor_decode", "msgspec", "aimock", "starlette", "fastapi_sse")


def number(value: float) -> str:
    """A figure with three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def fraction(ratio: float) -> str:
    """A ratio as people say it: 1/12, or 1.4×."""
    return f"1/{number(1 / ratio)}" if 0 < ratio < 1 else f"{number(ratio)}×"


def with_spread(found: Spread) -> str:
    """The median ratio, and between which values the rounds were."""
    middle = fraction(found.median)
    if found.low == found.high:
        return middle
    return f"{middle} ({fraction(found.low)} … {fraction(found.high)})"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned, the first to the left."""
    cells = [list(heads), *map(list, lines)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(heads))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    written = [
        "| "
        + " | ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in (cells[0], rule, *cells[1:])
    ]
    return "\n".join(written)


def figures(rows: Sequence[Row]) -> str:
    """The medians of everybody, and Tailrace's ratios with their spread."""
    present = [name for name in NAMES if any(name in row.values for row in rows)]
    against = [name for name in COMPARED if any(row.ratio(name) for row in rows)]
    heads = ["", "unit", *(NAMES[name] for name in present)]
    heads += [f"Tailrace : {NAMES[name]}" for name in against]
    lines = []
    for row in rows:
        line = [row.label, row.unit]
        line += [
            number(spread(row.values[name]).median) if row.values.get(name) else "–"
            for name in present
        ]
        found = [row.ratio(name) for name in against]
        line += [with_spread(ratio) if ratio else "–" for ratio in found]
        lines.append(line)
    return table(heads, lines)


def asked_and_found(rows: Iterable[Row]) -> str:
    """What was asked of Tailrace, and what came out."""
    lines = []
    for row in rows:
        for target in row.targets:
            found = row.ratio(target.against)
            if found is not None:
                met = "yes" if target.met(found.median) else "**no**"
                lines.append((row.label, _asked(target), with_spread(found), met))
    return table(("figure", "asked", "found", "met"), lines)


def _asked(target: Target) -> str:
    sign = "≥" if target.at_least else "≤"
    return f"{sign} {fraction(target.bound)} of {NAMES[target.against]}"


def faults(rows: Iterable[Row]) -> list[str]:
    """The labels of rows in which Tailrace has no value: something went wrong there."""
    return [row.label for row in rows if row.values and SUBJECT not in row.values]
