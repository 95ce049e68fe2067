"""Wires without a network: answers from a script, on a clock that only the script moves.

For tests, examples and documentation. A pause takes no time, chance is a number you choose, and
what was asked is kept to be looked at:

    wire = ScriptedWire([Answer(b"data: ...", Pause(30), Lost()), Answer(b"data: ...")])

`ScriptedWire` never waits, so `settle` can drive it; `AsyncScriptedWire` lets other tasks run
wherever a real wire would wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from tailrace.core.http import Headers, Request, Response
from tailrace.procedures.wire import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    WaitTimedOut,
    WireError,
)


class Pause(NamedTuple):
    """Nothing comes for some seconds."""

    seconds: float


class End(NamedTuple):
    """The body is complete. A script that just stops means the same."""


class Lost(NamedTuple):
    """The connection breaks. In place of an answer: before its headers."""


class Silence(NamedTuple):
    """Nothing comes ever again. In place of an answer: no headers come."""


class ConnectRefused(NamedTuple):
    """In place of an answer: no connection can be made."""


class ConnectSilence(NamedTuple):
    """In place of an answer: the connection is never made."""


class BadCertificate(NamedTuple):
    """In place of an answer: the server's certificate is not trusted."""


Act = bytes | Pause | End | Lost | Silence


class Answer:
    """A status, headers, and a body in acts. `after`: seconds until the headers are there.

    Acts may also be made by a generator, each when its turn has come; it is closed at the end.
    """

    def __init__(
        self,
        *acts: Act | Generator[Act, None, None],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        after: float = 0.0,
    ) -> None:
        self.acts = acts
        self.status = status
        self.headers = {"content-type": "text/event-stream"} if headers is None else dict(headers)
        self.after = after


Turn = Answer | Lost | Silence | ConnectRefused | ConnectSilence | BadCertificate
"""What a request meets."""

_FAILURES: dict[type, Callable[[], WireError]] = {
    Lost: lambda: ConnectionLost("the script loses the connection"),
    ConnectRefused: lambda: ConnectFailed("the script refuses the connection"),
    BadCertificate: lambda: ConnectFailed("the script's certificate is bad", permanent=True),
}


class ScriptedWire:
    """Gives each request the next turn of a script. Raises `AssertionError` when there is none."""

    def __init__(
        self, script: Iterable[Turn], *, chance: float = 0.5, wall: float = 1_800_000_000.0
    ) -> None:
        self.now = 0.0
        """The clock, in seconds."""
        self.requests: list[Request] = []
        """Every request, in order."""
        self.sleeps: list[float] = []
        """How long each sleep was, in seconds."""
        self.waits: list[float | None] = []
        """What each read and each `open` was allowed to wait, in seconds."""
        self.answers: list[ScriptedIncoming] = []
        """Every answer that was given."""
        self.closed = False
        self._script = list(script)
        self._chance = chance
        self._wall = wall

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> ScriptedIncoming:
        """The next turn of the script; see `Wire`."""
        if self.closed:
            raise ConnectFailed("the client is closed", permanent=True)
        self.requests.append(request)
        self.waits.append(wait)
        turn = self._turn(request)
        await self._yield()
        if isinstance(turn, Answer):
            await self._pass(turn.after, wait)
            return self._answer(turn, request)
        if isinstance(turn, ConnectSilence):
            self._run_out(connect)
            raise ConnectTimedOut("the script makes no connection")
        if isinstance(turn, Silence):
            self._run_out(wait)
            raise WaitTimedOut("the script answers nothing")
        raise _FAILURES[type(turn)]()

    async def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        self.sleeps.append(seconds)
        self.now += seconds
        await self._yield()

    def monotonic(self) -> float:
        """The clock, in seconds."""
        return self.now

    def wall(self) -> float:
        """The time of day the script plays at, in seconds since the epoch."""
        return self._wall + self.now

    def chance(self) -> float:
        """The same number every time."""
        return self._chance

    async def close(self) -> None:
        """Close every connection."""
        self.closed = True
        for answer in self.answers:
            answer.abort()

    def _turn(self, request: Request) -> Turn:
        """What this request meets."""
        if len(self.requests) > len(self._script):
            raise AssertionError(
                f"the script has {len(self._script)} turns, and this is one request more"
            )
        return self._script[len(self.requests) - 1]

    def _answer(self, turn: Answer, request: Request) -> ScriptedIncoming:
        response = Response(turn.status, Headers(turn.headers), request=request, elapsed=turn.after)
        incoming = ScriptedIncoming(self, response, turn.acts)
        self.answers.append(incoming)
        return incoming

    async def _pass(self, seconds: float, wait: float | None) -> None:
        """Let time pass, or the wait run out, whichever is less."""
        if wait is not None and seconds > wait:
            self._run_out(wait)
            raise WaitTimedOut("nothing came within its time")
        self.now += seconds
        await self._yield()

    def _run_out(self, wait: float | None) -> None:
        if wait is None:
            raise AssertionError("the script is silent, and nothing bounds the wait for it")
        self.now += wait

    async def _yield(self) -> None:
        """Where a real wire would wait."""


class Yielding:
    """The part of an asynchronous scripted wire that lets other tasks run.

    `checkpoint` does that; `None` is asyncio's way.
    """

    checkpoint: Callable[[], Awaitable[object]] | None = None

    async def _yield(self) -> None:
        if self.checkpoint is None:
            await asyncio.sleep(0)
        else:
            await self.checkpoint()


class AsyncScriptedWire(Yielding, ScriptedWire):
    """A scripted wire that lets other tasks run wherever a real one would wait.

    `checkpoint` does that; the default is asyncio's, on trio pass `trio.lowlevel.checkpoint`.
    """

    def __init__(
        self,
        script: Iterable[Turn],
        *,
        chance: float = 0.5,
        wall: float = 1_800_000_000.0,
        checkpoint: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        super().__init__(script, chance=chance, wall=wall)
        self.checkpoint = checkpoint


class ScriptedIncoming:
    """One answer of a script."""

    def __init__(
        self,
        wire: ScriptedWire,
        response: Response,
        acts: Iterable[Act | Generator[Act, None, None]],
    ) -> None:
        self.response = response
        self.closed = False
        """Whether it was closed or read to its end."""
        self.aborted = False
        """Whether it was closed before its end."""
        self._wire = wire
        made = [act if isinstance(act, Generator) else (act,) for act in acts]
        self._generators = [one for one in made if isinstance(one, Generator)]
        self._acts: Iterator[Act] = chain.from_iterable(made)
        self._failure: WireError | None = None

    async def read(self, wait: float | None) -> bytes:
        """The next bytes of the script; see `Incoming`."""
        wire = self._wire
        wire.waits.append(wait)
        await wire._yield()
        if self.aborted:
            raise ConnectionLost("the connection was closed by this side")
        if self._failure is not None:
            raise self._failure
        try:
            data = await self._play(wait)
        except WireError as error:
            self._failure = error
            raise
        if not data:
            self._close()
        return data

    async def _play(self, wait: float | None) -> bytes:
        began = self._wire.now
        for act in self._acts:
            if isinstance(act, End):
                self._acts = iter(())
                break
            if isinstance(act, Pause):
                left = None if wait is None else wait - (self._wire.now - began)
                await self._wire._pass(act.seconds, left)
            elif isinstance(act, Silence):
                self._wire._run_out(wait)
                raise WaitTimedOut("nothing came within its time")
            elif isinstance(act, Lost):
                raise _FAILURES[Lost]()
            elif act:
                return act
        return b""

    async def close(self) -> None:
        """Be done with the answer."""
        if not self.closed:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        if not self.closed:
            self.aborted = True
            self._close()

    def _close(self) -> None:
        self.closed = self.response.is_closed = True
        for generator in self._generators:
            generator.close()
