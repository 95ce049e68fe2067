"""Two web nodes and two workers, each a process; the worker that is at work is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tailrace.core.framing import EventStreamDecoder
from tailrace.relay.cursors import parse_cursor
from tailrace.relay.journal import END
from tailrace.simulator import Pace, Simulator

from .scripted import PARAMS

WORDS = " ".join(f"word{n}" for n in range(120))
BODY = {**PARAMS, "model": "claude-sonnet-4-6", "max_tokens": 1000, "stream": True}


def story(ask) -> str:
    """The story, or the rest of it for those who ask to go on."""
    said = [m["content"][0]["text"] for m in ask.messages if m["role"] == "assistant"]
    if not said:
        return WORDS
    assert WORDS.startswith(said[0])
    return WORDS[len(said[0]) - min(len(said[0]), 20) :]


class Processes:
    """What is started here is stopped here."""

    def __init__(self, where: str, upstream: str) -> None:
        self.where = where
        key = {"ANTHROPIC_BASE_URL": upstream, "ANTHROPIC_API_KEY": "any"}
        self.environment = {**os.environ, **key}
        self.stack = ExitStack()
        self.status: dict[subprocess.Popen[str], str] = {}

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, *words]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.stack.callback(process.communicate)
        self.stack.callback(process.kill)
        return process

    async def worker(self) -> subprocess.Popen[str]:
        words = ("relay", "worker", self.where, "--status", "0")
        process = self.start("-W", "error", "-m", "tailrace", *words)
        line = await asyncio.to_thread(process.stdout.readline)
        assert "ready" in line, process.communicate()
        self.status[process] = line.split()[-1].removesuffix("/metrics")
        return process

    async def busy(self, client, *workers: subprocess.Popen[str]) -> subprocess.Popen[str]:
        """The worker that produces something."""
        async with asyncio.timeout(30):
            while True:
                for worker in workers:
                    metrics = (await client.get(f"{self.status[worker]}/metrics")).text
                    if "\ntailrace_relay_generations_running 1\n" in metrics:
                        return worker
                await asyncio.sleep(0.02)

    async def node(self, on_crash: str) -> tuple[str, subprocess.Popen[str]]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        program = str(Path(__file__).with_name("workers_node.py"))
        process = self.start(program, self.where, str(port), on_crash)
        url = f"http://127.0.0.1:{port}/claude"
        async with httpx2.AsyncClient() as client, asyncio.timeout(30):
            while True:
                try:
                    if (await client.get(f"{url}/readyz")).status_code == 200:
                        return url, process
                except httpx2.TransportError:
                    assert process.poll() is None, process.communicate()
                    await asyncio.sleep(0.05)


class Reader:
    """One answer of a node, as far as it has come."""

    def __init__(self, client, method: str, url: str, **options) -> None:
        self.events: list[dict] = []
        self.ids: list[str] = []
        self.headers: dict = {}
        self.begun = asyncio.Event()
        self.task = asyncio.create_task(self._read(client, method, url, options))

    async def _read(self, client, method, url, options) -> None:
        decoder = EventStreamDecoder()
        async with client.stream(method, url, headers={"x-user": "ada"}, **options) as response:
            self.headers = dict(response.headers)
            async for chunk in response.aiter_bytes():
                for frame in decoder.feed(chunk):
                    self.events.append(json.loads(frame.data))
                    self.ids.append(frame.id)
                    if len(self.text) > 60:
                        self.begun.set()

    @property
    def text(self) -> str:
        deltas = [e["delta"] for e in self.events if e["type"] == "content_block_delta"]
        return "".join(delta.get("text", "") for delta in deltas)

    async def ended(self) -> dict:
        async with asyncio.timeout(60):
            await self.task
        return self.events[-1]


@pytest.fixture(params=["redis", "sqlite"])
def where(request, tmp_path) -> str:
    return request.getfixturevalue("redis").url if request.param == "redis" else str(tmp_path / "r")


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(run, where) -> None:
    async def main() -> None:
        sim = stack.enter_context(Simulator(story, pace=Pace(tokens_per_second=60.0)))
        processes = Processes(where, sim.url)
        stack.enter_context(processes.stack)
        workers = await asyncio.gather(processes.worker(), processes.worker())
        (one, _), (two, _) = await asyncio.gather(*(processes.node("continue") for _ in range(2)))
        async with httpx2.AsyncClient(timeout=60) as client:
            posted = Reader(client, "POST", f"{one}/v1/messages", json=BODY)
            await asyncio.wait_for(posted.begun.wait(), 30)
            generation = posted.headers["relay-id"]
            elsewhere = Reader(client, "GET", f"{two}/v1/messages/{generation}")
            await asyncio.wait_for(elsewhere.begun.wait(), 30)
            first = await processes.busy(client, *workers)
            first.kill()  # at once: it must not have finished
            (second,) = {*workers} - {first}
            for reader in (posted, elsewhere):
                assert (await reader.ended())["type"] == "message_stop"
                assert reader.text == WORDS
                usage = next(e["usage"] for e in reader.events if e["type"] == "message_delta")
                assert usage["certainty"] == "lower_bound"
                cursors = [parse_cursor(text) for text in reader.ids]
                assert cursors == sorted(set(cursors))
                epochs = {cursor.at.epoch for cursor in cursors}
                assert len(epochs - {END.epoch}) == 2, "the same generation, a new epoch"
            assert posted.events == elsewhere.events
            assert len(sim.requests) == 2, "asked once, and once to go on"

            # The other worker is told to stop: what runs ends well, and nothing new is taken.
            last = Reader(client, "POST", f"{two}/v1/messages", json=BODY)
            await asyncio.wait_for(last.begun.wait(), 30)
            url = processes.status[second]
            assert (await client.get(f"{url}/readyz")).status_code == 200
            second.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while (await client.get(f"{url}/readyz")).status_code != 503:
                    await asyncio.sleep(0.02)
            assert (await client.get(f"{url}/healthz")).status_code == 200
            assert (await client.get(f"{url}/")).status_code == 404
            assert (await last.ended())["type"] == "message_stop"
            assert last.text == WORDS
            assert await asyncio.to_thread(second.wait, 30) == 0
            assert second.stderr.read() == ""

    with ExitStack() as stack:
        run(main(), timeout=100)


def test_a_cancel_on_one_node_ends_what_a_worker_produces(run, redis) -> None:
    async def main() -> None:
        sim = stack.enter_context(Simulator(story, pace=Pace(tokens_per_second=20.0)))
        processes = Processes(redis.url, sim.url)
        stack.enter_context(processes.stack)
        await processes.worker()
        (one, _), (two, _) = await asyncio.gather(*(processes.node("interrupt") for _ in range(2)))
        async with httpx2.AsyncClient(timeout=60) as client:
            posted = Reader(client, "POST", f"{one}/v1/messages", json=BODY)
            await asyncio.wait_for(posted.begun.wait(), 30)
            url = f"{two}/v1/messages/{posted.headers['relay-id']}"
            answer = await client.delete(url, headers={"x-user": "ada"})
            assert answer.json()["cancelled"] is True
            assert (await posted.ended())["type"] == "error"
            async with asyncio.timeout(10):
                while sim.requests[-1].ended is None:
                    await asyncio.sleep(0.02)
            assert len(posted.text) < len(WORDS)

    with ExitStack() as stack:
        run(main(), timeout=100)
