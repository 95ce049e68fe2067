"""What is measured: one file a scenario, with `run` for the bench and `measured` for the worker.

`run(bench)` gives the rows of the scenario's table; `measured(**job)` is what one process does.
"""

from __future__ import annotations

import importlib
from types import ModuleType

ORDER = (
    "burst",
    "startup",
    "kept",
    "many",
    "threads",
    "large",
    "request",
    "first_token",
    "idle",
    "held",
    "simulator",
    "relay",
    "soak",
)

SLOW = frozenset({"held", "simulator", "relay", "soak"})
"""What the quick mode leaves out unless it is asked for by name: the client comes first."""


def chosen(only: list[str] | None, *, quick: bool) -> list[str]:
    """The scenarios to run: those that are asked for, else all, else all quick ones."""
    return only or [name for name in ORDER if not (quick and name in SLOW)]


def load(name: str) -> ModuleType:
    """A scenario's module."""
    return importlib.import_module(f"benchmarks.scenarios.{name}")
