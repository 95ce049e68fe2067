"""The process that is measured: one contestant, one job, then it ends.

    python -m benchmarks.worker '{"scenario": "burst", "contestant": "tailrace", …}'

The figures are its last line of output, as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from benchmarks.servers import many_files

ABSENT = 3
"""The exit code that says that the contestant is not installed."""


def main() -> None:
    """Do the job and leave at once, whatever is still open."""
    job = json.loads(sys.argv[1])
    many_files()
    try:
        scenario = importlib.import_module(f"benchmarks.scenarios.{job.pop('scenario')}")
        figures = scenario.measured(**job)
    except ModuleNotFoundError as missing:
        print(missing, file=sys.stderr)
        code = ABSENT
    else:
        print(json.dumps(figures), flush=True)
        code = 0
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
