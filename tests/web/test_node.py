"""A node of the show: whom it answers, and that it does not outlive its parent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from starlette.testclient import TestClient

from tailrace.web.node import node_app
from tailrace.web.story import request, story

ORIGIN = "http://127.0.0.1:1"


def test_it_answers_who_has_the_token() -> None:
    app = node_app("memory:", token="right", origin=ORIGIN, pace=10_000)
    with TestClient(app) as client:
        body = request(3, 40)
        for query in ("", "?token=", "?token=wrong", "?token=r%C3%AFght"):
            assert client.post(f"/claude/v1/messages{query}", json=body).status_code == 401
        answer = client.post("/claude/v1/messages?token=right", json=body)
        assert answer.json()["content"][0]["text"] == story(3, 40)
        url = f"/claude/v1/messages/{answer.headers['relay-id']}?format=text"
        assert client.get(url).status_code == 401
        own = client.get(f"{url}&token=right", headers={"origin": ORIGIN})
        assert own.headers["access-control-allow-origin"] == ORIGIN
        other = client.get(f"{url}&token=right", headers={"origin": "http://example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_it_ends_when_its_input_does(tmp_path: Path) -> None:
    settings = {"journal": str(tmp_path / "r.db"), "token": "t", "origin": ORIGIN, "pace": 60}
    with subprocess.Popen(
        [sys.executable, "-m", "tailrace.web.node"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        assert int(process.stdout.readline()) > 0
        process.stdin.close()
        assert process.wait(30) == 0
