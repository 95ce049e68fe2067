"""The requests of a simulator as a table that stays up to date in the terminal.

rich redraws it a few times a second while requests go on. It shows what was asked of whom and how
far the answer has got, never a prompt or a key. Requests that are over scroll away upwards as plain
lines once the table is full, so nothing that was seen is lost.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tailrace.cli.serve_simulator import told
from tailrace.simulator import Received

SHOWN = 12
"""How many requests the table holds."""
REDRAWS = 6  # a second

_WIDE = 88  # columns of the terminal from which all of the table is shown
_ENDS = {"end": "whole", "close": "cut: closed", "half_chunk": "cut: half a chunk"}


class LiveTable:
    """Told of requests with `note`, on any thread; drawn between `start` and `stop`."""

    def __init__(
        self, console: Console | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._console = console or Console()
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: dict[int, Received] = {}
        self._ended: Counter[str] = Counter()
        self._live: Live | None = None

    def note(self, received: Received) -> None:
        """A request has come, or its answer has ended."""
        with self._lock:
            self._requests[received.number] = received
            if received.ended is not None:
                self._ended[state(received)] += 1
            gone = self._overflow()
        for one in gone:
            self._console.print(f"{one.number} {told(one)}", highlight=False)

    def start(self) -> None:
        """Begin to draw."""
        self._live = Live(
            get_renderable=self.table,
            console=self._console,
            refresh_per_second=REDRAWS,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def stop(self) -> None:
        """Draw it a last time, and say what there was."""
        if self._live is None:
            return
        self._live.stop()
        self._live = None
        total = sum(self._ended.values())
        told = ", ".join(f"{count} {how}" for how, count in self._ended.most_common())
        self._console.print(f"{total} answered" + (f": {told}" if told else ""), highlight=False)

    def table(self) -> Table:
        """The table as of now."""
        wide = self._console.width >= _WIDE
        table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
        for name in _columns(wide):
            right = name in ("#", "chunks", "/s", "bytes", "seconds")
            table.add_column(name, justify="right" if right else "left", no_wrap=True)
        now = self._clock()
        with self._lock:
            shown = list(self._requests.values())
        for one in shown:
            cells = self._cells(one, now)
            table.add_row(*(cells[name] for name in _columns(wide)))
        return table

    def _cells(self, one: Received, now: float) -> dict[str, Text]:
        seconds = max((one.ended_at or now) - one.time, 0.0)
        rate = one.chunks / seconds if one.stream and seconds else 0.0
        streamed = " (stream)" if one.stream else ""
        return {
            "#": Text(str(one.number), "dim"),
            "request": Text(f"{one.method} {one.path}{streamed}"),
            "model": Text(one.model),
            "status": Text(str(one.status), "green" if one.status < 400 else "red"),
            "chunks": Text(f"{one.chunks:,}"),
            "/s": Text(f"{rate:.0f}" if rate else ""),
            "bytes": Text(f"{one.sent:,}"),
            "seconds": Text(f"{seconds:.1f}"),
            "state": Text(state(one), _style(one)),
        }

    def _overflow(self) -> list[Received]:
        """Take out the oldest that are over, as many as the table has too many."""
        over = [one for one in self._requests.values() if one.ended is not None]
        gone = over[: max(len(self._requests) - SHOWN, 0)]
        for one in gone:
            del self._requests[one.number]
        return gone


def state(received: Received) -> str:
    """What has become of a request, in a word or two."""
    if received.ended == "end" and received.status >= 400:
        return "error"
    if received.ended is not None:
        return _ENDS.get(received.ended, received.ended)
    return "streaming" if received.chunks else "waiting"


def _style(received: Received) -> str:
    if received.ended is None:
        return "yellow"
    return "green" if state(received) == "whole" else "red"


def _columns(wide: bool) -> tuple[str, ...]:
    if wide:
        return ("#", "request", "model", "status", "chunks", "/s", "bytes", "seconds", "state")
    return ("#", "request", "status", "chunks", "seconds", "state")
