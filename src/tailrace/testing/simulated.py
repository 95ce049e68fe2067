"""The simulator without a socket, a thread or a pause: a wire that asks it directly.

    wire = SimulatedWire(Scenario([...]))
    client = Anthropic(http_client=wire, api_key="any")

Requests are checked and answered as by `tailrace.simulator.Simulator`, whose settings are the same,
and faults do to the client what they do on a real connection, as far as one can be told from the
inside: a cut without its end, a reset, and half a chunk are each a lost connection. Time is the
wire's own (`wire.now`): a reply that takes a minute, and the pause before a retry, take none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any
from urllib.parse import urlsplit

from tailrace.core.http import Request
from tailrace.simulator.acts import Fate
from tailrace.simulator.answers import Reply, canned
from tailrace.simulator.http import HttpRequest
from tailrace.simulator.pieces import Response, until_fate
from tailrace.simulator.received import Received
from tailrace.simulator.replay import Replay
from tailrace.simulator.scenario import Scenario
from tailrace.simulator.server import CLIENT_LEFT
from tailrace.simulator.simulator import Simulator
from tailrace.transports.memory import (
    Act,
    Answer,
    ConnectRefused,
    End,
    Lost,
    Pause,
    ScriptedWire,
    Silence,
    Turn,
    Yielding,
)

_ENDS: dict[Fate, Act] = {
    Fate.END: End(),
    Fate.CLOSE: Lost(),
    Fate.HALF_CHUNK: Lost(),
    Fate.RESET: Lost(),
    Fate.HOLD: Silence(),
}


class SimulatedWire(ScriptedWire):
    """Gives each request the answer of a simulator.

    `simulator` is that simulator, not running: `simulator.script(...)` queues replies, and
    `simulator.requests` is what it was asked. `chance` is the number every jitter comes from.
    """

    def __init__(
        self,
        answer: Reply | Scenario | Replay = canned,
        *,
        chance: float = 0.5,
        wall: float = 1_800_000_000.0,
        **settings: Any,
    ) -> None:
        super().__init__((), chance=chance, wall=wall)
        self.simulator = Simulator(answer, clock=self.wall, **settings)

    def _turn(self, request: Request) -> Turn:
        api = self.simulator.api
        if api.refuses():
            return ConnectRefused()
        response, received = api.respond(_asked(request))
        acts = self._played(response, received)
        if not response.status:  # nothing comes, not even a head
            return next((act for act in acts if isinstance(act, (Lost, Silence))), Lost())
        return Answer(
            acts, status=response.status, headers=response.headers, after=response.head_after
        )

    def _played(self, response: Response, received: Received) -> Generator[Act, None, None]:
        """The acts of a response, and the record of how far it went."""
        try:
            for piece in until_fate(response.body):
                if piece.after:
                    yield Pause(piece.after)
                if not piece.framed:  # bytes that are no HTTP, which no client reads on from
                    received.ended = Fate.CLOSE.value
                    yield Lost()
                if piece.data:
                    received.sent += len(piece.data)
                    received.chunks += 1
                    yield piece.data
                if piece.fate is not None:
                    received.ended = None if piece.fate is Fate.HOLD else piece.fate.value
                    yield _ENDS[piece.fate]
        finally:
            received.ended = received.ended or CLIENT_LEFT
            self.simulator.api.finished(received)


class AsyncSimulatedWire(Yielding, SimulatedWire):
    """The same for asynchronous clients: other tasks run wherever a real wire would wait.

    `checkpoint` does that; the default is asyncio's, on trio pass `trio.lowlevel.checkpoint`.
    """

    def __init__(
        self,
        answer: Reply | Scenario | Replay = canned,
        *,
        checkpoint: Callable[[], Awaitable[object]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(answer, **settings)
        self.checkpoint = checkpoint


def _asked(request: Request) -> HttpRequest:
    """The request as the simulator's server would have read it."""
    url = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", url.netloc)
    return HttpRequest(request.method, url.path or "/", url.query, headers, request.content)
