"""Burst: a long reply read as fast as it can be; CPU for each text event."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.contestants import load
from benchmarks.measure import Row, Target, column
from benchmarks.reading import reader
from benchmarks.usage import cpu

TITLE = "Burst"
ABOUT = """
A reply of text events, read as fast as it can be. A packet is an HTTP chunk; the API sends one
event in each. `text_stream`, the events of `stream()` and the wire events of `create(stream=True)`
are read by the loop that a user would write, which looks at the text of each. LiteLLM is measured
once.
"""

WAYS = {"text": "text_stream", "events": "stream() events", "raw": "create(stream=True)"}
PEERS = ("tailrace", "official", "litellm", "floor", "floor_decode")
ASYNC_PEERS = ("tailrace", "official", "official_aiohttp", "litellm", "floor", "floor_decode")
SKIPPED_IF_QUICK = {"official_aiohttp", "litellm"}
ONLY_TEXT = {"litellm", "floor", "floor_decode"}
COUNTS = {"official": 10_000, "official_aiohttp": 10_000, "litellm": 1500}
SLOW = {"official", "official_aiohttp", "litellm"}

TARGETS = {
    "text": [Target("official", 1 / 20), Target("floor_decode", 2)],
    "events": [Target("official", 1 / 12)],
    "raw": [],
}


def run(bench: Bench) -> list[Row]:
    """Every way of reading; text also with fifty events a packet, and over TLS."""
    rows = []
    for sync in (True, False):
        for way in bench.pick(("text", "events"), tuple(WAYS)):
            rows.append(_row(bench, sync, way, 1))
        if not bench.quick:
            rows.append(_row(bench, sync, "text", 50))
        if bench.addresses.https and not bench.quick:
            rows.append(_row(bench, sync, "text", 1, tls=True))
    return rows


def _row(bench: Bench, sync: bool, way: str, packet: int, tls: bool = False) -> Row:
    jobs: dict[str, dict[str, Any]] = {}
    for name in PEERS if sync else ASYNC_PEERS:
        if (name in ONLY_TEXT and way != "text") or (bench.quick and name in SKIPPED_IF_QUICK):
            continue
        count = bench.pick(1500 if name in SLOW else 10_000, COUNTS.get(name, 20_000))
        jobs[name] = {
            "sync": sync,
            "way": way,
            "url": bench.addresses.url(f"text/{count}/{packet}", tls),
            "warm": bench.addresses.url("text/300/1", tls),
            "count": count,
        }
    results = bench.alternate("burst", jobs, once={"litellm"})
    kind = "sync" if sync else "async"
    packets = "1 event a packet" if packet == 1 else f"{packet} events a packet"
    return Row(
        label=f"{kind} {WAYS[way]}, {packets}{', TLS' if tls else ''}",
        unit="µs/event",
        values=column(results, "cpu", 1e6),
        targets=[] if tls else TARGETS[way],
    )


def measured(
    *,
    contestant: str,
    sync: bool,
    way: str,
    url: str,
    warm: str,
    count: int,
    loop: str = "asyncio",
) -> dict[str, float]:
    """CPU seconds an event, after a short reply to warm up."""
    program = load(contestant)
    with reader(program, sync=sync, way=way, url=warm, loop=loop) as read:
        read(len)
    pieces: list[Any] = []
    with reader(program, sync=sync, way=way, url=url, loop=loop) as read:
        before = cpu()
        read(pieces.append)
        used = cpu() - before
    assert contestant == "floor" or len(pieces) >= count * 0.99, f"{len(pieces)} of {count} events"
    return {"cpu": used / count}
