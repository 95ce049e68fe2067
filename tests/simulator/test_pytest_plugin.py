"""The plugin, in pytest runs of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tailrace.simulator.simulator import Simulator

SRC = Path(__file__).parents[2] / "src"

USES = """
import json
import os
import urllib.request
import pytest
from tailrace.simulator import Fail, Pace, echo

def said(max_tokens=99):
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": "claude-x", "max_tokens": max_tokens, "messages": messages}
    headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
    url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["content"][0]["text"]
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Run a test file; what pytest reports."""

    def run_file(text: str, *options: str, **environment: str) -> str:
        (tmp_path / "test_it.py").write_text(USES + text)
        (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
        alone = {"PYTHONPATH": str(SRC), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        plugin = ["-p", "tailrace.simulator.pytest_plugin", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--strict-markers", *plugin, *options],
            cwd=tmp_path,
            env={**os.environ, **alone, **environment},
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    return run_file


def test_a_test_gets_an_api_of_its_own(run: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "outage.toml").write_text("[[case]]\nreplies = [{ status = 529 }, 'Back.']")
    told = run(
        """
def test_scripted(tailrace_sim):
    tailrace_sim.script(Fail(500), "Hello")
    assert [said(), said()] == [500, "Hello"]
    assert [one.status for one in tailrace_sim.requests] == [500, 200]
    assert tailrace_sim.requests[0].body["messages"][0]["content"] == "Hi"

@pytest.mark.tailrace_sim(answer=echo, pace=Pace(1000))
def test_settings(tailrace_sim):
    assert said() == "Hi"
    assert len(tailrace_sim.requests) == 1

@pytest.mark.tailrace_sim(scenario="outage.toml")
def test_scenario(tailrace_sim):
    assert [said(), said()] == [529, "Back."]

def test_environment(tailrace_sim):
    assert os.environ["ANTHROPIC_BASE_URL"] == tailrace_sim.url
    assert "ANTHROPIC_AUTH_TOKEN" not in os.environ
    assert os.environ["NO_PROXY"].endswith("127.0.0.1,localhost")

def test_environment_afterwards():
    assert "ANTHROPIC_BASE_URL" not in os.environ
""",
        ANTHROPIC_AUTH_TOKEN="real",
    )
    assert "5 passed" in told, told


TAPED = """
def test_taped(tailrace_tapes):
    assert said(max_tokens=int(os.environ.get("WANTED", "99"))) == "Recorded."
"""


def test_recording_once_then_replaying(
    run: Callable[..., str], sim: Simulator, tmp_path: Path
) -> None:
    sim.answer_with("Recorded.")
    record = ("--record-mode=once", f"--record-upstream={sim.url}")
    assert "there are no tapes in" in run(TAPED)
    assert "1 passed" in run(TAPED, *record, ANTHROPIC_API_KEY="sk-ant-very-secret-key-123")
    assert "1 passed" in run(TAPED, *record)
    assert len(sim.requests) == 1
    tape = tmp_path / "tapes" / "test_it" / "test_taped" / "0001-claude-x.tape"
    assert "very-secret" not in tape.read_text()
    told = run(TAPED, WANTED="98")
    assert "body.max_tokens: 98 instead of 99" in told
    again = (*record, "--record-mode=all")
    assert "1 passed" in run(TAPED, *again, ANTHROPIC_API_KEY="k", WANTED="98")
    assert len(sim.requests) == 2


def test_it_shares_its_option_with_pytest_recording(
    run: Callable[..., str], sim: Simulator, tmp_path: Path
) -> None:
    """A plugin of that name, with that option, stands in for the real one."""
    sim.answer_with("Recorded.")
    (tmp_path / "pytest_recording.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--record-mode', default=None)\n"
    )
    options = ("--record-mode=rewrite", f"--record-upstream={sim.url}")
    search = os.pathsep.join([str(SRC), str(tmp_path)])
    told = run(TAPED, "-p", "pytest_recording", *options, PYTHONPATH=search, ANTHROPIC_API_KEY="k")
    assert "1 passed" in told, told


def test_the_plugin_is_light(tmp_path: Path) -> None:
    code = (
        "import sys, tailrace.simulator.pytest_plugin as plugin; "
        "print('tailrace.simulator.simulator' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert told.stdout == "False\n"


def test_an_unknown_mode_is_refused(run: Callable[..., str]) -> None:
    assert "--record-mode is one of none, once, all, not sometimes" in run(
        TAPED, "--record-mode=sometimes"
    )
