"""Who is measured: one small program a client library, all with the same two classes.

`Sync(url, streams)` and `Async(url, streams)` are clients for `streams` calls at a time. Each way
of reading a reply is a method that gives what it reads, piece by piece, to `took`:

- `text`: the text stream; each piece of text
- `events`: the helper's events; the text of each text event
- `raw`: the wire events; the text of each text delta
- `keep`: the helper's events themselves

`ask` is the request's messages. A way that a library does not have is not there.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "How does a tailrace work?"}]


def load(name: str) -> ModuleType:
    """The program of a contestant; raises `ImportError` if its library is not installed."""
    return importlib.import_module(f"benchmarks.contestants.{name}")
