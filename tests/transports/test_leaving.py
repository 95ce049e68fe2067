"""A process that leaves replies unread ends without a complaint, even from Python's own checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("leaving.py")


@pytest.mark.parametrize(
    ("wire", "way"),
    [
        ("urllib3", "dropped"),
        ("urllib3", "cycle"),
        ("urllib3", "kept"),
        ("asyncio", "dropped"),
        ("asyncio", "cycle"),
        ("asyncio", "kept"),
        ("careless", "kept"),
    ],
)
def test_nothing_is_complained_of(wire: str, way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", str(SCRIPT), wire, way],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("left\n", "", 0)
