"""Which journal an address means."""

from __future__ import annotations

from pathlib import Path

from .journal import Journal
from .memory import MemoryJournal

DEFAULT_FILE = "tailrace-relay.db"


def open_journal(where: str | Path | None) -> Journal:
    """The journal an address means.

    `None` is the file `tailrace-relay.db` in the current folder, `"memory:"` this process's memory,
    `redis://`, `rediss://`, `unix://` (and `valkey://`, `valkeys://`) a server, anything else the
    path of an SQLite file. Raises `ModuleNotFoundError` for a server where redis-py is missing.
    """
    text = str(where or DEFAULT_FILE)
    if text == "memory:":
        return MemoryJournal()
    scheme, found, rest = text.partition("://")
    if not found:
        from .sqlite import SQLiteJournal

        return SQLiteJournal(text.removeprefix("sqlite:"))
    server = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    if server not in ("redis", "rediss", "unix"):
        raise ValueError(f"a relay's address begins with redis://, rediss:// or unix://: {scheme}")
    try:
        from .redis import RedisJournal
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("a Redis journal needs redis-py: pip install redis") from error
    return RedisJournal(f"{server}://{rest}")
