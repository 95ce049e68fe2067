"""What the measurements ran on: the machine, Python, and the versions of everybody."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

LIBRARIES = ("tailrace", "anthropic", "litellm", "openai")
BENEATH = ("msgspec", "urllib3", "aiohttp", "httpx2", "pydantic", "uvloop")


def machine() -> str:
    """One line on the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def load() -> str:
    """How busy the machine was already, as the number of processes that wanted to run."""
    return f"{os.getloadavg()[0]:.1f}"


def versions(names: tuple[str, ...]) -> str:
    """The versions of those that are installed."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
