"""The process's own input and output, as the command needs them."""

from __future__ import annotations

import os
import sys
from typing import Any, cast


def settle_encodings(*, json: bool) -> None:
    """Replace what a terminal cannot show and what piped bytes do not spell, rather than fail."""
    stdin, stdout = cast("Any", sys.stdin), cast("Any", sys.stdout)
    if hasattr(stdin, "reconfigure"):
        stdin.reconfigure(errors="replace")
    if hasattr(stdout, "reconfigure"):  # JSON is UTF-8 (RFC 8259, section 8.1)
        stdout.reconfigure(encoding="utf-8" if json else None, errors="replace")


def write_to_nobody() -> None:
    """Go on without a reader: what is written from now on, and what waits in the buffer, is lost.

    To be called after a `BrokenPipeError`; else the interpreter fails to flush when it ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
