"""Real clients as real processes: what each made of a scenario, and what it asked for it.

`clients/` has a program for each; all do the same course (`course.toml`) and print what they got.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.parts import missing, node_packages

from tailrace.simulator import Received, Simulator, load_scenario, tokens

CLIENTS = Path(__file__).parent / "clients"

SPOKEN = "Grüße aus der Mühle: 水は流れる, word after word."
THOUGHT = "Let me see: water, wheel, tail."
CALLED = {"city": "Zürich", "days": 2}
CALLED_AS_JSON = '{"city": "Zürich", "days": 2}'
ANSWERED = "It was told: 2 days of rain in Zürich"


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


LOOKS = {
    "content": [
        text("I will look."),
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": CALLED},
    ],
    "stop_reason": "tool_use",
}
SPEAKS = {"content": [text(SPOKEN)], "stop_reason": "end_turn"}
THINKS = {
    "content": [
        {"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"},
        text("Seen."),
    ],
    "stop_reason": "end_turn",
}

# What any client that speaks the Messages API gets out of the course, but for its errors.
GOT: dict[str, Any] = {
    "pieces": list(tokens.split(SPOKEN)),
    "text": SPEAKS,
    "raw": [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * (len(list(tokens.split(SPOKEN)))),
        "content_block_stop",
        "message_delta",
        "message_stop",
    ],
    "whole": SPEAKS,
    "thoughts": list(tokens.split(THOUGHT)),
    "thinking": THINKS,
    "parts": ["", *(CALLED_AS_JSON[at : at + 3] for at in range(0, len(CALLED_AS_JSON), 3))],
    "tools": LOOKS,
    "runner": [LOOKS, {"content": [text(ANSWERED)], "stop_reason": "end_turn"}],
    "busy": "At last.",
    "broken": {"content": [text("Half of")], "stop_reason": None},
}

# What it asks: the last user text ("" for a tool's result), the status, whether it streams.
ASKED = [
    ("Speak.", 200, True),
    ("Speak.", 200, True),
    ("Speak.", 200, False),
    ("Think.", 200, True),
    ("The weather?", 200, True),
    ("The weather?", 200, True),
    ("", 200, True),
    ("Be overloaded.", 529, True),
    ("Be busy.", 429, True),
    ("Be busy.", 200, True),
    ("Break off.", 200, True),
]


def course(command: list[str], cwd: Path | None = None) -> tuple[Any, list[Received]]:
    """What a client prints at the end of the course, and the requests it made."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANTHROPIC_") and not name.lower().endswith("_proxy")
    }
    with Simulator(load_scenario(CLIENTS / "course.toml"), api_keys=["k"]) as sim:
        done = subprocess.run(
            [*command, sim.url],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment | {"PYTHONIOENCODING": "utf-8"},
            cwd=cwd,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1]), sim.wait()


def asked(requests: list[Received]) -> list[tuple[str, int, bool]]:
    return [(one.ask.user, one.status, one.ask.stream) for one in requests]


def results(requests: list[Received]) -> list[str]:
    """What the client's own tools said, as they came back in its requests."""
    return [one.ask.tool_result for one in requests if one.ask.tool_result]


def without_errors(seen: dict[str, Any]) -> dict[str, Any]:
    return {name: got for name, got in seen.items() if name not in ("overloaded", "broken off")}


def test_the_official_python_sdk() -> None:
    if find_spec("anthropic") is None:
        missing("the package anthropic is not installed")
    seen, requests = course([sys.executable, str(CLIENTS / "python_client.py"), "anthropic"])
    assert list(seen) == ["sync", "async"]
    for way in seen.values():
        assert without_errors(way) == GOT
        assert way["overloaded"]["kinds"][:2] == ["OverloadedError", "InternalServerError"]
        assert way["overloaded"]["status"] == 529
        # An error in the stream is one of no class in particular, with the stream's status.
        assert way["broken off"]["kinds"][0] == "APIStatusError"
        assert way["broken off"]["status"] == 200
        assert "overloaded_error" in way["broken off"]["says"]
    assert asked(requests) == ASKED * 2
    assert results(requests) == ["2 days of rain in Zürich"] * 2
    versions = {one.headers["anthropic-version"] for one in requests}
    agents = {one.headers["user-agent"].split("/")[0] for one in requests}
    assert (versions, agents) == ({"2026-10-21"}, {"Anthropic", "AsyncAnthropic"})


def test_tailrace() -> None:
    seen, requests = course([sys.executable, str(CLIENTS / "python_client.py"), "tailrace"])
    assert list(seen) == ["sync", "async"]
    for way in seen.values():
        assert without_errors(way) == GOT
        assert way["overloaded"]["kinds"][:2] == ["OverloadedError", "InternalServerError"]
        assert way["overloaded"]["status"] == 529
        assert way["broken off"]["kinds"][:2] == ["OverloadedError", "InternalServerError"]
        assert way["broken off"]["status"] == 200
    assert asked(requests) == ASKED * 2
    assert results(requests) == ["2 days of rain in Zürich"] * 2
    assert {one.headers["anthropic-version"] for one in requests} == {"2023-06-01"}


def test_the_official_typescript_sdk() -> None:
    folder = node_packages("@anthropic-ai/sdk")
    seen, requests = course(["node", str(CLIENTS / "typescript_client.mjs")], cwd=folder)
    way = seen["async"]
    assert without_errors(way) == GOT
    assert way["overloaded"]["kinds"][:2] == ["OverloadedError", "InternalServerError"]
    assert way["overloaded"]["status"] == 529
    assert way["broken off"]["kinds"][0] == "APIError"
    assert "overloaded_error" in way["broken off"]["says"]
    assert asked(requests) == ASKED
    assert results(requests) == ["2 days of rain in Zürich"]
    assert {one.headers["user-agent"].split(" ")[0] for one in requests} == {"Anthropic/JS"}


def test_litellm() -> None:
    """It makes OpenAI's shapes of what it gets, so what it says is compared by itself."""
    if find_spec("litellm") is None:
        missing("the package litellm is not installed")
    seen, requests = course([sys.executable, str(CLIENTS / "litellm_client.py")])
    assert (seen["pieces"], seen["stop"]) == (GOT["pieces"], "stop")
    assert seen["async pieces"] == GOT["pieces"]
    assert (seen["thoughts"], seen["thinking"]) == (GOT["thoughts"], "Seen.")
    called = seen["tools"]
    assert (called["name"], called["stop"]) == ("get_weather", "tool_calls")
    assert "".join(called["parts"]) == CALLED_AS_JSON
    assert called["after"] == ANSWERED
    assert "InternalServerError" in seen["overloaded"]["kinds"]
    assert "overloaded_error" in seen["overloaded"]["says"]
    assert seen["broken"] == ["Half", " of"]
    assert "APIError" in seen["broken off"]["kinds"]
    assert "Overloaded" in seen["broken off"]["says"]
    assert asked(requests) == [
        ("Speak.", 200, True),
        ("Think.", 200, True),
        ("The weather?", 200, True),
        ("", 200, True),
        ("Be overloaded.", 529, True),
        ("Break off.", 200, True),
        ("Speak.", 200, True),
    ]
    assert results(requests) == ["2 days of rain in Zürich"]
