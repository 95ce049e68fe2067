"""Every example does what it says, run as a user runs it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tailrace.simulator import Cut, Simulator, Stall, Text
from tailrace.simulator.answers import POEM

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def environment(sim: Simulator | None) -> dict[str, str]:
    """This process's, leading to the simulator; to nowhere without one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC")}
    return clean | {"PYTHONUNBUFFERED": "1"} | (sim.environment if sim else {})


def output(name: str, sim: Simulator | None = None) -> str:
    """What the example prints. It must end well and print no warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:unclosed", EXAMPLES / f"{name}.py"],
        env=environment(sim),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_no_example_is_forgotten() -> None:
    names = {path.stem for path in EXAMPLES.glob("[a-z]*.py") if not path.stem.startswith("relay_")}
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert {name for name in names if f'"{name}"' in source or f'"{name}:' in source} == names


def test_basic_stream(sim: Simulator) -> None:
    printed = output("basic_stream", sim)
    assert printed.startswith(POEM + "\n\n")
    assert re.search(r"\n\d+ tokens in, \d+ out\nstopped because of: end_turn\n\Z", printed)


def test_without_a_key_the_examples_bring_their_own_simulator() -> None:
    assert output("basic_stream").startswith(POEM)


def test_raw_events(sim: Simulator) -> None:
    sim.script([Text(pieces=["Slow", " down"])])
    lines = [line.split("s  ", 1)[1] for line in output("raw_events", sim).splitlines()]
    kinds = [line.split()[0] for line in lines]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert lines[2].endswith(" 0 'Slow'")
    assert "claude-sonnet-5-5" in lines[0]
    assert "end_turn" in lines[5]


def test_asyncio_stream(sim: Simulator) -> None:
    printed = output("asyncio_stream", sim)
    assert printed.startswith(POEM + "\n")
    assert "\nMeanwhile: Here is what I can tell you." in printed
    assert len(sim.requests) == 2


def test_tool_use(sim: Simulator) -> None:
    assert output("tool_use", sim) == (
        '\nget_weather {"city": "Paris"}\n'
        'The tool answered: {"city": "Paris", "celsius": 21, "sky": "clear"}\n'
    )
    first, second = sim.requests
    assert [message["role"] for message in second.body["messages"]] == ["user", "assistant", "user"]
    (call,) = second.body["messages"][1]["content"]
    assert call["input"] == {"city": "Paris"}
    assert second.body["messages"][2]["content"][0]["tool_use_id"] == call["id"]
    assert first.body["tools"] == second.body["tools"]


def test_error_handling() -> None:
    printed = output("error_handling")
    (_, overloaded, limited, refused, broken, cut) = re.split(r"^-- .*\n", printed, flags=re.M)
    assert re.fullmatch(
        r"\(try 1 failed: overloaded_error; again in \d.\d s\)\nHello to you.\n", overloaded
    )
    assert limited == "Too many requests: try again in 30 seconds.\n"
    assert refused == "The API said no (400, invalid_request_error): messages: too many of them\n"
    assert broken.endswith("\nClaude is overloaded; 'Half of a' had arrived.\n")
    assert cut == "Half of a\nThe reply was cut; 'Half of a' had arrived.\n"


def test_error_handling_asks_claude_but_once(sim: Simulator) -> None:
    assert output("error_handling", sim).startswith("-- no fault\nHere is what I can tell you.")
    assert len(sim.requests) == 1


@contextmanager
def served(sim: Simulator, log: list[str]) -> Iterator[http.client.HTTPConnection]:
    """The FastAPI example, served by a real server on a free port; `log` is what it said."""
    arguments = ["uvicorn", "--app-dir", str(EXAMPLES), "fastapi_route:app", "--port", "0"]
    server = subprocess.Popen(
        [sys.executable, "-m", *arguments], env=environment(sim), stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        for line in server.stderr:
            log.append(line)
            if found := re.search(r"running on http://([\d.]+):(\d+)", line):
                break
        else:
            pytest.fail(f"the server did not start: {log}")
        connection = http.client.HTTPConnection(found[1], int(found[2]), timeout=20)
        yield connection
        connection.close()
    finally:
        server.terminate()
        log.append(server.communicate(timeout=20)[1])


def test_fastapi_route(sim: Simulator) -> None:
    sim.script("Grüße, Jürgen 👋", [Text("Half of a"), Stall()])
    log: list[str] = []
    with served(sim, log) as connection:
        connection.request("GET", "/stream?prompt=Hi")
        response = connection.getresponse()
        assert response.read().decode() == "Grüße, Jürgen 👋"
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert sim.requests[0].ask.user == "Hi"

        # The second reply never ends: what comes is there before its end, or this would wait.
        connection.request("GET", "/stream")
        response = connection.getresponse()
        arrived = b""
        while arrived != b"Half of a":
            arrived += response.read1()
        response.close()
        connection.close()
        assert sim.wait(2)[1].ended == "client left"  # the reader's leaving ends the generation
    assert "Traceback" not in "".join(log)


def test_a_cut_reply_does_not_end_well_for_the_browser_either(sim: Simulator) -> None:
    sim.script([Text("Half of a"), Cut("end")])
    log: list[str] = []
    with served(sim, log) as connection:
        connection.request("GET", "/stream")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
    assert "StreamTruncatedError" in "".join(log)
