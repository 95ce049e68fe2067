"""Make the virtual environment that every make target uses.

Run with any Python from 3.11 on; it says so where the one it got is older, and looks for a newer
one on the path first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
PROGRAMS = {
    "redis-server": "redis-server",
    "openssl": "openssl",
    "chromium": "chromium",
    "curl": "curl",
    "haproxy": "haproxy",
    "node": "nodejs",
    "npm": "npm",
}
NODE = Path(__file__).parents[1] / "tests" / "node"
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3.14")


def main(target: str) -> None:
    """Create `target` and install the project with its development dependencies into it."""
    if sys.version_info < OLDEST:
        newer = next(filter(None, map(shutil.which, CANDIDATES)), None)
        if newer is None:
            have = ".".join(map(str, sys.version_info[:3]))
            sys.exit(f"Tailrace needs Python 3.11 or newer; {sys.executable} is {have}.")
        sys.exit(subprocess.call([newer, __file__, target]))
    python = Path(target) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        run(sys.executable, "-m", "venv", target)
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    # Dependency groups came with pip 25.1.
    run(*pip, "--upgrade", "pip>=25.1")
    run(*pip, "--editable", ".", "--group", "dev")
    install_programs()
    install_node_packages()


def install_programs() -> None:
    """Get what the tests need beyond Python from Debian's packages, where that may be done.

    Where it may not (no apt-get, not root, no network) the tests that need it say so and skip.
    """
    missing = [package for package, program in PROGRAMS.items() if not shutil.which(program)]
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not missing or not root or not shutil.which("apt-get"):
        return
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.call(["apt-get", "update"], **quiet)
    code = subprocess.call(["apt-get", "install", "--yes", "--no-install-recommends", *missing])
    if code:
        print(f"Could not install {', '.join(missing)}; the tests that need it will be skipped.")


def install_node_packages() -> None:
    """Get the npm packages that the tests drive, where there is npm."""
    npm = shutil.which("npm")
    if npm is None:
        return
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    if subprocess.call([npm, "install", *quiet], cwd=NODE):
        print("Could not install the npm packages; the tests that need them will be skipped.")


def run(*command: str) -> None:
    """Run a command; stop with its exit code if it fails."""
    code = subprocess.call(command)
    if code:
        sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1])
