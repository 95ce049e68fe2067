"""Logging: one logger, `tailrace`, silent unless asked.

`ANTHROPIC_LOG=debug` or `info` turns it on, as with the official SDK; an application's own
configuration of the logger works as for any other. What is logged: methods, addresses, statuses,
request ids and retries. What never is: keys, headers, prompts and replies.
"""

from __future__ import annotations

import logging

log = logging.getLogger("tailrace")

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


def enable_logging(level: str | None) -> None:
    """Show the log on standard error from `level` on, if it is one of the two known."""
    number = _LEVELS.get((level or "").lower())
    if number is None:
        return
    log.setLevel(number)
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("[%(asctime)s %(name)s %(levelname)s] %(message)s"))
        log.addHandler(handler)
