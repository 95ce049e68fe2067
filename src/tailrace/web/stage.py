"""The show's processes: nodes and a Redis server, started again whenever they have ended.

Theory of operation. A `Kept` process is one task: start, wait until it serves, wait until it has
ended, pause, and again. Killing is nothing but `kill -9`; what follows from it is the same as after
any other death. The journal is a Redis server of the show's own, reached through a socket file in a
private folder; without a `redis-server` it is an SQLite file, and only nodes can be killed. All are
in sessions of their own: Ctrl-C is for the program that keeps them, which ends them.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PAUSE = 2.0
START_SECONDS = 30.0


class Kept:
    """A process that is started again, `pause` seconds after it has ended.

    `start` starts it and gives the process and its port (0: none) once it serves.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[tuple[Process, int]]],
        *,
        pause: float = PAUSE,
    ) -> None:
        self.name = name
        self.connections = 0
        """How many connections the doors have joined with it."""
        self.ends = 0
        """How often it has ended."""
        self._start = start
        self._pause = pause
        self._up = asyncio.Event()
        self._process: Process | None = None
        self._port = 0
        self._keeping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int | None:
        """The port it listens on; `None` while it is down."""
        return self._port if self._up.is_set() else None

    @property
    def pid(self) -> int | None:
        """Its process id; `None` while it is down."""
        return self._process.pid if self._process is not None and self._up.is_set() else None

    async def open(self) -> None:
        """Start it. Raises `RuntimeError` where it does not serve within half a minute."""
        self._keeping = asyncio.create_task(self._keep())
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait(
            [up, self._keeping], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        up.cancel()
        if self._keeping.done():
            await self._keeping
        elif not self._up.is_set():
            raise RuntimeError(f"{self.name} did not serve within {START_SECONDS:g} seconds")

    def kill(self) -> bool:
        """`kill -9`; whether there was something to kill."""
        if self.pid is None or self._process is None:
            return False
        self._up.clear()
        self._process.kill()
        return True

    async def close(self) -> None:
        """End it for good."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            self._process, self._port = await self._start()
            self._up.set()
            try:
                await self._process.wait()
            finally:
                self._up.clear()
                with suppress(ProcessLookupError):
                    self._process.kill()
                    await self._process.wait()
            self.ends += 1
            await asyncio.sleep(self._pause)


def node(number: int, settings: Callable[[], dict[str, Any]]) -> Kept:
    """A node with the relay; `settings` are the arguments of `node.node_app`."""

    async def start() -> tuple[Process, int]:
        command = (sys.executable, "-m", "tailrace.web.node")
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        with _killed_if_it_fails(process):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(settings()).encode() + b"\n")
            line = await process.stdout.readline()
            if not line:
                raise RuntimeError(f"node {number} ended before it served")
            return process, int(line)

    return Kept(f"Node {number}", start)


def redis_program() -> str | None:
    """The server to use, `None` where there is none, or nothing to speak to it with."""
    if find_spec("redis") is None:
        return None
    return shutil.which("redis-server") or shutil.which("valkey-server")


def redis(program: str, folder: Path) -> Kept:
    """A Redis server on a socket file in a folder, with its append-only file beside it."""
    socket = redis_socket(folder)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "appendonly": "yes",
        "daemonize": "no",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]

    async def start() -> tuple[Process, int]:
        process = await asyncio.create_subprocess_exec(
            program, *words, stdout=DEVNULL, start_new_session=True
        )
        with _killed_if_it_fails(process):
            while not await _answers(socket):
                if process.returncode is not None:
                    code = process.returncode
                    raise RuntimeError(f"{program} ended with {code} before it served")
                await asyncio.sleep(0.02)
            return process, 0

    return Kept("Redis", start)


def redis_socket(folder: Path) -> Path:
    """Where the server listens."""
    return folder / "redis.sock"


@contextmanager
def _killed_if_it_fails(process: Process) -> Generator[None]:
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        raise


async def _answers(socket: Path) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return (await reader.readline()).startswith(b"+PONG")
    except OSError:
        return False
    finally:
        writer.close()
