"""The request side: what a long conversation costs to send."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks.bench import Bench
from benchmarks.contestants import load
from benchmarks.measure import Row, Target, column
from benchmarks.reading import reader
from benchmarks.usage import cpu

TITLE = "Request side"
ABOUT = """
A conversation is sent and a reply of three events is read, over and over on one connection: CPU for
each request, the reply included. `msgspec` is `msgspec.json.encode` of the same body and nothing
else; the floor also sends what that made, and reads the reply, as every client has to.
"""


def messages() -> list[dict[str, Any]]:
    """400 messages, 0.8 MB together."""
    text = "The tailrace carries the water away from the wheel, naïvely “quoted”.\n" * 28
    return [
        {
            "role": "assistant" if number % 2 else "user",
            "content": [{"type": "text", "text": f"{number}: {text}"}],
        }
        for number in range(400)
    ]


def images() -> list[dict[str, Any]]:
    """Five images, 5 MB of base64 together."""
    dice = random.Random(3)
    source = {"type": "base64", "media_type": "image/png"}
    blocks = [
        {"type": "image", "source": source | {"data": base64.b64encode(picture).decode()}}
        for picture in (dice.randbytes(750_000) for _ in range(5))
    ]
    return [{"role": "user", "content": [*blocks, {"type": "text", "text": "What is this?"}]}]


BODIES: dict[str, Callable[[], list[dict[str, Any]]]] = {"messages": messages, "images": images}
LABELS = {"messages": "400 messages, 0.8 MB", "images": "five images, 5 MB"}


def run(bench: Bench) -> list[Row]:
    """Both conversations, synchronous and asynchronous."""
    rows = []
    for body in bench.pick(("messages",), tuple(BODIES)):
        for sync in bench.pick((True,), (True, False)):
            jobs: dict[str, dict[str, Any]] = {
                name: {
                    "url": bench.addresses.url("text/3/1"),
                    "body": body,
                    "sync": sync,
                    "times": bench.pick(10, 40),
                }
                for name in ("tailrace", "official", "floor", "msgspec")
            }
            results = bench.alternate("request", jobs)
            targets = [Target("official", 1 / 5), Target("msgspec", 2)]
            kind = "sync" if sync else "async"
            label = f"{LABELS[body]}, {kind}"
            rows.append(Row(label, "ms/request", column(results, "cpu", 1e3), targets))
    return rows


def measured(*, contestant: str, url: str, body: str, sync: bool, times: int) -> dict[str, float]:
    """CPU seconds a request."""
    ask = BODIES[body]()
    if contestant == "msgspec":
        return {"cpu": _encoding(ask, times)}
    with reader(load(contestant), sync=sync, way="text", url=url) as read:
        for _ in range(3):
            read(len, ask)
        before = cpu()
        for _ in range(times):
            read(len, ask)
        return {"cpu": (cpu() - before) / times}


def _encoding(ask: list[Any], times: int) -> float:
    body = {"model": "claude-haiku-4-5", "max_tokens": 1024, "messages": ask, "stream": True}
    msgspec.json.encode(body)
    before = cpu()
    for _ in range(times):
        msgspec.json.encode(body)
    return (cpu() - before) / times
