"""The servers that the replies come from: a bare protocol on loopback, in a process of its own.

    python -m benchmarks.servers [certificate-and-key.pem]

It prints its ports as a line of JSON and serves until its standard input ends. What it does for a
request is to read it, look at its path and write bytes that were made before, so that a reader is
hardly ever kept waiting. A *paced* reply (`/live/50`) sends that many events a second, each in a
packet of its own with the time of sending in it; streams take turns, so that packets are spread
over time as those of independent replies are. A reader that falls behind is not sent more than it
has room for: what waits for 2,000 of them would soon be all the memory of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchmarks.replies import opening, stamped, whole

TURNS_A_SECOND = 1000
MOST_WAITING = 64 * 1024
"""How many bytes may wait for a paced reply's reader, here and again in the kernel."""


class Pace:
    """Paced replies at one rate: each has its turn, once a period."""

    def __init__(self, rate: int) -> None:
        self._turns: list[set[asyncio.WriteTransport]] = [
            set() for _ in range(max(1, TURNS_A_SECOND // rate))
        ]
        self._apart = 1 / rate / len(self._turns)
        self._turn = 0
        self._due = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._tick()

    def join(self, stream: asyncio.WriteTransport) -> None:
        """Give a stream its turn, where the fewest are."""
        min(self._turns, key=len).add(stream)

    def leave(self, stream: asyncio.WriteTransport) -> None:
        """Let go of a stream that has ended."""
        for turn in self._turns:
            turn.discard(stream)

    def _tick(self) -> None:
        while self._due <= time.monotonic():
            for stream in self._turns[self._turn]:
                if stream.get_write_buffer_size() < MOST_WAITING:
                    stream.write(stamped(time.monotonic()))
            self._turn = (self._turn + 1) % len(self._turns)
            self._due += self._apart
        self._loop.call_later(max(0.0, self._due - time.monotonic()), self._tick)


class Server(asyncio.Protocol):
    """One connection: request after request, each answered as its path says."""

    def __init__(self, paces: dict[int, Pace]) -> None:
        self._paces = paces
        self._head = b""
        self._path = ""
        self._missing = 0  # bytes of the request's body that are still to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        for pace in self._paces.values():
            pace.leave(self._transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            head, blank, body = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            self._path = head.split(b" ", 2)[1].decode()
            self._missing = _content_length(head) - len(body)
        if self._missing <= 0:
            self._head, self._missing = b"", 0
            self._answer()

    def _answer(self) -> None:
        name, *rest = self._path.split("/v1/")[0].strip("/").split("/")
        numbers = [int(number) for number in rest]
        if name == "live":
            own_socket = self._transport.get_extra_info("socket")
            own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_WAITING)
            self._transport.write(opening())
            (rate,) = numbers
            if rate not in self._paces:
                self._paces[rate] = Pace(rate)
            self._paces[rate].join(self._transport)
        elif name == "idle":
            self._transport.write(opening() + stamped(time.monotonic()))
        else:
            self._transport.write(whole(name, *numbers))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve(certificate: str | None) -> None:
    """Serve until standard input ends."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    paces: dict[int, Pace] = {}

    async def listen(context: ssl.SSLContext | None) -> int:
        server = await loop.create_server(
            lambda: Server(paces), "127.0.0.1", 0, ssl=context, backlog=4096
        )
        return int(server.sockets[0].getsockname()[1])

    ports = {"http": await listen(None)}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        ports["https"] = await listen(context)
    print(json.dumps(ports), flush=True)

    def wait_for_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()


def many_files() -> None:
    """Let this process open as many files as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# -- seen from the process that measures -------------------------------------------------------


class ServersGoneError(RuntimeError):
    """The process of the servers has ended: whatever is measured from here on means nothing."""


@dataclass(frozen=True)
class Addresses:
    """Where the servers are."""

    http: str
    https: str | None
    check: Callable[[], None] = lambda: None
    """Raises `ServersGoneError` once nobody is there any more."""

    def url(self, reply: str, tls: bool = False) -> str:
        """The base URL under which every request is answered with `reply`."""
        origin = self.https if tls else self.http
        assert origin, "there is no certificate, so no TLS"
        return f"{origin}/{reply}"


@contextlib.contextmanager
def running(certificate: Path | None = None) -> Iterator[Addresses]:
    """Run the servers; TLS with a certificate."""
    command = [sys.executable, "-m", "benchmarks.servers"]
    command += [str(certificate)] if certificate else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ports = json.loads(process.stdout.readline())
            yield Addresses(
                http=f"http://127.0.0.1:{ports['http']}",
                https=f"https://localhost:{ports['https']}" if "https" in ports else None,
                check=lambda: _check(process),
            )
        finally:
            process.stdin.close()


def _check(process: subprocess.Popen[bytes]) -> None:
    code = process.poll()
    if code is None:
        return
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"left with code {code}"
    raise ServersGoneError(f"the benchmarks' own server {how}; what it said stands above")


def main() -> None:
    """Serve on uvloop where there is one: the server should not be what is measured."""
    many_files()
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(serve(sys.argv[1] if len(sys.argv) > 1 else None))


if __name__ == "__main__":
    main()
