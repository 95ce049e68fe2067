"""The simulator as a user has it: a Claude API on a port of this machine.

It runs in a thread of its own (`with Simulator() as sim`), in the running event loop
(`async with Simulator() as sim`), or as the whole process (`serve`).
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from tailrace.simulator import answers
from tailrace.simulator.answers import Reply
from tailrace.simulator.api import Desk
from tailrace.simulator.host import Api
from tailrace.simulator.pace import Pace
from tailrace.simulator.playbook import Playbook
from tailrace.simulator.quota import Quota
from tailrace.simulator.received import Received
from tailrace.simulator.respond import Manner
from tailrace.simulator.scenario import Scenario
from tailrace.simulator.server import Port, listen

T = TypeVar("T")

API_KEY = "sk-ant-sim-key"
"""A key for clients that insist on one; where `api_keys` is not given any other will do."""


class Simulator:
    """A Claude Messages API of one's own.

    `answer` is what it says: a text, a script, a `Scenario`, a function of the request, or one of
    `answers` (`canned`, the default; `echo`; `recordings(folder)`). `pace` is its tempo,
    `api_keys` the keys it takes (`None`: any), `seed` (0 if not given) what makes its ids, jitter
    and choices repeatable. `padding` puts spaces before closing braces, as the API does;
    `events_per_packet` joins events into one chunk and one write. `validate=False` answers any
    JSON object.
    `quota` sets rate limits that bite. `tls` is a server-side context for `https`.
    `on_request` is called when a request arrives and when its answer has ended, on the server's
    thread. `clock` gives the Unix time in seconds.
    """

    def __init__(
        self,
        answer: Reply | Scenario = answers.canned,
        *,
        pace: Pace | None = None,
        api_keys: Iterable[str] | None = None,
        seed: int | None = None,
        padding: bool = True,
        events_per_packet: int = 1,
        validate: bool = True,
        quota: Quota | None = None,
        tls: ssl.SSLContext | None = None,
        on_request: Callable[[Received], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if events_per_packet < 1:
            raise ValueError(f"events_per_packet must be at least 1, not {events_per_packet}")
        own = answer if isinstance(answer, Scenario) else Scenario([])
        keys = None if api_keys is None else frozenset(api_keys)
        self.api = Api(
            Playbook(answer),
            desk=Desk(keys, validate),
            manner=Manner(pace or own.pace or Pace(), padding, events_per_packet),
            quota=quota or own.quota,
            seed=(own.seed or 0) if seed is None else seed,
            clock=clock,
            on_request=on_request,
        )
        self._key = min(keys) if keys else API_KEY
        self._tls = tls
        self._address: tuple[str, int] | None = None
        self._runner: _Runner | None = None

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

    # -- where it is ----------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._bound()[0]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._bound()[1]

    @property
    def url(self) -> str:
        """What a client takes as its base URL, e.g. `http://127.0.0.1:40123`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead Claude clients here, the official SDKs included."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": self._key}

    def _bound(self) -> tuple[str, int]:
        if self._address is None:
            raise RuntimeError("the simulator is not running; use `with Simulator() as sim:`")
        return self._address

    # -- running it -----------------------------------------------------------------------------

    def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Start it in a thread of its own; port 0 takes a free one.

        Raises `OSError` when the address cannot be used.
        """
        bound = self._listen(host, port)
        self._runner = _Thread(self.api, bound, self._tls)
        return self

    def stop(self) -> None:
        """Stop it and drop its connections. It may be started again."""
        runner, self._runner, self._address = self._runner, None, None
        if isinstance(runner, _Thread):
            runner.stop()

    def __enter__(self) -> Self:
        return self if self._address else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        bound = self._listen("127.0.0.1", 0)
        self._runner = runner = _Loop(self.api, self._tls)
        await runner.open(bound)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        runner, self._runner, self._address = self._runner, None, None
        if isinstance(runner, _Loop):
            await runner.port.shut()

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 8787,
        *,
        on_start: Callable[[Simulator], None] | None = None,
    ) -> None:
        """Serve until Ctrl-C or SIGTERM, as the whole process; for the command.

        `on_start` is called once the port is open. Raises `OSError` when it cannot be.
        """
        bound = self._listen(host, port)

        async def main() -> None:
            runner = _Loop(self.api, self._tls)
            await runner.open(bound)
            stop = asyncio.Event()
            undo = _on_signals(stop.set)
            try:
                if on_start is not None:
                    on_start(self)
                await stop.wait()
            finally:
                undo()
                await runner.port.shut()

        try:
            asyncio.run(main())
        finally:
            self._address = None

    def down(self) -> Down:
        """A time without a server: `with sim.down():` (or `async with`) refuses every connection.

        Connections that wait for a request are closed; replies under way go on.
        """
        if self._runner is None:
            raise RuntimeError("the simulator is not running")
        return Down(self._runner, self._bound())

    def _listen(self, host: str, port: int) -> socket.socket:
        if self._address is not None:
            raise RuntimeError(f"the simulator is running already, at {self.url}")
        bound = listen(host, port)
        self._address = bound.getsockname()[:2]
        return bound


class _Loop:
    """A port on the running event loop."""

    def __init__(self, api: Api, tls: ssl.SSLContext | None) -> None:
        self.port = Port(api, tls)

    async def open(self, bound: socket.socket) -> None:
        try:
            await self.port.open(bound)
        except BaseException:
            bound.close()
            raise

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        work.close()
        raise RuntimeError("in the simulator's own event loop use `async with`")

    async def acall(self, work: Coroutine[Any, Any, T]) -> T:
        return await work


class _Thread:
    """A port on an event loop in a thread."""

    def __init__(self, api: Api, bound: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(
            target=self._main, args=(api, bound, tls), name="tailrace-simulator", daemon=True
        )
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            raise self._failed

    def _main(self, api: Api, bound: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            asyncio.run(self._serve(api, bound, tls))
        except BaseException as error:
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self, api: Api, bound: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        runner = _Loop(api, tls)
        self.port = runner.port
        await runner.open(bound)
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            await runner.port.shut()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def acall(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


_Runner = _Loop | _Thread


class Down:
    """The time in which no one listens; see `Simulator.down`."""

    def __init__(self, runner: _Runner, address: tuple[str, int]) -> None:
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


def _on_signals(stop: Callable[[], None]) -> Callable[[], None]:
    """Call `stop` on Ctrl-C and SIGTERM where the platform allows; returns what undoes it."""
    loop = asyncio.get_running_loop()
    caught: list[int] = []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stop)
            except NotImplementedError:  # Windows: Ctrl-C cancels `asyncio.run` instead
                break
            caught.append(number)
    return lambda: [loop.remove_signal_handler(number) for number in caught].clear()
