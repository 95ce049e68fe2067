"""The limiter of many processes, on a real Redis server."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.procedures.limits import WIRE, Waits, check_limiter
from tests.relay.conftest import Server, redis_binary, redis_module

from tailrace.procedures.wire import settle

pytest.importorskip("redis", reason="redis-py is not installed: pip install redis")
from tailrace.redis_limits import AsyncRedisLimiter, RedisLimiter

__all__ = ["redis_binary", "redis_module"]
KEYS = itertools.count()


@pytest.fixture(scope="module")
def url(redis_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(redis_binary, Path(tmp_path_factory.mktemp("limits")))
    server.start()
    yield server.url
    server.kill()


def test_the_contract(url: str) -> None:
    made: list[RedisLimiter] = []

    def make(**budgets: Any) -> RedisLimiter:
        made.append(RedisLimiter(url, f"limits:{next(KEYS)}", **budgets))
        return made[-1]

    check_limiter(make, settle)
    for limiter in made:
        limiter.close()


def test_the_contract_of_the_asynchronous_one(url: str) -> None:
    with asyncio.Runner() as runner:
        made: list[AsyncRedisLimiter] = []

        def make(**budgets: Any) -> AsyncRedisLimiter:
            made.append(AsyncRedisLimiter(url, f"limits:{next(KEYS)}", **budgets))
            return made[-1]

        check_limiter(make, runner.run)
        for limiter in made:
            runner.run(limiter.close())


PROGRAM = """
import sys
from tests.procedures.limits import WIRE, Waits
from tailrace.procedures.wire import settle
from tailrace.redis_limits import RedisLimiter
limiter, entered = RedisLimiter(sys.argv[1], sys.argv[2], requests_per_minute=10), 0
for _ in range(10):
    try:
        settle(limiter.enter(WIRE, 0))
        entered += 1
    except Waits:
        pass
limiter.close()
print(entered)
"""


def test_processes_share_one_budget(url: str) -> None:
    key = f"limits:{next(KEYS)}"
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", PROGRAM, url, key]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(3)
    ]
    entered = [int(process.communicate()[0]) for process in processes]
    assert sum(entered) in (10, 11)  # the budget, and what refilled meanwhile


def test_the_budget_is_forgotten_when_it_would_be_full_anyway(url: str) -> None:
    limiter = RedisLimiter(url, "limits:expiring", requests_per_minute=1)
    settle(limiter.enter(WIRE, 0))
    with pytest.raises(Waits):
        settle(limiter.enter(WIRE, 0))
    assert 60 <= limiter._client.ttl("limits:expiring") <= 121
    limiter.close()


def test_a_budget_is_positive(url: str) -> None:
    with pytest.raises(ValueError, match="requests_per_minute"):
        RedisLimiter(url, requests_per_minute=0)
