"""The simulator as a user has it: a Claude API on a port of this machine.

It runs in a thread of its own (`with Simulator() as sim`), in the running event loop
(`async with Simulator() as sim`), or as the whole process (`serve`).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from typing import Self

from tailrace.simulator import answers
from tailrace.simulator.answers import Reply
from tailrace.simulator.api import Desk
from tailrace.simulator.host import Api
from tailrace.simulator.pace import Pace
from tailrace.simulator.playbook import Playbook
from tailrace.simulator.quota import Quota
from tailrace.simulator.received import Received
from tailrace.simulator.replay import Replay
from tailrace.simulator.respond import Manner
from tailrace.simulator.running import Runner, Service
from tailrace.simulator.scenario import Scenario
from tailrace.simulator.server import Port, listen

LEAST_TOKEN = 8
API_KEY = "sk-ant-sim-key"
"""A key for clients that insist on one; where `api_keys` is not given any other will do."""


class Simulator(Service):
    """A Claude Messages API of one's own.

    `answer` is what it says: a text, a script, a `Scenario`, a function of the request, one of
    `answers` (`canned`, the default; `echo`; `recordings(folder)`), or a `Replay` of tapes (which
    answers whatever was recorded, without checks; queued scripts still come first).
    `pace` is its tempo, `api_keys` the keys it takes (`None`: any), `seed` (0 if not given) what
    makes its ids, jitter and choices repeatable. `padding` puts spaces before closing braces, as
    the API does; `events_per_packet` joins events into one chunk and one write.
    `validate=False` answers any JSON object.
    `quota` sets rate limits that bite. `tls` is a server-side context for `https`.
    `requests` holds the last `keep_requests` of them. `on_request` is called when a request
    arrives and when its answer has ended, on the server's thread. `clock` gives the Unix time in
    seconds. With a `control_token` there is a page at `/`, and calls under `/_tailrace/` that need
    it, to script and interfere from outside (`tailrace.simulator.control`).
    """

    def __init__(
        self,
        answer: Reply | Scenario | Replay = answers.canned,
        *,
        pace: Pace | None = None,
        api_keys: Iterable[str] | None = None,
        seed: int | None = None,
        padding: bool = True,
        events_per_packet: int = 1,
        validate: bool = True,
        quota: Quota | None = None,
        tls: ssl.SSLContext | None = None,
        keep_requests: int = 10_000,
        on_request: Callable[[Received], None] | None = None,
        clock: Callable[[], float] = time.time,
        control_token: str | None = None,
    ) -> None:
        for name, number in (
            ("events_per_packet", events_per_packet),
            ("keep_requests", keep_requests),
        ):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        if control_token is not None and len(control_token) < LEAST_TOKEN:
            raise ValueError(f"control_token must have at least {LEAST_TOKEN} characters")
        own = answer if isinstance(answer, Scenario) else Scenario([])
        keys = None if api_keys is None else frozenset(api_keys)
        replay = answer if isinstance(answer, Replay) else None
        self.api = Api(
            Playbook(answers.canned if isinstance(answer, Replay) else answer),
            desk=Desk(keys, validate),
            manner=Manner(pace or own.pace or Pace(), padding, events_per_packet),
            quota=quota or own.quota,
            seed=(own.seed or 0) if seed is None else seed,
            clock=clock,
            replay=replay,
            keep=keep_requests,
            on_request=on_request,
            control_token=control_token,
        )
        self._key = min(keys) if keys else API_KEY
        super().__init__(tls)

    # -- what it says ---------------------------------------------------------------------------

    def script(self, *replies: Reply) -> Self:
        """Queue replies, one for each request to come, before the standing answer is heard again.

        `sim.script(Fail(529), Fail(529), "Hello")` fails twice, then answers.
        """
        self.api.playbook.push(replies)
        return self

    def answer_with(self, answer: Reply | Scenario) -> Self:
        """Change the standing answer."""
        self.api.playbook.stand(answer)
        return self

    def clear(self) -> None:
        """Drop the queued replies and forget the requests so far."""
        self.api.playbook.clear()
        self.api.requests.clear()

    # -- what it heard --------------------------------------------------------------------------

    @property
    def requests(self) -> list[Received]:
        """The requests so far, in the order of their arrival."""
        return self.api.requests

    @property
    def scripts_left(self) -> int:
        """How many queued replies no request has taken yet."""
        return self.api.playbook.left

    def wait(self, requests: int = 0, *, timeout: float = 10.0) -> list[Received]:
        """Wait until so many requests have arrived and every answer has ended; give the requests.

        Raises `TimeoutError` after `timeout` seconds. Not for the simulator's own event loop.
        """
        with self.api.changed:
            if not self.api.changed.wait_for(lambda: self._settled(requests), timeout):
                raise TimeoutError(
                    f"after {timeout} s the simulator has {len(self.requests)} of {requests} "
                    f"requests, and {sum(one.ended is None for one in self.requests)} go on"
                )
            return list(self.requests)

    def _settled(self, requests: int) -> bool:
        arrived = self.api.requests
        return len(arrived) >= requests and all(one.ended is not None for one in arrived)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead Claude clients here, the official SDKs included."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": self._key}

    def down(self) -> Down:
        """A time without a server: `with sim.down():` (or `async with`) refuses every connection.

        Connections that wait for a request are closed; replies under way go on.
        """
        address = self._bound()
        assert self._runner is not None
        return Down(self._runner, address)

    def _make(self) -> Port:
        return Port(self.api, self._tls)


class Down:
    """The time in which no one listens; see `Simulator.down`."""

    def __init__(self, runner: Runner, address: tuple[str, int]) -> None:
        self._runner = runner
        self._address = address

    def __enter__(self) -> None:
        self._runner.call(self._runner.port.shut(idle_only=True))

    def __exit__(self, *exception: object) -> None:
        self._runner.call(self._runner.port.open(listen(*self._address)))

    async def __aenter__(self) -> None:
        await self._runner.acall(self._runner.port.shut(idle_only=True))

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.acall(self._runner.port.open(listen(*self._address)))
