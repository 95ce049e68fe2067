"""The pytest plugin: a Claude API for each test that asks for one.

`tailrace_sim` is a running `Simulator`, and the environment leads Claude clients to it, the
official SDKs included:

    def test_answer(tailrace_sim):
        tailrace_sim.script(Fail(529), "Forty-two.")
        assert my_program() == "Forty-two."
        assert tailrace_sim.requests[1].body["model"] == "claude-sonnet-5-5"

    @pytest.mark.tailrace_sim(scenario="outage.toml", pace=Pace(80))
    def test_outage(tailrace_sim): ...

`tailrace_tapes` replays what was recorded for a test, or records it: `--record-mode` is `none`
(replay, the default), `once` (record where there is nothing yet) or `all` (record anew). The tapes
are in `tapes/<file>/<test>/` beside the test's file. A request that fits no tape fails the test.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# The simulator is imported by the fixtures, so that test runs without them do not pay for it.
if TYPE_CHECKING:
    from tailrace.simulator import Recorder, Simulator

# The modes, and what pytest-recording's mean here.
_MODES = {"none": "none", "once": "once", "all": "all", "new_episodes": "once", "rewrite": "all"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `tailrace_tapes`."""
    group = parser.getgroup("tailrace", "Claude API recordings")
    # Two plugins cannot have the same option, and pytest-recording has this one; then we read its.
    if importlib.util.find_spec("pytest_recording") is None:
        group.addoption("--record-mode", default="none", help="none, once or all")
    group.addoption(
        "--record-upstream", default="https://api.anthropic.com", help="the API that is recorded"
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker with a test's settings."""
    config.addinivalue_line(
        "markers", "tailrace_sim(answer=..., scenario='file.toml', **settings): of the Simulator"
    )


@pytest.fixture
def tailrace_sim(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator]:
    """A Claude API of this test's own, in this process, with the environment set for clients."""
    from tailrace.simulator import Simulator

    with Simulator(**_settings(request)) as sim:
        for name, value in sim.environment.items():
            monkeypatch.setenv(name, value)
        _only_here(monkeypatch)
        yield sim


@pytest.fixture
def tailrace_tapes(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator | Recorder]:
    """What was recorded for this test, played back; or the recorder, where it is to be recorded.

    Both have a `url`, and the environment leads clients there.
    """
    from tailrace.simulator import API_KEY, Recorder, Replay, Simulator, load_tapes

    folder = _folder(request)
    there = sorted(folder.glob("*.tape"))
    wanted = str(request.config.getoption("--record-mode") or "none")
    mode = _MODES.get(wanted)
    if mode is None:
        raise pytest.UsageError(f"--record-mode is one of none, once, all, not {wanted}")
    if mode == "all":
        for tape in there:
            tape.unlink()
    if mode == "all" or (mode == "once" and not there):
        with Recorder(str(request.config.getoption("--record-upstream")), folder) as recorder:
            monkeypatch.setenv("ANTHROPIC_BASE_URL", recorder.url)
            _no_proxy(monkeypatch)
            yield recorder
        return
    if not there:
        pytest.fail(f"there are no tapes in {folder}; record them with --record-mode=once")
    replay = Replay(load_tapes(folder), speed=float("inf"))
    with Simulator(replay) as sim:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", sim.url)
        if not os.environ.get("ANTHROPIC_API_KEY"):
            monkeypatch.setenv("ANTHROPIC_API_KEY", API_KEY)
        _only_here(monkeypatch)
        yield sim
    if replay.mismatches:
        pytest.fail("\n".join(str(mismatch) for mismatch in replay.mismatches))


def _settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    from tailrace.simulator import load_scenario

    marker = request.node.get_closest_marker("tailrace_sim")
    settings: dict[str, Any] = dict(marker.kwargs) if marker else {}
    if "scenario" in settings:
        settings["answer"] = load_scenario(request.path.parent / settings.pop("scenario"))
    return settings


def _folder(request: pytest.FixtureRequest) -> Path:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name).strip("-")
    return request.path.parent / "tapes" / request.path.stem / name


def _only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what would lead a client elsewhere, or make it send a real credential."""
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_IDENTITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    _no_proxy(monkeypatch)


def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        others = os.environ.get(name, "")
        monkeypatch.setenv(name, ",".join(filter(None, [others, "127.0.0.1", "localhost"])))
