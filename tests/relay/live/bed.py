"""Real processes to break: web nodes that share a journal, haproxy before them, an upstream.

    chaos proxy -> haproxy -> three uvicorns -> simulator

A cookie `node=n2` asks haproxy for a node; it gets another where that one is not ready. One oracle
for every viewer: the text is the upstream's, ids grow, the end is the log's (`check`).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.parts import program

from tailrace.relay.cursors import parse_cursor

from .upstream import story

HERE = Path(__file__).parent
PATIENCE = 40.0

HAPROXY = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response 503
frontend site
    bind 127.0.0.1:{port}
    default_backend nodes
backend nodes
    balance roundrobin
    http-request disable-l7-retry if METH_POST !{{ req.hdr(idempotency-key) -m found }}
    cookie node
    http-response set-header x-node %s
    option httpchk GET /claude/readyz
    default-server check inter 100ms fall 1 rise 1
{servers}
"""


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What the condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"after {seconds:g} s: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    """An answer under way."""

    def __init__(self, connection: http.client.HTTPConnection, response: Any) -> None:
        self.connection, self.response = connection, response
        self.status, self.headers = response.status, response.headers

    def json(self) -> Any:
        with self:
            return json.loads(self.response.read())

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *error: object) -> None:
        self.response.close()
        self.connection.close()


def call(url: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
    """Ask; header names with underscores."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        sent["content-type"] = "application/json"
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, data, sent)
        return Answer(connection, connection.getresponse())
    except BaseException:
        connection.close()
        raise


class Process:
    """A process of the bed; its output goes to a file."""

    def __init__(self, folder: Path, name: str, command: Sequence[str], **environ: str) -> None:
        self.name, self.command, self.environ = name, command, environ
        self.log = folder / f"{name}.log"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            environ = {**os.environ, **self.environ, "PYTHONUNBUFFERED": "1"}
            self.running = subprocess.Popen(self.command, env=environ, stdout=log, stderr=log)

    def signal(self, number: int) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None


class Node(Process):
    """A uvicorn with the relay."""

    def __init__(self, folder: Path, name: str, environ: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        options += ["--timeout-graceful-shutdown", "60", "--app-dir", str(HERE)]
        command = [sys.executable, "-m", "uvicorn", "served:app", *options]
        super().__init__(folder, name, command, **environ)

    def ready(self) -> bool:
        try:
            with call(f"{self.url}/claude/readyz") as answer:
                return answer.status == 200
        except OSError:
            return False

    def wait(self) -> None:
        until(self.ready, f"{self.name} is not ready: {self.log.read_text()}")

    def told(self) -> dict[str, int]:
        """What it is doing."""
        return call(f"{self.url}/bed").json()

    def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """SIGTERM, and start it anew when it has ended."""
        self.signal(signal.SIGTERM)
        meanwhile()
        assert self.running is not None
        self.running.wait(PATIENCE)
        self.start()
        self.wait()


class Bed:
    """All of it; a context manager."""

    def __init__(self, folder: Path, journal: str, *, nodes: int = 3, keep: float = 600) -> None:
        self.folder = folder
        self.pages = folder / "pages"
        self.pages.mkdir()
        address, self._asked = folder / "upstream", folder / "asked"
        command = [sys.executable, str(HERE / "upstream.py"), str(address), str(self._asked)]
        self.upstream = Process(folder, "simulator", command)
        self._address = address
        self.haproxy = Process(folder, "haproxy", [])
        self._environ = {"BED_JOURNAL": journal, "BED_PAGES": str(self.pages)}
        self._environ["BED_KEEP"] = str(keep)
        self._count = nodes
        self.nodes: list[Node] = []

    def __enter__(self) -> Bed:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for process in (self.haproxy, *self.nodes, self.upstream):
            process.kill()

    def _start(self) -> None:
        self.upstream.start()
        until(self._address.exists, "no upstream")
        self._environ["BED_UPSTREAM"] = self._address.read_text()
        names = [f"n{n + 1}" for n in range(self._count)]
        self.nodes = [Node(self.folder, name, self._environ) for name in names]
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait()
        servers = [f"    server {n.name} 127.0.0.1:{n.port} cookie {n.name}" for n in self.nodes]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, servers="\n".join(servers)))
        self.haproxy.command = [program("haproxy"), "-db", "-f", str(config)]
        self.haproxy.start()
        until(self._open, f"haproxy does not answer: {self.haproxy.log.read_text()}")

    def _open(self) -> bool:
        try:
            with call(f"{self.url}/claude/readyz") as answer:
                return answer.status == 200
        except OSError:
            return False

    def asked(self) -> list[str]:
        """What the upstream was asked, and how that ended: `"1 asked"`, `"1 end"`, …"""
        return self._asked.read_text().splitlines()

    def go(self, number: int) -> None:
        """Let a held story go on."""
        (self.folder / f"go{number}").touch()

    def mend(self) -> None:
        """Start the nodes that are down, and wait until nothing goes on."""
        for node in self.nodes:
            if node.running is None or node.running.poll() is not None:
                node.start()
        gate = self.folder / "go"
        gate.touch()
        for node in self.nodes:
            node.wait()
        until(lambda: all(not one.told()["running"] for one in self.nodes), "something goes on")
        gate.unlink()

    def start(self, said: str, *, at: str | None = None, **headers: str) -> str:
        """Start a generation and leave; its id."""
        with self.post(said, at=at, **headers) as answer:
            assert answer.status == 200, answer.response.read()
            return answer.headers["relay-id"]

    def post(self, said: str, *, at: str | None = None, **headers: str) -> Answer:
        body = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 10**9,
            "stream": True,
            "messages": [{"role": "user", "content": said}],
        }
        return call(f"{at or self.url}/claude/v1/messages", "POST", body, **headers)

    def end_of(self, id: str, seconds: float = PATIENCE) -> str:  # noqa: A002
        """How the log says that it ended."""
        return until(lambda: self._end_of(id), "it has no end", seconds)

    def _end_of(self, id: str) -> str | None:  # noqa: A002
        with call(f"{self.url}/claude/v1/messages/{id}?format=text") as answer:
            try:
                text = answer.response.read().decode()
            except (OSError, http.client.HTTPException):
                return None
        last = text.rstrip("\n").rpartition("event: end\n")[2]
        data = [line for line in last.splitlines() if line.startswith("data: ")]
        return json.loads(data[-1][6:]).get("end") if "event: end" in text else None


def check(seen: dict[str, Any], number: int, words: int, end: str = "done") -> None:
    """The oracle: `seen` has the `text`, the `ids` and the `end` that a viewer got."""
    assert seen["end"] == end, seen
    truth = story(number, words)
    assert seen["text"].encode() == truth.encode()
    places = [parse_cursor(one) for one in seen["ids"]]
    assert places == sorted(set(places)), "ids must grow"


def read_events(text: str) -> dict[str, Any]:
    """What a reader of Claude's own events has seen."""
    seen: dict[str, Any] = {
        "text": "",
        "ids": re.findall(r"^id: (\S+)$", text, re.MULTILINE),
        "end": None,
    }
    for data in re.findall(r"^data: (.*)$", text, re.MULTILINE):
        event = json.loads(data)
        seen["text"] += event.get("delta", {}).get("text", "")
        if event["type"] == "message_stop":
            seen["end"] = "done"
    return seen
