"""What a procedure asks of the world: a wire.

Theory of operation. A procedure is `async def` and does all its waiting through a `Wire`. An
asynchronous wire really awaits. A synchronous wire's methods are `async def` too but block instead
of awaiting, so `settle` can run the whole procedure in one step: sync and async share every line
of it. Time and chance are part of the wire, so a scripted wire makes both repeatable.

A wire has one error border: whatever its HTTP client raises leaves as a `WireError`, with the
original as `__cause__`. An `Incoming` is one answer; its `close` and `abort` may be called while
another thread or task reads, whose read then ends with `ConnectionLost`; a finaliser may call
`abort`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, ParamSpec, Protocol, TypeGuard, TypeVar, cast

from tailrace.core.http import Request, Response

P = ParamSpec("P")
T = TypeVar("T")


class WireError(Exception):
    """The wire failed; the text says how, without any content."""


class ConnectFailed(WireError):  # noqa: N818 - what happened, as the standard library's names do
    """No connection could be made. `permanent`: trying again cannot help (a bad certificate)."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class ConnectTimedOut(ConnectFailed):
    """The connection did not stand within its time."""


class WaitTimedOut(WireError):  # noqa: N818
    """Nothing came within the time given to `open` or `read`."""


class ConnectionLost(WireError):  # noqa: N818
    """The connection broke after it stood: reset, or ended before the body did."""


class Incoming(Protocol):
    """One answer, its body still arriving."""

    response: Response

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the body as they come; `b""` at its proper end, and ever after.

        Waits at most `wait` seconds. Raises `WaitTimedOut`, or `ConnectionLost` where the body
        breaks off (a reset, a chunk cut short, fewer bytes than `content-length` said). After a
        timeout the answer can only be closed.
        """
        ...

    async def close(self) -> None:
        """Be done with the answer: give the connection back if the body was read to its end, else
        close it at once, without draining. May be called again."""
        ...

    def abort(self) -> None:
        """Close the connection at once, from any thread, task or finaliser, waking a `read`."""
        ...


class DirectIncoming(Incoming, Protocol):
    """An answer that can also be read without a coroutine of its own.

    With many streams at once each packet finds the processor's caches cold, and then what counts is
    how many functions it runs through: a coroutine inside a coroutine is two, twice.
    """

    direct: bool
    """Whether this one can."""

    arrival: Any
    """What a `resumable` yields to its task to wait, once `take` has given nothing."""

    def take(self, until: float) -> bytes | None:
        """What `read` would give without waiting, or raise; `None` where it would wait.

        In that case it is ready for the task to wait on `arrival`, until then (in the wire's
        monotonic time) at most. Nothing need have come after it: `take` again.
        """
        ...


class Wire(Protocol):
    """A client's way to the network. Shared by its threads or tasks."""

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> Incoming:
        """Send a request and return the answer once its headers are there.

        `connect` and `wait` bound, in seconds, connecting and waiting for the headers. Raises
        `ConnectFailed`, `ConnectTimedOut`, `WaitTimedOut` or `ConnectionLost`.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Pause for a time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps back, and goes on while the machine sleeps where the
        system has such a clock."""
        ...

    def wall(self) -> float:
        """The time of day, in seconds since the epoch."""
        ...

    def chance(self) -> float:
        """A random number from 0 up to 1."""
        ...

    async def close(self) -> None:
        """Close every connection. May be called again."""
        ...


def is_wire(value: object) -> TypeGuard[Wire]:
    """Whether something is a wire, by what it can do; HTTP clients have no clock."""
    return all(hasattr(value, name) for name in ("open", "monotonic", "chance", "sleep"))


def resumable(function: Callable[P, Generator[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """A generator function as a function that makes coroutines.

    What it yields goes to its task as it is.
    """
    made: Any = coroutine(function)
    return cast("Callable[P, Coroutine[Any, Any, T]]", made)


def settle(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose every await is already settled, as all of a synchronous wire's are.

    Raises `RuntimeError` if it really waits: that would be an asynchronous wire in a synchronous
    client.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        coroutine.close()
    raise RuntimeError("a synchronous client met work that really waits")
