"""The relay's scenario: every server serves every viewer, and what is missing is told as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any

import pytest
from benchmarks.bench import ROOT, Bench
from benchmarks.scenarios import relay
from benchmarks.servers import Addresses
from benchmarks.worker import ABSENT

from benchmarks import fan_out

BRIEF: dict[str, Any] = {"settling": 0.2, "seconds": 0.8, "loop": "asyncio"}


@pytest.fixture
def bench() -> Bench:
    return Bench(Addresses("http://127.0.0.1:1", None), rounds=1)


@pytest.mark.parametrize("name", relay.PEERS)
def test_each_server_gives_every_event_to_every_viewer(name: str) -> None:
    if name == "sse_starlette":
        pytest.importorskip("sse_starlette", reason="it is installed with the benchmarks")
    found = relay.measured(contestant=name, viewers=6, sources=2, rate=20.0, **BRIEF)
    assert found["rate"] > 0


def test_a_server_without_its_library_is_absent() -> None:
    program = "import sys; sys.modules['uvicorn'] = None; from benchmarks import fan_out"
    command = [sys.executable, "-c", f"{program}; fan_out.main()", "starlette", "asyncio", "1", "1"]
    found = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True)
    assert (found.returncode, found.stdout) == (ABSENT, b"")


def test_a_server_that_fails_is_not_called_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="did not start"):
        relay.measured(contestant="floor", viewers=1, sources=1, rate=1.0, **BRIEF)


def test_no_redis_is_no_reason_to_leave_out_tailrace(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    assert relay._redis(bench) == []
    assert "redis-server" in capsys.readouterr().err
    assert not bench._absent


@pytest.mark.parametrize(
    ("found", "late"),
    [
        ([(0.01, 0.3)], False),
        ([(0.09, 0.3), (0.01, 0.3)], False),
        ([(0.09, 0.3), (0.09, 0.3)], True),
        ([(0.09, 0.95)], True),
        ([None], True),
    ],
    ids=["in time", "late once", "late twice", "late since busy", "failed"],
)
def test_who_is_late_with_time_to_spare_is_asked_again(
    found: list[tuple[float, float] | None],
    late: bool,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter(found)

    def alternate(scenario: str, jobs: dict[str, Any], rounds: int) -> dict[str, Any]:
        one = next(left)
        return {} if one is None else {name: [{"p99": one[0], "load": one[1]}] for name in jobs}

    monkeypatch.setattr(bench, "alternate", alternate)
    assert relay._late(bench, "tailrace", 1000) is late
    assert next(left, "no more") == "no more"


def test_every_contestant_has_a_server() -> None:
    assert {*fan_out.SERVERS, "floor"} == set(relay.PEERS)
