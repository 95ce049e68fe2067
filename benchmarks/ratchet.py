"""The ratchet: a few figures that may get better, and not clearly worse.

    python -m benchmarks.ratchet            compare with benchmarks/ratchet.toml; exit 1 if worse
    python -m benchmarks.ratchet --record   write down what is found now

The figures are those that a busy machine hardly moves: counted calls, modules, bytes, exponents,
and CPU only against the floor of the same moment; then, from the quick mode, ratios to the official
SDK (`ratios.py`). Noise only ever adds, so a figure that is too high is measured again, and its
lowest counts. What is counted differs from one Python to the next, so it is judged on the Python it
was recorded on, and elsewhere only shown. What could not be measured is a failure too. It
needs nothing but what the tests need, and `make test` runs it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import ratios
from benchmarks.bench import Bench
from benchmarks.measure import exponent
from benchmarks.scenarios.startup import CLIENTS, FIRST_TEXT, PROGRAM
from benchmarks.servers import running
from benchmarks.tables import fraction, number, table

RECORDED = Path(__file__).with_name("ratchet.toml")
TRIES = 3
PYTHON = "{}.{}".format(*sys.version_info)
WORSE, NOT_MEASURED = "WORSE", "NOT MEASURED"
FAILING = {WORSE, NOT_MEASURED}


@dataclass(frozen=True)
class Limit:
    """A recorded figure and how much worse it may be, as a part of it."""

    recorded: float
    tolerance: float

    @property
    def most(self) -> float:
        """The highest that passes."""
        return self.recorded * (1 + self.tolerance)

    def verdict(self, found: float, *, comparable: bool = True) -> str:
        """What to say of a figure; `comparable` says whether it was recorded on this Python."""
        if not comparable:
            return "recorded on another Python"
        if found > self.most:
            return WORSE
        return "better: record it" if found < self.recorded * (1 - self.tolerance) else "as before"


Figure = Callable[[Bench], float]


def _one(bench: Bench, scenario: str, contestant: str = "tailrace", **job: Any) -> Any:
    found = bench.alternate(scenario, {contestant: job}, rounds=1)
    return found[contestant][0]


def _calls(sync: bool, way: str) -> Figure:
    def calls(bench: Bench) -> float:
        url, warm = bench.addresses.url("text/5000/1"), bench.addresses.url("text/50/1")
        found = _one(bench, "calls", url=url, warm=warm, sync=sync, way=way)
        return float(found["calls"])

    return calls


def _calls_a_packet(bench: Bench) -> float:
    found = _one(bench, "calls", url=bench.addresses.url("live/50"), streams=20)
    return float(found["calls"])


def _above_floor(sync: bool) -> Figure:
    def above_floor(bench: Bench) -> float:
        job = {
            "sync": sync,
            "way": "text",
            "url": bench.addresses.url("text/30000/1"),
            "warm": bench.addresses.url("text/300/1"),
            "count": 30_000,
        }
        found = bench.alternate("burst", {"tailrace": job, "floor_decode": job}, rounds=2)
        ours, floor = (min(r["cpu"] for r in found[name]) for name in ("tailrace", "floor_decode"))
        return ours / floor

    return above_floor


def _growth(reply: str, way: str, sizes: tuple[int, int]) -> Figure:
    def growth(bench: Bench) -> float:
        warm = bench.addresses.url(reply.format(1000))
        costs = [
            _one(bench, "large", url=bench.addresses.url(reply.format(size)), warm=warm, way=way)
            for size in sizes
        ]
        return exponent(sizes, [cost["cpu"] for cost in costs])

    return growth


def _modules(code: str) -> Figure:
    def loaded(bench: Bench, code: str) -> int:
        done = bench.run([sys.executable, "-c", PROGRAM.format(code=code)])
        assert done is not None
        return int(json.loads(done.stdout.splitlines()[-1])["modules"])

    def modules(bench: Bench) -> float:
        url = bench.addresses.url("text/5/1")
        return float(loaded(bench, code.format(url=url)) - loaded(bench, ""))

    return modules


def _kept(bench: Bench) -> float:
    found = _one(bench, "kept", url=bench.addresses.url("pieces/200000/20"))
    return float(found["grown"] / found["events"])


FIGURES: dict[str, Figure] = {
    "modules_client": _modules(CLIENTS["tailrace"]),
    "modules_first_text": _modules(CLIENTS["tailrace"] + FIRST_TEXT),
    "calls_sync_text": _calls(sync=True, way="text"),
    "calls_sync_events": _calls(sync=True, way="events"),
    "calls_sync_raw": _calls(sync=True, way="raw"),
    "calls_async_text": _calls(sync=False, way="text"),
    "calls_async_paced": _calls_a_packet,
    "cpu_sync_text_above_floor": _above_floor(sync=True),
    "cpu_async_text_above_floor": _above_floor(sync=False),
    "bytes_kept_event": _kept,
    "growth_tool_input": _growth("tool/{}/20", "asked", (50_000, 500_000)),
    "growth_large_event": _growth("large/{}", "events", (1_000_000, 8_000_000)),
}


def lowest(figure: Figure, bench: Bench, limit: Limit | None) -> float:
    """A figure, measured again while it is too high."""
    found = figure(bench)
    for _ in range(TRIES - 1):
        if limit is None or found <= limit.most:
            break
        found = min(found, figure(bench))
    return found


def limits(kind: str = "figures") -> dict[str, Limit]:
    """What is recorded, of `figures` or of `ratios`."""
    recorded = tomllib.loads(RECORDED.read_text())
    return {name: Limit(**values) for name, values in recorded[kind].items()}


def recorded_on() -> str:
    """The Python of the record."""
    return str(tomllib.loads(RECORDED.read_text())["python"])


def is_counted(name: str) -> bool:
    """Whether a figure is one that is the same on every machine with the same Python."""
    return name.startswith(("modules", "calls", "bytes"))


Found = dict[str, dict[str, float]]
"""The figures and the ratios, under these names, as far as they could be measured."""


def measure(known: dict[str, dict[str, Limit]], *, recording: bool) -> Found:
    """Measure all of them, again where they are too high; once if they are to be recorded."""

    def limit(kind: str, name: str) -> Limit | None:
        return None if recording else known[kind].get(name)

    def worse(name: str, value: float) -> bool:
        most = limit("ratios", name)
        return most is not None and value > most.most

    with running() as addresses:
        bench = Bench(addresses, rounds=1)
        figures = {
            name: lowest(figure, bench, limit("figures", name)) for name, figure in FIGURES.items()
        }
        return {"figures": figures, "ratios": ratios.measured(Bench(addresses, quick=True), worse)}


def record(found: Found, known: dict[str, dict[str, Limit]]) -> None:
    """Write down what was found, with the tolerances there are."""
    lines = [
        "# Written by `python -m benchmarks.ratchet --record`, but for the tolerances: how much",
        "# worse a figure may be than recorded, as a part of it. What they are is in ratchet.py",
        "# and ratios.py; a ratio is Tailrace's part of what the official SDK takes.",
        "",
        f'python = "{PYTHON}"',
    ]
    for kind, values in found.items():
        for name, value in values.items():
            limit = known[kind].get(name, Limit(value, 0.1))
            key = name if name.isidentifier() else json.dumps(name)
            lines += ["", f"[{kind}.{key}]", f"recorded = {value:.4g}"]
            lines += [f"tolerance = {limit.tolerance}"]
    RECORDED.write_text("\n".join(lines) + "\n")


def verdicts(kind: str, found: dict[str, float], known: dict[str, Limit]) -> dict[str, str]:
    """What to say of each recorded figure."""
    here = recorded_on() == PYTHON
    return {
        name: limit.verdict(found[name], comparable=here or not is_counted(name))
        if name in found
        else NOT_MEASURED
        for name, limit in known.items()
    }


def main() -> int:
    """Measure all of them and say what became of them."""
    parser = argparse.ArgumentParser("python -m benchmarks.ratchet")
    parser.add_argument("--record", action="store_true", help="write down what is found")
    recording = parser.parse_args().record
    known, began = {kind: limits(kind) for kind in ("figures", "ratios")}, time.monotonic()
    found = measure(known, recording=recording)
    if recording:
        record(found, known)
    said: list[str] = []
    for kind, shown in (("figures", number), ("ratios", fraction)):
        judged = verdicts(kind, found[kind], known[kind])
        said += judged.values()
        lines = [
            (
                name,
                shown(limit.recorded),
                shown(limit.most),
                shown(found[kind][name]) if name in found[kind] else "–",
                judged[name],
            )
            for name, limit in known[kind].items()
        ]
        print(table((kind, "recorded", "at most", "found", ""), lines), end="\n\n")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if FAILING.intersection(said) and not recording else 0


if __name__ == "__main__":
    sys.exit(main())
