"""What the checks of a wire stand on: how to make one, how to run it, and what to expect."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from tailrace.core.http import Headers, Request
from tailrace.procedures.wire import Incoming, Wire, WireError, settle

from .check_server import PATIENCE, Script, Server

Work = Callable[[], Coroutine[Any, Any, None]]
MakeWire = Callable[..., Wire]
Run = Callable[[Work], Any]

AnError = TypeVar("AnError", bound=WireError)


def settled(work: Work) -> None:
    """How a synchronous wire's work is run."""
    settle(work())


class World:
    """A kind of wire, and how its coroutines are run."""

    def __init__(self, make_wire: MakeWire, run: Run) -> None:
        self.make_wire = make_wire
        self.run = run

    def against(self, script: Script, work: Callable[[Server], Coroutine[Any, Any, None]]) -> None:
        """Run work against a server that plays a script."""
        with Server(script) as server:
            self.run(lambda: work(server))

    @contextlib.asynccontextmanager
    async def wire(self, **options: Any) -> AsyncGenerator[Wire, None]:
        """A wire that is closed in the end."""
        wire = self.make_wire(**options)
        try:
            yield wire
        finally:
            await wire.close()


def asking(
    url: str, *, method: str = "POST", content: bytes = b"{}", headers: dict[str, str] | None = None
) -> Request:
    """A request."""
    return Request(method, f"{url}/v1/messages", Headers(headers or {}), content)


async def opened(wire: Wire, url: str, wait: float | None = PATIENCE) -> Incoming:
    """An answer."""
    return await wire.open(asking(url), connect=PATIENCE, wait=wait)


async def whole(incoming: Incoming) -> bytes:
    """A body, read to its end; and that it stays at its end."""
    body = b""
    while data := await incoming.read(PATIENCE):
        body += data
    assert await incoming.read(PATIENCE) == b"", "after its end a body must stay at its end"
    return body


async def fetched(wire: Wire, url: str) -> bytes:
    """The whole body of an answer, closed after it."""
    incoming = await opened(wire, url)
    body = await whole(incoming)
    await incoming.close()
    return body


async def failing(kind: type[AnError], doing: Awaitable[object]) -> AnError:
    """The error of something that must fail in a certain way."""
    try:
        result = await doing
    except WireError as error:
        if isinstance(error, kind):
            return error
        raise AssertionError(f"{kind.__name__} expected, {error!r} raised") from error
    raise AssertionError(f"{kind.__name__} expected, {result!r} returned")


class Stopwatch:
    """How long something took, in seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def check(self, at_least: float) -> None:
        """It took its time, to a timer's granularity, and not for ever."""
        took = time.monotonic() - self._began
        assert at_least - 0.005 <= took < PATIENCE / 2, f"took {took:.3f} s, expected {at_least} s"
