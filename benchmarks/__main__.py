"""Measure, print, and write `docs/performance.md`.

python -m benchmarks                  everything, about 40 minutes
python -m benchmarks --quick          the client's main figures in two minutes; printed only
python -m benchmarks --only burst     one scenario, measured anew (can be repeated)
python -m benchmarks --report         the page again, from the figures that are kept
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import environment
from benchmarks.measure import Row

if TYPE_CHECKING:
    from benchmarks.certificate import Certificate


def arguments() -> argparse.Namespace:
    """What was asked for."""
    from benchmarks.scenarios import ORDER

    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter; printed only")
    parser.add_argument("--only", action="append", choices=ORDER, metavar="SCENARIO",
                        help=f"one of {', '.join(ORDER)}; can be repeated")  # fmt: skip
    parser.add_argument("--rounds", type=int, help="rounds of each measurement")
    parser.add_argument("--report", action="store_true", help="only write the page again")
    return parser.parse_args()


def main() -> int:
    """Do it, in the environment of the contestants."""
    asked = arguments()
    if not environment.inside():
        environment.prepare()
        command = [str(environment.python()), "-m", "benchmarks", *sys.argv[1:]]
        return subprocess.call(command, cwd=environment.ROOT)
    from benchmarks import report

    failures = [] if asked.report else measure(asked)
    if asked.report or not asked.quick:
        print(f"\nwritten: {report.write().relative_to(environment.ROOT)}")
    return 1 if failures else 0


def measure(asked: argparse.Namespace) -> list[str]:
    """Measure scenario after scenario, and tell what failed."""
    from benchmarks import certificate
    from benchmarks.scenarios import chosen
    from benchmarks.tables import asked_and_found

    began, rows, failures = time.monotonic(), list[Row](), list[str]()
    with tempfile.TemporaryDirectory() as directory:
        made = certificate.make(Path(directory))
        for name in chosen(asked.only, quick=asked.quick):
            found, failed = one(name, asked, made)
            rows += found
            failures += failed
    print("\n## Asked and found\n\n" + asked_and_found(rows))
    print(f"\n{len(failures)} failed; {time.monotonic() - began:.0f} s", *failures, sep="\n- ")
    return failures


def one(
    name: str, asked: argparse.Namespace, made: Certificate | None
) -> tuple[list[Row], list[str]]:
    """Measure one scenario on servers of its own, print it, and keep full figures."""
    from benchmarks import report, servers
    from benchmarks.bench import Bench
    from benchmarks.scenarios import load
    from benchmarks.tables import figures

    scenario, began = load(name), time.monotonic()
    with servers.running(made.own if made else None) as addresses:
        trusted = made.trusted if made else None
        bench = Bench(addresses, quick=asked.quick, rounds=asked.rounds, certificates=trusted)
        try:
            rows: list[Row] = scenario.run(bench)
        except servers.ServersGoneError as gone:
            print(f"  {name} is given up: {gone}", file=sys.stderr)
            return [], [*bench.failures, f"{name}: {gone}"]
    if rows:
        took = time.monotonic() - began
        print(f"\n## {scenario.TITLE} ({took:.0f} s)\n\n{figures(rows)}", flush=True)
        if not bench.quick:
            report.keep(name, rows, bench.failures)
    return rows, bench.failures


if __name__ == "__main__":
    sys.exit(main())
