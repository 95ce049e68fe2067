"""Streams held: the most that one process reads with a lag below 50 ms."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from benchmarks.bench import Bench
from benchmarks.measure import Row, Target
from benchmarks.scenarios.live import many_tasks

TITLE = "Streams held"
ABOUT = """
The most replies of 50 events a second that one process reads with 99 of 100 events less than 50 ms
late, found by halving a ladder of numbers of streams (a step is 1.1 to 1.5 times the one before);
a second round starts from what the first one found. Who was late with time to spare is asked again,
because then it was something else on the machine that kept it waiting. The ladder ends where the
server, on one core itself, has enough to do.
"""

LADDER = (
    *(10, 15, 20, 30, 40, 50, 60, 80),
    *(100, 125, 150, 175, 200, 250, 300, 350, 400, 500, 600, 700, 800),
    *(1000, 1200, 1400, 1700, 2000, 2400),
)
RATE = 50
LATE = 0.050
SECONDS, PATIENCE = 2, 5
BUSY = 0.8
"""Who takes more of a core than this while it is late, is late because of that."""
ROUNDS = 2
PEERS = ("tailrace", "official", "official_aiohttp", "floor")


def run(bench: Bench) -> list[Row]:
    """On either loop."""
    rows = []
    for loop, factor in (("asyncio", 6.0), ("uvloop", 10.0)):
        steps: dict[str, list[int]] = {name: [] for name in PEERS}
        for _ in range(ROUNDS):
            for name in PEERS:
                near = steps[name][-1] if steps[name] else None
                steps[name].append(highest(_late(bench, name, loop), near))
        values = {name: [held(step) for step in found] for name, found in steps.items()}
        targets = [Target("official", factor, at_least=True)]
        rows.append(Row(f"streams held, {loop}", "streams", values, targets))
    return rows


def held(step: int) -> float:
    """How many streams a step of the ladder has; none below its first."""
    return float(LADDER[step]) if step >= 0 else 0.0


def highest(late: Callable[[int], bool], near: int | None = None) -> int:
    """The last step that is not late, -1 if all are; `near` is where it may be.

    Looks at `near` and the step above it first, and halves what is left if it is not there.
    """
    low, high = 0, len(LADDER)
    if near is not None:
        if near >= 0 and late(LADDER[near]):
            high = near
        elif near + 1 == high or late(LADDER[near + 1]):
            return near
        else:
            low = near + 2
    return bisect_left(LADDER, True, low, high, key=late) - 1


def _late(bench: Bench, name: str, loop: str) -> Callable[[int], bool]:
    def late(streams: int) -> bool:
        job: dict[str, Any] = {
            "url": bench.addresses.url(f"live/{RATE}"),
            "streams": streams,
            "seconds": SECONDS,
            "patience": PATIENCE,
            "way": "text",
            "loop": loop,
        }
        for _ in range(2):
            found = bench.alternate("held", {name: job}, rounds=1).get(name)
            if not found or found[0]["opened"] < streams or not found[0]["rate"]:
                return True
            if found[0]["p99"] < LATE:
                return False
            if found[0]["load"] > BUSY:
                return True
        return True

    return late


measured = many_tasks
