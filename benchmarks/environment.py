"""The virtual environment of the contestants: made once, and again when what it holds changes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
HERE = ROOT / ".benchmarks"
VENV = HERE / "venv"
REQUIREMENTS = ROOT / "benchmarks" / "requirements.txt"
OPTIONAL = ROOT / "benchmarks" / "requirements-optional.txt"


def python() -> Path:
    """The interpreter of the environment."""
    return VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def inside() -> bool:
    """Whether this process runs in the environment."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def prepare() -> None:
    """Make the environment unless it is there and holds what it should."""
    wanted = hashlib.sha256()
    for path in (REQUIREMENTS, OPTIONAL, ROOT / "pyproject.toml"):
        wanted.update(path.read_bytes())
    stamp = VENV / "holds.sha256"
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return
    print(f"Installing the contestants into {VENV.relative_to(ROOT)} …", flush=True)
    if not python().exists():
        venv.create(VENV, with_pip=True)
    pip = [str(python()), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--editable", str(ROOT), "-r", str(REQUIREMENTS)], check=True)
    for line in OPTIONAL.read_text().splitlines():
        if line and not line.startswith("#") and subprocess.call([*pip, line]):
            print(f"{line} could not be installed and is left out.")
    stamp.write_text(wanted.hexdigest())
