"""The soak: browsers that follow live answers while nodes and Redis are killed at random."""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.measure import Row, column
from benchmarks.usage import cpu, cpu_of_children

TITLE = "The relay under fire"
ABOUT = """
Two nodes (uvicorn, a process each) and one Redis server with its append-only file. Answers of 50
tokens a second, four characters each, for 30 seconds; 50 viewers follow each. Every six seconds one
of the three processes is killed (`kill -9`), and is started again two seconds later. A viewer whose
connection broke comes back within two seconds with its last event id, to whichever node is up. Each
character is compared with the truth. *Behind* is how long after the answers' own end the last
viewer had its answer whole. Some of that is there however few the viewers are: an answer whose node
was killed waits for seconds until another node goes on with it, and who makes the answers pauses
after each token without making up for late wake-ups. All of it, viewers included, shares the
machine's cores; what stops it is the first number of viewers that is far behind.
"""

LADDER = (500, 1000, 2000)
A_STORY = 50
SECONDS = 30
PACE = 200.0  # characters a second: 50 tokens of four
EVERY = 6.0
RETRY = 1.0  # as the relay tells browsers
ALLOWED = 15.0
"""Seconds behind after which more viewers are not tried."""

_FRAME = re.compile(rb"id: (\S+)\ndata: ([^\n]*)\n\n")
_TEXT = re.compile(rb'"text_delta","text":"((?:[^"\\]|\\.)*)"')


def run(bench: Bench) -> list[Row]:
    """More and more viewers, until they fall behind."""
    from tailrace.web.stage import redis_program

    rows: list[Row] = []
    if bench.lacks("redis-server", redis_program()):
        return rows
    for viewers in LADDER:
        results = bench.alternate("soak", {"tailrace": {"viewers": viewers}}, rounds=1)
        if not results.get("tailrace"):
            break
        what = f"{viewers:,} viewers"
        rows += [
            Row(f"{what}: characters a second, all together", "", column(results, "rate")),
            Row(f"{what}: lost, doubled or wrong", "characters", column(results, "wrong")),
            Row(f"{what}: processes killed", "", column(results, "kills")),
            Row(f"{what}: times that a viewer came back", "", column(results, "returns")),
            Row(f"{what}: behind at the end", "s", column(results, "behind")),
            Row(f"{what}: of a core, the viewers alone", "%", column(results, "load", 100)),
            Row(f"{what}: of a core, nodes and Redis", "%", column(results, "served", 100)),
        ]
        if results["tailrace"][0]["behind"] > ALLOWED:
            break
    return [Row(r.label, r.unit, r.values, plotted=False) for r in rows]


def measured(*, contestant: str, viewers: int) -> dict[str, float]:
    """One run."""
    assert contestant == "tailrace"
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        return asyncio.run(Soak(Path(folder), viewers).run())


class Soak:
    """The processes, the stories and their viewers."""

    def __init__(self, folder: Path, viewers: int) -> None:
        from tailrace.web.stage import node, redis, redis_program, redis_socket

        program = redis_program()
        if program is None:
            raise RuntimeError("there is no redis-server")
        journal = f"unix://{redis_socket(folder)}"
        settings: dict[str, Any] = {
            "journal": journal,
            "token": "soak",
            "origin": "http://soak",
            "pace": PACE,
        }
        settings["viewers"] = viewers
        self.nodes = [node(number, lambda: settings) for number in (1, 2)]
        self.kept = [redis(program, folder), *self.nodes]
        self.viewers = viewers
        self.returns = 0
        self.dice = random.Random(viewers)

    async def run(self) -> dict[str, float]:
        """Start everything, kill for a while, and wait for the last viewer."""
        began, used = time.monotonic(), cpu_of_children()
        try:
            for kept in self.kept:
                await kept.open()
            figures = await self._run()
        finally:
            for kept in self.kept:
                await kept.close()
        served = (cpu_of_children() - used) / (time.monotonic() - began)
        return figures | {"served": served}

    async def _run(self) -> dict[str, float]:
        length = int(PACE * SECONDS)
        began, used = time.monotonic(), cpu()
        stories = [
            await self._begin(number, length) for number in range(-(-self.viewers // A_STORY))
        ]
        told_by = time.monotonic() + SECONDS
        viewers = [Viewer(self, *stories[n % len(stories)]) for n in range(self.viewers)]
        following = asyncio.gather(*(viewer.follow() for viewer in viewers))
        killing = asyncio.create_task(self._kill(told_by))
        async with asyncio.timeout(SECONDS + 120):
            await following
            await killing
        now = time.monotonic()
        return {
            "rate": length * self.viewers / (now - began),
            "wrong": float(sum(viewer.wrong for viewer in viewers)),
            "kills": float(killing.result()),
            "returns": float(self.returns),
            "behind": max(0.0, max(viewer.ended for viewer in viewers) - told_by),
            "load": (cpu() - used) / (now - began),
        }

    async def _begin(self, number: int, length: int) -> tuple[str, bytes]:
        """Have a story told; where it is, and its text."""
        from tailrace.web.show import Post, until_done
        from tailrace.web.story import story

        post = Post(self.port(), "soak", number, length)
        id_ = await until_done(lambda: asyncio.to_thread(post.send))
        return f"/claude/v1/messages/{id_}?token=soak", story(number, length).encode()

    async def _kill(self, until: float) -> int:
        kills = 0
        while time.monotonic() < until - EVERY:
            await asyncio.sleep(EVERY)
            kills += self.dice.choice(self.kept).kill()
        return kills

    def port(self) -> int:
        """A node that is up, if one is."""
        ports = [node.port for node in self.nodes if node.port is not None]
        return self.dice.choice(ports) if ports else 1


class Viewer(asyncio.Protocol):
    """One browser: it follows a story to its end, whatever happens to its connections."""

    def __init__(self, soak: Soak, path: str, truth: bytes) -> None:
        self.wrong = 0
        self.ended = 0.0
        self._soak = soak
        self._path = path
        self._truth = truth
        self._place = 0
        self._cursor = b""
        self._data = b""
        self._broken: asyncio.Future[None] | None = None

    async def follow(self) -> None:
        """Follow to the end."""
        loop, dice = asyncio.get_running_loop(), self._soak.dice
        while not self.ended:
            self._broken, self._data = loop.create_future(), b""
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", self._soak.port())
                await self._broken
            except OSError:
                pass
            if not self.ended:
                self._soak.returns += 1
                await asyncio.sleep(RETRY + dice.random())
        self.wrong += abs(len(self._truth) - self._place)

    def connection_made(self, transport: Any) -> None:
        """Ask for what is still missing."""
        self._transport = transport
        cursor = b"last-event-id: " + self._cursor + b"\r\n" if self._cursor else b""
        head = b"GET " + self._path.encode() + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        transport.write(head + cursor + b"connection: close\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        """Frames came, or parts of them; chunk sizes between them do not matter here."""
        data = self._data + data
        if data.startswith(b"HTTP/1.1 409"):  # what it was told is no longer part of the reply
            self._place, self._cursor = 0, b""
            self._transport.abort()
            return
        end = 0
        for frame in _FRAME.finditer(data):
            end = frame.end()
            self._cursor = frame[1]
            for text in _TEXT.findall(frame[2]):
                said = text.replace(b"\\n", b"\n")
                self.wrong += not self._truth.startswith(said, self._place)
                self._place += len(said)
            if frame[1] == b"end":
                self.ended = time.monotonic()
                self._transport.abort()
        self._data = data[end:]

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection broke, or all was said."""
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(None)
