"""Reading JSON of which nothing is certain yet."""

from __future__ import annotations

from typing import Any


def a_list(value: Any) -> list[Any]:
    """The list, or an empty one for anything else."""
    items: Any = value
    return items if isinstance(value, list) else []


def a_dict(value: Any) -> dict[str, Any]:
    """The object, or an empty one for anything else."""
    fields: Any = value
    return fields if isinstance(value, dict) else {}


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; anything else has none."""
    return [a_dict(item) for item in a_list(value) if isinstance(item, dict)]
