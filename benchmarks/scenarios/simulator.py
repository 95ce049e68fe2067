"""The simulator as a source of load: one process of it, many clients that only count."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.bench import ROOT, Bench
from benchmarks.measure import Row, Target, column

TITLE = "The simulator"
ABOUT = """
One process of `Simulator`, with its defaults: it checks each request, makes each event and writes
it by itself. 200 clients in another process read as fast as it sends, and count the events; then
1,000 clients get 50 events a second each. *asked* is what was asked of it. The peer is aimock, of
npm, where it is installed: `npm install --prefix .benchmarks/node @copilotkit/aimock`.
"""

ASKED = 50_000  # events a second
CLIENTS = 200
PACED_CLIENTS = 1000
PACE = 50
AIMOCK = ROOT / ".benchmarks" / "node"

TAILRACE_SERVER = """
import sys
from tailrace.simulator import Pace, Simulator, Text
words, pace = int(sys.argv[1]), float(sys.argv[2])
sim = Simulator(Text("word " * words), pace=Pace(pace) if pace else None)
sim.serve(port=0, on_start=lambda sim: print(sim.url, flush=True))
"""
AIMOCK_SERVER = """
import { LLMock } from "@copilotkit/aimock";
const [words, pace] = process.argv.slice(-2).map(Number);
const streamingProfile = pace ? { tps: pace } : undefined;
const mock = new LLMock({ port: 0, chunkSize: 5, latency: 0, logLevel: "silent" });
mock.onMessage(/.*/, { content: "word ".repeat(words) }, { streamingProfile });
await mock.start();
console.log(mock.url);
"""


def run(bench: Bench) -> list[Row]:
    """As fast as it goes; then at a pace."""
    rounds = bench.pick(1, 5)
    fast = {"clients": CLIENTS, "words": bench.pick(500, 4000), "pace": 0}
    jobs: dict[str, dict[str, Any]] = {"tailrace": fast, "aimock": fast}
    results = bench.alternate("simulator", jobs, rounds)
    rate = column(results, "rate") | {"asked": [float(ASKED)] * rounds}
    rows = [
        Row(f"{CLIENTS} clients", "events/s", rate, [Target("asked", 1, at_least=True)]),
        Row(f"{CLIENTS} clients: CPU of the server", "µs/event", column(results, "cpu", 1e6)),
    ]
    paced = {"clients": PACED_CLIENTS, "words": bench.pick(150, 500), "pace": PACE}
    jobs = {"tailrace": paced, "aimock": paced}
    results = bench.alternate("simulator", jobs, bench.pick(1, 3))
    what = f"{PACED_CLIENTS} clients, {PACE} events/s each"
    return [
        *rows,
        Row(f"{what}: arrived", "events/s", column(results, "rate"), plotted=False),
        Row(f"{what}: CPU of the server", "µs/event", column(results, "cpu", 1e6), plotted=False),
    ]


def measured(*, contestant: str, clients: int, words: int, pace: float) -> dict[str, float]:
    """Events a second that many clients get, and the server's CPU seconds for each."""
    with _server(contestant, words, pace) as (process, url):
        before = _cpu(process.pid)
        began = time.perf_counter()
        events = asyncio.run(_read(url, clients))
        seconds = time.perf_counter() - began
        used = _cpu(process.pid) - before
    if events < clients * words:
        raise RuntimeError(f"{contestant} sent {events} events, not {clients * words}")
    return {"rate": events / seconds, "cpu": used / events, "events": events}


@contextmanager
def _server(contestant: str, words: int, pace: float) -> Iterator[tuple[Any, str]]:
    """The contestant's server, as a process, and its address."""
    command, folder = _command(contestant)
    told = [*command, str(words), str(pace)]
    with subprocess.Popen(told, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def _command(contestant: str) -> tuple[list[str], Path]:
    if contestant == "tailrace":
        return [sys.executable, "-c", TAILRACE_SERVER], ROOT
    node = shutil.which("node")
    if node is None or not (AIMOCK / "node_modules" / "@copilotkit" / "aimock").exists():
        raise ModuleNotFoundError(contestant)
    return [node, "--input-type=module", "-e", AIMOCK_SERVER, "--"], AIMOCK


async def _read(url: str, clients: int) -> int:
    """Open a connection for each client, ask on all, and count the events of all."""
    loop = asyncio.get_running_loop()
    readers = [_Reader(loop.create_future()) for _ in range(clients)]
    at = urlsplit(url)
    for reader in readers:
        await loop.create_connection(lambda one=reader: one, at.hostname, at.port)
    request = _request()
    for reader in readers:
        reader.transport.write(request)
    return sum(await asyncio.gather(*(reader.done for reader in readers)))


class _Reader(asyncio.Protocol):
    """Counts the events of one reply."""

    def __init__(self, done: asyncio.Future[int]) -> None:
        self.done = done
        self.transport: Any = None
        self._events = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        seen = self._tail + data
        self._events += seen.count(b"\nevent: ")
        self._tail = seen[-7:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(self._events)


def _request() -> bytes:
    message = {"role": "user", "content": "Say it."}
    asked = {"model": "claude-sonnet-5-5", "max_tokens": 64_000, "messages": [message]}
    body = json.dumps({**asked, "stream": True}).encode()
    head = (
        "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\nx-api-key: k\r\n"
        "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
