"""The ratchet: a few figures that may get better, and not clearly worse.

    python -m benchmarks.ratchet            compare with benchmarks/ratchet.toml; exit 1 if worse
    python -m benchmarks.ratchet --record   write down what is found now

It is the suite's quickest mode. The figures are those that a busy machine hardly moves: counted
calls, modules, bytes, exponents, and CPU only as a ratio to the floor or to the official SDK, a
moment apart. Noise only ever adds, so a figure that is too high is measured again, and its lowest
counts. What is counted differs from one Python to the next, so it is judged on the Python it was
recorded on, and elsewhere only shown. It needs nothing but what the tests need, and `make test`
runs it.
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

from benchmarks.bench import Bench
from benchmarks.measure import exponent
from benchmarks.scenarios.startup import CLIENTS, FIRST_TEXT, PROGRAM
from benchmarks.servers import running
from benchmarks.tables import number, table

RECORDED = Path(__file__).with_name("ratchet.toml")
TRIES = 3
PYTHON = "{}.{}".format(*sys.version_info)


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
            return "WORSE"
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
        return _ratio(bench, "burst", "floor_decode", job)

    return above_floor


def _ratio(bench: Bench, scenario: str, peer: str, job: dict[str, Any]) -> float:
    """CPU, as a part of a peer's; the least of two rounds each."""
    found = bench.alternate(scenario, {"tailrace": job, peer: job}, rounds=2)
    if peer not in found:
        raise RuntimeError(f"there is nothing to compare with: {peer} failed or is not installed")
    ours, theirs = (min(r["cpu"] for r in found[name]) for name in ("tailrace", peer))
    return float(ours / theirs)


def _text_of_official(sync: bool) -> Figure:
    def text(bench: Bench) -> float:
        url, warm = bench.addresses.url("text/4000/1"), bench.addresses.url("text/300/1")
        job = {"sync": sync, "way": "text", "url": url, "warm": warm, "count": 4000}
        return _ratio(bench, "burst", "official", job)

    return text


def _request_of(peer: str) -> Figure:
    def request(bench: Bench) -> float:
        url = bench.addresses.url("text/3/1")
        job = {"url": url, "body": "messages", "sync": True, "times": 10}
        return _ratio(bench, "request", peer, job)

    return request


def _client_of_official(bench: Bench) -> float:
    url = bench.addresses.url("text/5/1")

    def used(name: str) -> float:
        code = PROGRAM.format(code=CLIENTS[name].format(url=url))
        done = bench.run([sys.executable, "-c", code])
        assert done is not None
        return float(json.loads(done.stdout.splitlines()[-1])["cpu"])

    return min(used("tailrace") for _ in range(3)) / min(used("official") for _ in range(2))


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
    "cpu_sync_text_of_official": _text_of_official(sync=True),
    "cpu_async_text_of_official": _text_of_official(sync=False),
    "cpu_client_of_official": _client_of_official,
    "cpu_request_of_official": _request_of("official"),
    "cpu_request_of_msgspec": _request_of("msgspec"),
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


def limits() -> dict[str, Limit]:
    """What is recorded."""
    recorded = tomllib.loads(RECORDED.read_text())
    return {name: Limit(**values) for name, values in recorded["figures"].items()}


def recorded_on() -> str:
    """The Python of the record."""
    return str(tomllib.loads(RECORDED.read_text())["python"])


def is_counted(name: str) -> bool:
    """Whether a figure is one that is the same on every machine with the same Python."""
    return name.startswith(("modules", "calls", "bytes"))


def record(found: dict[str, float], known: dict[str, Limit]) -> None:
    """Write down what was found, with the tolerances there are."""
    lines = [
        "# Written by `python -m benchmarks.ratchet --record`, but for the tolerances: how much",
        "# worse a figure may be than recorded, as a part of it. What they are is in ratchet.py.",
        "",
        f'python = "{PYTHON}"',
    ]
    for name, value in found.items():
        tolerance = known[name].tolerance if name in known else 0.1
        lines += ["", f"[figures.{name}]", f"recorded = {value:.4g}", f"tolerance = {tolerance}"]
    RECORDED.write_text("\n".join(lines) + "\n")


def main() -> int:
    """Measure all of them and say what became of them."""
    parser = argparse.ArgumentParser("python -m benchmarks.ratchet")
    parser.add_argument("--record", action="store_true", help="write down what is found")
    recording = parser.parse_args().record
    known, began = limits(), time.monotonic()
    with running() as addresses:
        bench = Bench(addresses, rounds=1)
        found = {
            name: lowest(figure, bench, None if recording else known.get(name))
            for name, figure in FIGURES.items()
        }
    if recording:
        record(found, known)
    here = recorded_on() == PYTHON
    verdicts = {
        name: limit.verdict(found[name], comparable=here or not is_counted(name))
        for name, limit in known.items()
    }
    lines = [
        (name, number(limit.recorded), number(limit.most), number(found[name]), verdicts[name])
        for name, limit in known.items()
    ]
    print(table(("figure", "recorded", "at most", "found", ""), lines))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if "WORSE" in verdicts.values() and not recording else 0


if __name__ == "__main__":
    sys.exit(main())
