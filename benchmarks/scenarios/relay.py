"""The relay: what it costs to send one event to one of many viewers."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import ROOT, Bench
from benchmarks.measure import Row, Target, column
from benchmarks.scenarios.held import BUSY
from benchmarks.watching import all_get_more, check, connect, counts, disconnect
from benchmarks.worker import ABSENT

TITLE = "The relay"
ABOUT = """
Many viewers follow some sources of 20 events a second, 50 viewers a source or all of them one, all
served by one process of uvicorn: CPU of that process for each event that a viewer got, and how late
it was.
*Tailrace* is `relay.app()` on a journal in memory: it journals each event, and its viewers can come
back and go on. *Starlette* is `StreamingResponse`, which sends ready-made bytes out of one queue a
viewer; *sse-starlette* and *fastapi.sse* are those packages' `EventSourceResponse`. The floor is a
bare protocol that writes the bytes to each transport and does nothing else. Every viewer must get
every event, once and in order. Who needs all of a core falls behind, and its CPU for an event is
too kind. With a source for each viewer nothing is shared: what it costs to journal an event is then
borne by one viewer, where the peers have no journal. Viewers held are found by going up a ladder;
who was late with time to spare is asked again.
"""

PEERS = ("tailrace", "starlette", "sse_starlette", "fastapi_sse", "floor")
VIEWERS, SOURCES, RATE = 1000, 20, 20.0
A_SOURCE = VIEWERS // SOURCES
LATE = 0.060
LADDER = (500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000)
SILENT = 2000
TOKENS, REPLIES = 50.0, 100
REDIS = "redis-server"
SETTLING, SECONDS, PATIENCE = 2.0, 4.0, 10.0


def run(bench: Bench) -> list[Row]:
    """CPU and lag on either loop; then, in the full mode, how many viewers, and memory."""
    rows: list[Row] = []
    for loop in bench.pick(("asyncio",), ("asyncio", "uvloop")):
        rows += _sent(bench, loop, SOURCES)
    if bench.quick:
        return rows
    rows += _sent(bench, "asyncio", 1)
    one_each = {"viewers": VIEWERS, "sources": VIEWERS, "rate": 5.0, "loop": "asyncio"}
    jobs: dict[str, dict[str, Any]] = dict.fromkeys(PEERS, one_each)
    results = bench.alternate("relay", jobs, rounds=1)
    label = f"{VIEWERS:,} viewers of {VIEWERS:,} sources, 5 events/s: CPU"
    rows.append(Row(label, "µs/event", column(results, "cpu", 1e6), plotted=False))
    held = {name: [float(_held(bench, name))] for name in ("tailrace", "starlette")}
    rows.append(Row("viewers held with p99 lag < 60 ms, asyncio", "viewers", held))
    return [*rows, *_memory(bench), *_redis(bench)]


def _sent(bench: Bench, loop: str, sources: int) -> list[Row]:
    job: dict[str, Any] = {"viewers": VIEWERS, "sources": sources, "rate": RATE, "loop": loop}
    job |= bench.pick({"settling": 0.5, "seconds": 1.2}, {})
    results = bench.alternate("relay", dict.fromkeys(PEERS, job), bench.pick(1, 3))
    shared = "one source" if sources == 1 else f"{sources} sources"
    what = f"{VIEWERS:,} viewers of {shared}, {loop}"
    best = min(("starlette", "sse_starlette"), key=lambda name: _typical(results.get(name, [])))
    targets = [Target(best, 1 / 2), Target("fastapi_sse", 1 / 8)]
    return [
        Row(f"{what}: CPU", "µs/event", column(results, "cpu", 1e6), targets),
        Row(f"{what}: of a core", "%", column(results, "load", 100), plotted=False),
        Row(f"{what}: lag p50", "ms", column(results, "p50", 1e3), plotted=False),
        Row(f"{what}: lag p99", "ms", column(results, "p99", 1e3), plotted=False),
    ]


def _typical(found: list[dict[str, float]]) -> float:
    return median([figures["cpu"] for figures in found] or [float("inf")])


def _held(bench: Bench, name: str) -> int:
    """The most viewers of the ladder that are served in time."""
    held = 0
    for viewers in LADDER:
        if _late(bench, name, viewers):
            break
        held = viewers
    return held


def _late(bench: Bench, name: str, viewers: int) -> bool:
    job = {"viewers": viewers, "sources": viewers // A_SOURCE, "rate": RATE, "loop": "asyncio"}
    for _ in range(2):
        found = bench.alternate("relay", {name: job}, rounds=1).get(name)
        if not found:
            return True
        if found[0]["p99"] < LATE:
            return False
        if found[0]["load"] > BUSY:
            return True
    return True


def _memory(bench: Bench) -> list[Row]:
    job: dict[str, Any] = {"viewers": SILENT, "sources": 1, "rate": 0.0, "loop": "asyncio"}
    results = bench.alternate("relay", dict.fromkeys(PEERS, job), rounds=1)
    values = column(results, "memory", 1e-3) | {"asked": [12.0]}
    return [Row("memory of an idle viewer", "kB", values, [Target("asked", 1)], plotted=False)]


def _redis(bench: Bench) -> list[Row]:
    if bench.lacks(REDIS, shutil.which(REDIS)):
        return []
    job: dict[str, Any] = {
        "viewers": 2 * REPLIES,
        "sources": REPLIES,
        "rate": TOKENS,
        "loop": "asyncio",
        "redis": True,
    }
    results = bench.alternate("relay", {"tailrace": job}, rounds=1)
    per_token = [figures["redis"] * 1e6 for figures in results.get("tailrace", [])]
    label = f"{REPLIES} replies of {TOKENS:g} tokens/s on Redis, two viewers each: CPU of Redis"
    return [Row(label, "µs/token", {"tailrace": per_token}, plotted=False)] if per_token else []


# -- in the process of the viewers -----------------------------------------------------------------


def measured(
    *,
    contestant: str,
    viewers: int,
    sources: int,
    rate: float,
    loop: str,
    redis: bool = False,
    settling: float = SETTLING,
    seconds: float = SECONDS,
) -> dict[str, float]:
    """The figures of one server and its viewers: after `settling`, over so many `seconds`."""
    with tempfile.TemporaryDirectory() as folder, _journal(folder, redis) as (pid, journal):
        command = [sys.executable, "-m", "benchmarks.fan_out", contestant, loop]
        command += [str(sources), str(rate), *journal]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            line = server.stdout.readline()
            if not line:
                if server.wait() == ABSENT:
                    raise ModuleNotFoundError(contestant)
                raise RuntimeError(f"the server of {contestant} did not start")
            port = int(line)
            try:
                if not rate:
                    return asyncio.run(_silent(server.pid, port, viewers, sources, settling))
                watching = _watched(server.pid, port, viewers, sources, pid, settling, seconds)
                return asyncio.run(watching)
            finally:
                server.kill()


async def _watched(
    server: int,
    port: int,
    viewers: int,
    sources: int,
    redis: int,
    settling: float,
    seconds: float,
) -> dict[str, float]:
    lags: list[float] = []
    found = await connect(port, viewers, sources, lags)
    await all_get_more(found, [0] * viewers, PATIENCE)
    await asyncio.sleep(settling)
    lags.clear()
    seen, used, store = counts(found), _cpu(server), _cpu(redis)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(seconds)
    used, store, took = _cpu(server) - used, _cpu(redis) - store, loop.time() - began
    count, late = sum(counts(found)) - sum(seen), sorted(lags)
    await all_get_more(found, seen, PATIENCE)
    check(found, seen)
    disconnect(found)
    return {
        "cpu": used / count,
        "load": used / took,
        "rate": count / took,
        "p50": late[len(late) // 2],
        "p99": late[int(len(late) * 0.99)],
        "redis": store / (count * sources / viewers),
    }


async def _silent(
    server: int, port: int, viewers: int, sources: int, settling: float
) -> dict[str, float]:
    few = await connect(port, 20, sources, [])
    await asyncio.sleep(settling)
    before = _resident(server)
    many = await connect(port, viewers, sources, [])
    await asyncio.sleep(settling)
    memory = (_resident(server) - before) / viewers
    if any(viewer.lost for viewer in few + many):
        raise RuntimeError("a viewer was not kept")
    disconnect(few + many)
    return {"memory": memory}


@contextmanager
def _journal(folder: str, redis: bool) -> Iterator[tuple[int, list[str]]]:
    """A Redis server, if one is wanted: its process, and what names it."""
    if not redis:
        yield os.getpid(), []
        return
    program = shutil.which(REDIS)
    if program is None:
        raise RuntimeError(f"there is no {REDIS}")
    place = Path(folder) / "redis.sock"
    options = f"--port 0 --unixsocket {place} --save --appendonly yes --dir {folder}".split()
    options[options.index("--save") + 1 : options.index("--save") + 1] = [""]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:
        try:
            while not place.exists():
                if server.poll() is not None:
                    raise RuntimeError("the Redis server did not start")
            yield server.pid, [f"unix://{place}"]
        finally:
            server.kill()


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Resident bytes of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
