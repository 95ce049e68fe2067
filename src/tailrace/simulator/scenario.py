"""Scenarios: which requests get which replies, in which order.

A scenario is a list of cases. A request gets the next reply of the first case that matches it.
What happens when a case has no more replies is the case's own: the last one again (`repeat`), from
the start (`start_over`), or the cases after it (`pass`), which is how "fail twice, then answer" is
said when the answer is someone else's. A scenario is a value; `Progress` counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from tailrace.simulator.answers import Reply, one_by_one
from tailrace.simulator.ask import Ask
from tailrace.simulator.pace import Pace
from tailrace.simulator.quota import Quota

Then = Literal["repeat", "start_over", "pass"]


@dataclass(frozen=True)
class Match:
    """What a request must have; what is left out is not asked for.

    `model` is a pattern with `*` and `?`. `user`, `system` and `tool_result` are regular
    expressions looked for in that text, whatever the case of its letters. `tool` is a tool the
    request offers, `header` a pattern for each header named, `turn` the assistant turn to be
    answered (1 is the first), `stream` whether a stream was asked for.
    """

    model: str | None = None
    user: str | None = None
    system: str | None = None
    tool: str | None = None
    tool_result: str | None = None
    header: Mapping[str, str] = field(default_factory=dict[str, str])
    turn: int | None = None
    stream: bool | None = None

    def __post_init__(self) -> None:
        for name in ("user", "system", "tool_result"):
            pattern = getattr(self, name)
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise ValueError(f"{name} is no regular expression: {error}") from None

    def __call__(self, ask: Ask) -> bool:
        """Whether the request has all of it."""
        texts = ((self.user, "user"), (self.system, "system"), (self.tool_result, "tool_result"))
        return (
            (self.model is None or fnmatchcase(ask.model, self.model))
            and all(
                pattern is None or bool(re.search(pattern, getattr(ask, name), re.I | re.S))
                for pattern, name in texts
            )
            and (self.tool is None or self.tool in ask.tools)
            and self.turn in (None, ask.turn)
            and self.stream in (None, ask.stream)
            and all(
                fnmatchcase(ask.headers.get(name.lower(), ""), pattern)
                for name, pattern in self.header.items()
            )
        )


@dataclass(frozen=True)
class Case:
    """The replies to requests that match, one after the other, and what comes after the last."""

    replies: Sequence[Reply]
    when: Match = field(default_factory=Match)
    then: Then = "repeat"

    def __post_init__(self) -> None:
        if not self.replies:
            raise ValueError("a case needs at least one reply")


@dataclass(frozen=True)
class Scenario:
    """Cases, the first that matches first. A request that matches none gets the standing answer.

    `pace`, `quota` and `seed` hold for a simulator that is given no others.
    """

    cases: Sequence[Case]
    name: str = "scenario"
    pace: Pace | None = None
    quota: Quota | None = None
    seed: int | None = None


class Progress:
    """How far each case of a scenario has come."""

    def __init__(self, scenario: Scenario) -> None:
        self._cases = [(case, one_by_one(case.replies)) for case in scenario.cases]
        self._told = [0] * len(scenario.cases)

    def next(self, ask: Ask) -> Reply | None:
        """The reply to a request, or `None` when no case has one."""
        for at, (case, replies) in enumerate(self._cases):
            told, count = self._told[at], len(replies)
            if not case.when(ask) or (case.then == "pass" and told >= count):
                continue
            self._told[at] += 1
            return replies[told % count if case.then == "start_over" else min(told, count - 1)]
        return None
