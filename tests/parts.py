"""What tests need beyond Python packages: programs and npm packages.

`scripts/setup.py` installs them where it may. Elsewhere the test that asks for one that is missing
is skipped with a reason that names it; where `CI` is `true` it fails instead.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

NODE = Path(__file__).parent / "node"


def missing(reason: str) -> NoReturn:
    """Skip this test; in CI, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str, package: str | None = None) -> str:
    """The path of the first of these programs that there is."""
    beside = Path(sys.executable).parent
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=str(beside))
        if found:
            return found
    return missing(f"no {' or '.join(names)}; on Debian: apt-get install {package or names[0]}")


def node_packages(*names: str) -> Path:
    """The folder to run Node programs in, that has these npm packages."""
    program("node", package="nodejs")
    for name in names:
        if not (NODE / "node_modules" / name / "package.json").exists():
            missing(f"the npm package {name} is not installed: npm install in tests/node")
    return NODE
