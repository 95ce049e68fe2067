"""What the simulator knows of models: which generation a name belongs to, and its limits.

Any name is accepted. The generation decides rules that differ between models (prefill, thinking,
the longest reply); a name without one is taken as the newest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NEW_STYLE = re.compile(r"claude-[a-z]+-(\d+)(?:-(\d))?(?!\d)")  # claude-sonnet-4-5-20250929
_OLD_STYLE = re.compile(r"claude-(\d)(?:-(\d))?-[a-z]+")  # claude-3-5-sonnet-20240620

Generation = tuple[int, int]
NEWEST: Generation = (99, 0)

# The most output tokens, by the first generation that has them; some families differ.
_OUTPUT: list[tuple[Generation, int]] = [
    ((4, 6), 128_000),
    ((4, 0), 64_000),
    ((3, 7), 128_000),
    ((3, 5), 8_192),
    ((0, 0), 4_096),
]
_OUTPUT_OF_OPUS_4 = 32_000


def generation(model: str) -> Generation:
    """`(4, 5)` for `claude-sonnet-4-5-20250929`, `(3, 5)` for `claude-3-5-sonnet-20240620`."""
    found = _NEW_STYLE.search(model) or _OLD_STYLE.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else NEWEST


def max_output_tokens(model: str) -> int:
    """The largest `max_tokens` the model takes."""
    version = generation(model)
    if "opus" in model and (4, 0) <= version <= (4, 1):
        return _OUTPUT_OF_OPUS_4
    return next(limit for first, limit in _OUTPUT if version >= first)


def context_window(model: str) -> int:
    """How many input tokens the model reads."""
    return 1_000_000 if generation(model) >= (4, 6) else 200_000


def takes_prefill(model: str) -> bool:
    """Whether the conversation may end with the beginning of the reply (up to Claude 4.5)."""
    return generation(model) < (4, 6)


def takes_budget(model: str) -> bool:
    """Whether thinking is switched on with a budget; Claude 4.7 and later only adapt."""
    return generation(model) < (4, 7)


LISTED = (
    ("claude-opus-5-5", "Claude Opus 5.5", "2026-09-29T00:00:00Z"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-29T00:00:00Z"),
    ("claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17T00:00:00Z"),
    ("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-15T00:00:00Z"),
    ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "2025-09-29T00:00:00Z"),
)
"""The models `/v1/models` lists: id, name, date. The list is an example, not the API's."""


_PAGE = 20
_MOST_IN_A_PAGE = 1000


def describe(model: str) -> dict[str, Any]:
    """The object `/v1/models/{id}` answers with; any id has one."""
    name, created = next(
        ((name, created) for id_, name, created in LISTED if id_ == model),
        (model, "2026-01-01T00:00:00Z"),
    )
    return {
        "type": "model",
        "id": model,
        "display_name": name,
        "created_at": created,
        "max_input_tokens": context_window(model),
        "max_tokens": max_output_tokens(model),
    }


def listing(query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The page `/v1/models` answers with; `query` may hold `limit`, `after_id`, `before_id`.

    Raises `ValueError` for a limit that is none.
    """
    asked = query or {}
    names = [name for name, _, _ in LISTED]
    start, end = 0, len(names)
    if asked.get("after_id") in names:
        start = names.index(asked["after_id"]) + 1
    if asked.get("before_id") in names:
        end = names.index(asked["before_id"])
    limit = int(asked.get("limit", _PAGE))
    if not 1 <= limit <= _MOST_IN_A_PAGE:
        raise ValueError(f"limit must be between 1 and {_MOST_IN_A_PAGE}")
    before = "before_id" in asked and "after_id" not in asked
    page = names[max(end - limit, start) : end] if before else names[start:end][:limit]
    return {
        "data": [describe(name) for name in page],
        "has_more": end - start > limit,
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }
