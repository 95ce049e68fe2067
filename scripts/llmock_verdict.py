"""A peer's judgement: run clients through the faults of `llmock` and print its findings.

    python -m venv judge && judge/bin/pip install llmock==0.2.2 anthropic==2.11.0
    python scripts/llmock_verdict.py judge/bin/llmock

Each client streams one reply a fault with its default settings (but a read timeout of half a second
where the fault is a stall of three), from the command `llmock serve`. What is printed is a table: a
row a fault, the findings of the judge and what the client gave its caller in the cells.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic

import tailrace

ASKED: Any = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
FAULTS: dict[str, list[dict[str, Any]]] = {
    "429, retry-after 1 s": [{"type": "fail", "status": 429, "retry_after": 1}],
    "529 once": [{"type": "fail", "status": 529}],
    "500 five times": [{"type": "fail", "status": 500, "times": 5}],
    "400": [{"type": "fail", "status": 400}],
    "connection dropped after 1 chunk": [
        {"type": "stream_fault", "kind": "disconnect", "after_chunks": 1}
    ],
    "cut after 1 chunk": [{"type": "stream_fault", "kind": "truncate", "after_chunks": 1}],
    "cut after 4 chunks": [{"type": "stream_fault", "kind": "truncate", "after_chunks": 4}],
    "stall of 3 s after 4 chunks": [
        {"type": "stream_fault", "kind": "stall", "after_chunks": 4, "stall_seconds": 3}
    ],
    "malformed chunk after 4": [{"type": "stream_fault", "kind": "malformed", "after_chunks": 4}],
}


def clients(url: str, timeout: float | None) -> Iterator[tuple[str, Any]]:
    """The clients on trial, each with its defaults."""
    given: dict[str, Any] = {"base_url": f"{url}/anthropic", "api_key": "any"}
    if timeout is not None:
        given["timeout"] = timeout
    yield "official SDK", anthropic.Anthropic(**given)
    yield "Tailrace", tailrace.Anthropic(**given)
    yield 'Tailrace, recovery="restart"', tailrace.Anthropic(**given, recovery="restart")


def told(client: Any) -> str:
    """What the client gives its caller."""
    try:
        with client.messages.stream(**ASKED) as stream:
            message = stream.get_final_message()
    except Exception as error:
        return f"raises `{type(error).__name__}`"
    return "whole" if message.stop_reason else "**a cut reply, as if whole**"


def judged(url: str, behaviours: list[dict[str, Any]], client: Any) -> str:
    """The findings about one client and one fault."""
    call(url, "/_llmock/reset", {})
    call(url, "/_llmock/scenario", {"behaviors": behaviours})
    answer = told(client)
    verdict = call(url, "/_llmock/verdict")
    found = ", ".join(f"`{one['code']}`" for one in verdict["findings"]) or "–"
    return f"{found}; {answer} ({verdict['attempts']} tries)"


def call(url: str, path: str, body: Any = None) -> Any:
    """One call to the judge's own interface."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data), timeout=30) as answer:
        return json.load(answer)


@contextmanager
def judge(command: str) -> Iterator[str]:
    """The judge, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    serve = [command, "serve", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: call(url, "/_llmock/requests"))
        yield url
    finally:
        process.terminate()
        process.wait()


def wait(ready: Callable[[], Any]) -> None:
    """Try until it works, for a while."""
    for _ in range(100):
        try:
            ready()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    sys.exit("the judge did not start")


def main(command: str) -> None:
    """Print the table."""
    with judge(command) as url:
        names = [name for name, _ in clients(url, None)]
        print("| fault | " + " | ".join(names) + " |")
        print("|---|" + "---|" * len(names))
        for title, behaviours in FAULTS.items():
            timeout = 0.5 if "stall" in title else None
            cells = [judged(url, behaviours, client) for _, client in clients(url, timeout)]
            print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
