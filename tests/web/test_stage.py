"""Kept processes: started again whenever they end, and gone when told."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from tailrace.web import stage
from tailrace.web.stage import Kept


async def until(condition, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_what_is_killed_comes_back(run) -> None:
    async def start() -> tuple[Process, int]:
        return await asyncio.create_subprocess_exec("sleep", "600"), 4321

    async def main() -> None:
        kept = Kept("One", start, pause=0.05)
        assert kept.port is None
        await kept.open()
        first = kept.pid
        assert first is not None
        assert kept.port == 4321
        assert kept.kill()
        assert kept.port is None
        assert not kept.kill(), "there is nothing to kill"
        await until(lambda: kept.port)
        second = kept.pid
        assert second not in (None, first)
        assert kept.ends == 1
        os.kill(second, 15)  # whatever ends it
        await until(lambda: kept.ends == 2 and kept.port)
        third = kept.pid
        assert third is not None
        await kept.close()
        with pytest.raises(ProcessLookupError):
            os.kill(third, 0)

    run(main())


def test_what_never_starts_says_so(run, tmp_path: Path) -> None:
    async def main() -> None:
        refusing = stage.node(1, lambda: {"no": "such setting"})
        with pytest.raises(RuntimeError, match="node 1 ended before it served"):
            await refusing.open()
        await refusing.close()
        refusing = stage.redis(sys.executable, tmp_path)
        with pytest.raises(RuntimeError, match="before it served"):
            await refusing.open()
        await refusing.close()

    run(main())


def test_without_a_server_or_a_client_there_is_no_redis(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert stage.redis_program() is None
    monkeypatch.setattr(stage, "find_spec", lambda name: None)
    assert stage.redis_program() is None
