"""What a scenario is given: the servers, the contestants, and turns for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Results
from benchmarks.servers import Addresses
from benchmarks.worker import ABSENT

ROOT = Path(__file__).parents[1]
LONGEST = 180
"""After how many seconds a measurement is given up."""


def environment(certificates: Path | None = None) -> dict[str, str]:
    """The environment of a measured process: nobody's keys, proxies or settings in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "PYTHON")) and not name.lower().endswith("_proxy")
    }
    kept |= {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    if certificates:
        kept["SSL_CERT_FILE"] = str(certificates)
    return kept


class Bench:
    """Runs measurements, each in a process of its own."""

    def __init__(
        self,
        addresses: Addresses,
        *,
        quick: bool = False,
        rounds: int | None = None,
        certificates: Path | None = None,
    ) -> None:
        self.addresses = addresses
        self.quick = quick
        self.rounds = rounds or (2 if quick else 5)
        self.failures: list[str] = []
        self._environment = environment(certificates)
        self._absent: set[str] = set()

    def pick(self, quick: Any, full: Any) -> Any:
        """One of two values, as the mode is."""
        return quick if self.quick else full

    def lacks(self, what: str, found: object) -> bool:
        """Whether something that a measurement needs was not found; says so if it was not."""
        if not found:
            print(f"  left out, not installed: {what}", file=sys.stderr)
        return not found

    def alternate(
        self,
        scenario: str,
        jobs: Mapping[str, Mapping[str, Any]],
        rounds: int | None = None,
        once: Collection[str] = (),
    ) -> Results:
        """Do the jobs in turn, round after round, every other round backwards; some only `once`.

        A job is named after its contestant unless it names one. One that fails is left out from
        then on, and what it said is kept in `failures`. Raises `ServersGoneError` if it is the
        servers that failed.
        """
        results: Results = {name: [] for name in jobs}
        for number in range(rounds or self.rounds):
            for name in list(jobs)[:: -1 if number % 2 else 1]:
                if name not in results or (number and name in once):
                    continue
                job = {"scenario": scenario, "contestant": name, **jobs[name]}
                figures = self._measure(job)
                if figures is None:
                    del results[name]
                else:
                    results[name].append(figures)
        return {name: results[name] for name in jobs if name in results}

    def _measure(self, job: dict[str, Any]) -> dict[str, float] | None:
        if job["contestant"] in self._absent:
            return None
        found = self.run([sys.executable, "-m", "benchmarks.worker", json.dumps(job)])
        self.addresses.check()
        if found is None or found.returncode not in (0, ABSENT):
            said = "no end in sight" if found is None else found.stderr.strip()[-300:]
            self.failures.append(f"{job}: {said}")
            print(f"  failed: {self.failures[-1]}", file=sys.stderr)
            return None
        if found.returncode == ABSENT:
            self._absent.add(job["contestant"])
            self.lacks(job["contestant"], None)
            return None
        figures: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
        return figures

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str] | None:
        """Run a command as the measured processes are run; `None` if it took too long."""
        try:
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=self._environment,
                cwd=ROOT,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
