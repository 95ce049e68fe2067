"""Texts with parts of the request in them: `{{user}}` is what the user said last."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tailrace.simulator.ask import Ask
from tailrace.simulator.loose import a_dict, a_list

_SLOT = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")

NAMES: dict[str, Callable[[Ask], object]] = {
    "user": lambda ask: ask.user,
    "system": lambda ask: ask.system,
    "model": lambda ask: ask.model,
    "turn": lambda ask: ask.turn,
    "number": lambda ask: ask.number,
    "max_tokens": lambda ask: ask.max_tokens,
    "tool_result": lambda ask: ask.tool_result,
}
"""The names a template knows, besides `header.NAME` and `body.PATH` (`body.messages.0.role`)."""


def check(text: str) -> None:
    """Raise `ValueError` for a name no template knows."""
    for name in _SLOT.findall(text):
        if name not in NAMES and not name.startswith(("header.", "body.")):
            known = ", ".join([*NAMES, "header.NAME", "body.PATH"])
            raise ValueError(f"unknown name {{{{{name}}}}} in a template; known are {known}")


def fill(value: Any, ask: Ask) -> Any:
    """The value with every template in its strings filled in; what the request lacks is empty."""
    if isinstance(value, str):
        return _SLOT.sub(lambda slot: _look_up(slot[1], ask), value)
    if isinstance(value, dict):
        return {key: fill(item, ask) for key, item in a_dict(value).items()}
    if isinstance(value, list):
        return [fill(item, ask) for item in a_list(value)]
    return value


def _look_up(name: str, ask: Ask) -> str:
    kind, _, rest = name.partition(".")
    if kind == "header":
        return ask.headers.get(rest.lower(), "")
    if kind == "body":
        return _walk(ask.body, rest)
    check(f"{{{{{name}}}}}")
    return str(NAMES[name](ask))


def _walk(value: Any, path: str) -> str:
    for step in path.split("."):
        if isinstance(value, dict):
            value = a_dict(value).get(step)
        elif isinstance(value, list) and step.lstrip("-").isdigit():
            items = a_list(value)
            value = items[int(step)] if -len(items) <= int(step) < len(items) else None
        else:
            return ""
    return "" if value is None else str(value)
