"""A real Redis server of the tests' own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts import program


class Server:
    """A Redis or Valkey server on a free port, with its append-only file in a folder."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary = binary
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.folder,
            "save": "",
            "appendonly": "yes",
            "appendfsync": "no",
            "aof-load-truncated": "yes",
            "daemonize": "no",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen([self.binary, *words], stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("the Redis server did not come up")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def redis_binary() -> str:
    return program("redis-server", "valkey-server")


@pytest.fixture(scope="session")
def redis_module() -> None:
    if os.environ.get("CI") != "true":
        pytest.importorskip("redis", reason="redis-py is not installed: pip install redis")


@pytest.fixture(scope="session")
def redis(
    redis_binary: str, redis_module: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    server = Server(redis_binary, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def run():
    """Run a coroutine to its end, in an event loop of its own."""

    def start(coroutine, *, timeout: float = 30.0):
        async def main():
            async with asyncio.timeout(timeout):
                return await coroutine

        return asyncio.run(main())

    return start
