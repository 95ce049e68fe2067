"""The recorder: a proxy in front of an API that writes each exchange to a tape.

It passes on what it is sent and what it gets back, chunk by chunk as it arrives, and notes when.
What is written has no keys in it (`redact`). Exchanges that the client gave up are not written.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tailrace.simulator import redact
from tailrace.simulator.loose import a_dict
from tailrace.simulator.proxy import Proxy
from tailrace.simulator.running import Service
from tailrace.simulator.tape import Tape, dump

API = "https://api.anthropic.com"


class Recorder(Service):
    """A proxy that records: point a client at its `url`.

    `upstream` is the API's base URL. Each exchange becomes a file in `folder`, which is made if
    need be; they are numbered, after those already there. `mask` makes the contents unreadable.
    `on_tape` is called with each tape as it is written, on the recorder's thread. `verify` is the
    TLS context for the upstream, the system's if not given.
    """

    def __init__(
        self,
        upstream: str = API,
        folder: str | Path = "tapes",
        *,
        mask: bool = False,
        on_tape: Callable[[Tape], None] | None = None,
        verify: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self._upstream = _checked(upstream)
        self._folder = Path(folder)
        self._mask = mask
        self._on_tape = on_tape
        self._verify = verify
        self.tapes: list[Tape] = []

    def _make(self) -> Proxy:
        verify = self._verify
        if verify is None and self._upstream.scheme == "https":
            verify = ssl.create_default_context()
        return Proxy(self._upstream, self._keep, verify, self._tls)

    def _keep(self, tape: Tape) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{_next_number(self._folder):04d}-{_slug(tape)}.tape"
        clean = redact.clean(replace(tape, name=name), mask=self._mask)
        (self._folder / name).write_text(dump(clean), encoding="utf-8", newline="\n")
        self.tapes.append(clean)
        if self._on_tape is not None:
            self._on_tape(clean)


def _checked(upstream: str) -> SplitResult:
    url = urlsplit(upstream)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"the upstream must be an http or https URL, not {upstream!r}")
    return url


def _next_number(folder: Path) -> int:
    numbers = [re.match(r"\d+", path.name) for path in folder.glob("*.tape")]
    return max((int(found[0]) for found in numbers if found), default=0) + 1


def _slug(tape: Tape) -> str:
    """A name for the file: the model, or the end of the path."""
    model = a_dict(tape.json).get("model")
    return re.sub(r"[^A-Za-z0-9.-]+", "-", str(model or tape.path.rpartition("/")[2]))[:60]
