"""The five clocks of a stream: a value that says how long, and a state that says when.

Theory of operation. `Timeout` is what the caller chose. `Deadlines` is one attempt's clocks while
they run: the wire is asked to wait `wait(now)` seconds at most for the next bytes, is told of
arrivals (`bytes_arrived`, `progress_made`), and when a wait ran out `expired(now)` names the clock.
`idle` is set back by any byte, `progress` by anything but a ping, `first_event` counts to the first
event that is not a ping, and `total` runs from the start of the call and is never set back. Time
comes in as an argument, from a monotonic clock, in seconds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec

_PROGRESS = 900.0


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for what, in seconds; `None` is for ever.

    `connect`: until the connection (with TLS) stands. `first_event`: from sending the request to
    the first event of the reply (of a reply that is not streamed: to its headers). `idle`: between
    any two bytes, pings included. `progress`: between any two events that are not pings. `total`:
    the whole call, retries included. What the caller does between two reads counts for `total`
    alone.

    The defaults keep a long pause for thinking alive, which pings bridge, and end a dead
    connection within minutes.
    """

    connect: float | None = 10.0
    first_event: float | None = 300.0
    idle: float | None = 120.0
    progress: float | None = _PROGRESS
    total: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value: Any = getattr(self, name)
            if value is None:
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 < value < math.inf:
                raise ValueError(
                    f"timeout {name} must be a positive number of seconds, or None for no bound, "
                    f"not {value!r}"
                )


NO_TIMEOUT = Timeout(connect=None, first_event=None, idle=None, progress=None, total=None)

DEFAULT_TIMEOUT = Timeout()
"""The clocks a client has unless it is given others."""


def timeout_from(value: Any) -> Timeout:
    """A `Timeout` from what callers pass: one, a number of seconds, `None`, or an httpx-like one.

    A number bounds each wait (`connect`, `first_event`, `idle`), as the official SDK's does, and
    leaves `progress` at its default or at the number, whichever is longer: pings alone keep no
    stream alive for ever. `None` stops all clocks. Of an object with `connect` and `read` (such as
    `httpx2.Timeout`) `read` sets both `first_event` and `idle`. Raises `TypeError` for anything
    else.
    """
    if isinstance(value, Timeout):
        return value
    if value is None:
        return NO_TIMEOUT
    if type(value) in (int, float):
        return Timeout(connect=value, first_event=value, idle=value, progress=max(value, _PROGRESS))
    if hasattr(value, "connect") and hasattr(value, "read"):
        return Timeout(
            connect=value.connect, first_event=value.read, idle=value.read, progress=None
        )
    raise TypeError(
        "timeout must be a number of seconds, None, a tailrace.Timeout or an httpx2.Timeout, "
        f"not {type(value).__name__}"
    )


class Expiry(NamedTuple):
    """A clock that ran out: its name and its setting in seconds."""

    clock: str
    seconds: float


class Deadlines:
    """One attempt's clocks, running."""

    __slots__ = (
        "_began",
        "_called",
        "_can_be_steady",
        "_event_until",
        "_idle",
        "_idle_until",
        "_longest",
        "_progress",
        "_timeout",
        "_total_until",
        "arrived",
        "now",
        "steady",
        "usual",
    )

    def __init__(self, timeout: Timeout, *, now: float, called: float) -> None:
        self._timeout = timeout
        self._called = called
        self._began = self._progress = now
        self.now = now
        """When the last bytes came."""
        self.arrived = False
        """Whether an event that is not a ping has come in this attempt."""
        # When each clock runs out, kept ready, since a stream asks at every packet.
        self._idle = _endless(timeout.idle)
        self._idle_until = now + self._idle
        self._longest = _endless(timeout.progress)
        self._event_until = now + _endless(timeout.first_event)
        self._total_until = called + _endless(timeout.total)
        self.steady = False
        """Whether the next read may wait for as long as `usual`: after an event, without a `total`.
        If it brings an event again, none of it need be told; if not, tell `read_began`."""
        self.usual = usual = min(self._idle, self._longest)
        """How long a read may wait at most, in seconds, if `steady`."""
        self._can_be_steady = timeout.total is None and usual < math.inf

    def read_began(self, now: float) -> None:
        """A read began while `steady`: what the caller did before it is not the server's time."""
        self.now = self._progress = now

    def bytes_arrived(self, now: float) -> None:
        """Any bytes came."""
        if self.steady:
            self.steady = False
            self._event_until = self._progress + self._longest
        self.now = now
        self._idle_until = now + self._idle

    def progress_made(self, now: float) -> None:
        """Bytes came, and with them an event that is not a ping."""
        self.now = self._progress = now
        self._idle_until = now + self._idle
        self._event_until = now + self._longest
        self.arrived = True
        self.steady = self._can_be_steady

    def wait(self, now: float) -> float | None:
        """How long to wait for the next bytes, in seconds; `None` is for ever."""
        left = min(self._idle_until, self._event_until, self._total_until) - now
        return None if left == math.inf else max(left, 0.0)

    def connect_wait(self, now: float) -> float | None:
        """How long connecting may take, in seconds; `None` is for ever."""
        nearest = self.wait(now)
        connect = self._timeout.connect
        if connect is None or nearest is None:
            return connect if nearest is None else nearest
        return min(connect, nearest)

    def answer_wait(self, now: float) -> float | None:
        """How long the headers may take, in seconds: a server that thinks first sends no bytes."""
        nearest: float | None = None
        for clock, since, seconds in self._running():
            if seconds is not None and clock != "idle":
                left = since + seconds - now
                nearest = left if nearest is None or left < nearest else nearest
        return None if nearest is None else max(nearest, 0.0)

    def nearest(self, now: float) -> Expiry:
        """The clock that runs out next, for a wait that ended a moment early."""
        left = [
            (since + seconds - now, Expiry(clock, seconds))
            for clock, since, seconds in self._running()
            if seconds is not None
        ]
        return min(left)[1] if left else Expiry("idle", 0.0)

    def expired(self, now: float) -> Expiry | None:
        """The clock that has run out by `now`, the most telling first, or `None`."""
        for clock, since, seconds in self._running():
            if seconds is not None and now - since >= seconds - 1e-6:
                return Expiry(clock, seconds)
        return None

    def _running(self) -> tuple[tuple[str, float, float | None], ...]:
        timeout = self._timeout
        event = (
            ("progress", self._progress, timeout.progress)
            if self.arrived
            else ("first_event", self._began, timeout.first_event)
        )
        return (("total", self._called, timeout.total), event, ("idle", self.now, timeout.idle))


def _endless(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
