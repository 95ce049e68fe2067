"""What a process used, asked from inside it."""

from __future__ import annotations

import resource
from pathlib import Path

PAGE = resource.getpagesize()


def cpu(whose: int = resource.RUSAGE_SELF) -> float:
    """CPU seconds of this process so far, the system's share included."""
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def cpu_of_children() -> float:
    """CPU seconds of all that this process started and saw the end of."""
    return cpu(resource.RUSAGE_CHILDREN)


def resident() -> float:
    """Resident memory of this process, in bytes; its highest so far where /proc is missing."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
