"""The benchmarks' servers: they bound what waits for a slow reader, and are missed when gone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any, cast

import pytest
from benchmarks.bench import Bench
from benchmarks.servers import MOST_WAITING, Addresses, Pace, ServersGoneError, running

from benchmarks import servers


class Stream:
    """A transport that only counts; `waiting` bytes have not been read."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.written: list[bytes] = []

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:
        self.written.append(data)


def test_a_reader_that_falls_behind_gets_no_more_than_it_has_room_for() -> None:
    behind, in_time = Stream(MOST_WAITING), Stream(MOST_WAITING - 1)

    async def play() -> None:
        pace = Pace(1000)
        for stream in (behind, in_time):
            pace.join(cast("Any", stream))
        async with asyncio.timeout(60):
            while len(in_time.written) < 3:
                await asyncio.sleep(0.001)

    asyncio.run(play())
    assert behind.written == []


@pytest.mark.parametrize(
    ("program", "said"), [("import os; os.kill(os.getpid(), 9)", "SIGKILL"), ("exit(5)", "code 5")]
)
def test_a_server_that_is_gone_is_told(program: str, said: str) -> None:
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        process.wait(60)
    with pytest.raises(ServersGoneError, match=said):
        servers._check(cast("Any", process))


def test_the_servers_are_there_while_they_are_used() -> None:
    with running() as addresses:
        addresses.check()
    with pytest.raises(ServersGoneError, match="code 0"):
        addresses.check()


def test_no_contestant_is_blamed_for_servers_that_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check() -> None:
        raise ServersGoneError("gone")

    bench = Bench(Addresses("http://127.0.0.1:1", None, check), rounds=1)
    with pytest.raises(ServersGoneError):
        bench.alternate("burst", {"floor": {"nonsense": 1}})
    assert bench.failures == []
