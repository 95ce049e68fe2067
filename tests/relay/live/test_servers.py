"""A drain under each ASGI server: viewers are broken off, and what runs may end."""

from __future__ import annotations

import http.client
import itertools
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from .bed import HERE, PATIENCE, Answer, Bed, Node, call, read_events, until
from .upstream import story

COUNT = itertools.count(900)

SERVERS = {
    "uvicorn": ["-m", "uvicorn", "served:app", "--timeout-graceful-shutdown", "60"],
    "granian": ["-m", "granian", "--interface", "asgi", "served:app"],
    "hypercorn": ["-m", "hypercorn", "served:app", "--workers", "0"],
}


def command(server: str, port: int) -> list[str]:
    words = [sys.executable, *SERVERS[server]]
    if server == "hypercorn":
        return [*words, "--bind", f"127.0.0.1:{port}"]
    return [*words, "--host", "127.0.0.1", "--port", str(port)]


@pytest.fixture(params=SERVERS)
def node(request: pytest.FixtureRequest, bed: Bed, tmp_path: Path) -> Any:
    """One more node on the bed's journal, served by another server."""
    node = Node(tmp_path, request.param, {**bed.nodes[0].environ, "PYTHONPATH": str(HERE)})
    node.command = command(request.param, node.port)
    node.start()
    try:
        node.wait()
        yield node
    finally:
        node.kill()


def read_to_its_break(answer: Answer) -> str:
    """What came; it must break off, not end."""
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        answer.response.read()
    partial = getattr(broken.value, "partial", b"")
    return partial.decode()


def test_viewers_are_sent_elsewhere_and_what_runs_may_end(bed: Bed, node: Node) -> None:
    number = next(COUNT)
    id = bed.start(f"held story {number} of 300 words at 900", at=node.url)  # noqa: A001
    with call(f"{node.url}/claude/v1/messages/{id}") as answer:
        first = b""
        while b"content_block_delta" not in first:
            first += answer.response.readline()
        node.signal(signal.SIGTERM)
        seen = first.decode() + read_to_its_break(answer)
    assert "message_stop" not in seen
    assert not node.ready()
    with call(f"{bed.url}/claude/v1/messages/{id}") as elsewhere:
        bed.go(number)  # its 20 seconds are not over
        rest = elsewhere.response.read().decode()
    assert read_events(rest)["text"] == story(number, 300)
    assert bed.end_of(id) == "done"
    assert node.running is not None
    until(lambda: node.running.poll() is not None, "the server does not end", PATIENCE)  # type: ignore[union-attr]
