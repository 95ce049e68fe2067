"""Running a port: in a thread of its own, in the running event loop, or as the whole process."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from tailrace.simulator.server import listen

T = TypeVar("T")


class Opens(Protocol):
    """What can be opened on a bound socket, on the running event loop."""

    async def open(self, listening: socket.socket) -> None:
        """Accept connections on the socket, which is from now on its own."""
        ...

    async def shut(self, *, idle_only: bool = False) -> None:
        """Stop listening and drop the connections (or those that wait for a request)."""
        ...


Make = Callable[[], Opens]
"""Makes the port; called on the event loop it will run on."""


class InLoop:
    """A port on the running event loop."""

    def __init__(self, make: Make) -> None:
        self.port = make()

    async def open(self, bound: socket.socket) -> None:
        """Open the port; closes the socket where that fails."""
        try:
            await self.port.open(bound)
        except BaseException:
            bound.close()
            raise

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Cannot be done: the caller is the event loop."""
        work.close()
        raise RuntimeError("in the simulator's own event loop use `async with`")

    async def acall(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this work for the port."""
        return await work


class InThread:
    """A port on an event loop in a thread. Raises what opening it raised."""

    port: Opens

    def __init__(self, make: Make, bound: socket.socket) -> None:
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(
            target=self._main, args=(make, bound), name="tailrace-simulator", daemon=True
        )
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            self._thread.join()
            raise self._failed

    def _main(self, make: Make, bound: socket.socket) -> None:
        try:
            asyncio.run(self._serve(make, bound))
        except BaseException as error:
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self, make: Make, bound: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        runner = InLoop(make)
        self.port = runner.port
        await runner.open(bound)
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            await self.port.shut()

    def stop(self) -> None:
        """Shut the port and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this work for the port, on its loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def acall(self, work: Coroutine[Any, Any, T]) -> T:
        """Do this work for the port, on its loop, from another loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


Runner = InLoop | InThread


class Service:
    """Something on a port of its own: where it is, and how it is started and stopped.

    What it serves is made by `_make`, on the event loop that runs it.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._address: tuple[str, int] | None = None
        self._runner: Runner | None = None

    def _make(self) -> Opens:
        raise NotImplementedError

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

    def _bound(self) -> tuple[str, int]:
        if self._address is None:
            raise RuntimeError("it is not running; use it in a `with` block")
        return self._address

    # -- running it -----------------------------------------------------------------------------

    def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Start it in a thread of its own; port 0 takes a free one.

        Raises `OSError` when the address cannot be used.
        """
        bound = self._listen(host, port)
        try:
            self._runner = InThread(self._make, bound)
        except BaseException:
            self._address = None
            raise
        return self

    def stop(self) -> None:
        """Stop it and drop its connections. It may be started again."""
        runner, self._runner, self._address = self._runner, None, None
        if isinstance(runner, InThread):
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
        self._runner = runner = InLoop(self._make)
        await runner.open(bound)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        runner, self._runner, self._address = self._runner, None, None
        if isinstance(runner, InLoop):
            await runner.port.shut()

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 8787,
        *,
        on_start: Callable[[Self], None] | None = None,
    ) -> None:
        """Serve until Ctrl-C or SIGTERM, as the whole process; for the command.

        `on_start` is called once the port is open. Raises `OSError` when it cannot be.
        """
        bound = self._listen(host, port)
        try:
            _serve(self._make, bound, lambda: on_start(self) if on_start else None)
        finally:
            self._address = None

    def _listen(self, host: str, port: int) -> socket.socket:
        if self._address is not None:
            raise RuntimeError(f"it is running already, at {self.url}")
        bound = listen(host, port)
        self._address = bound.getsockname()[:2]
        return bound


def _serve(make: Make, bound: socket.socket, on_start: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM, as the whole process."""

    async def main() -> None:
        runner = InLoop(make)
        await runner.open(bound)
        stop = asyncio.Event()
        undo = _on_signals(stop.set)
        try:
            on_start()
            await stop.wait()
        finally:
            undo()
            await runner.port.shut()

    asyncio.run(main())


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

    def undo() -> None:
        for number in caught:
            loop.remove_signal_handler(number)

    return undo
