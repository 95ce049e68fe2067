"""Everybody reads the same text from the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.contestants import load
from benchmarks.reading import reader
from benchmarks.servers import Addresses, running

COUNT = 40
ALL = ("text", "events", "raw")
CASES = [
    *(("tailrace", sync, way) for sync in (True, False) for way in ALL),
    *(("official", sync, way) for sync in (True, False) for way in ALL),
    *(("official_aiohttp", False, way) for way in ALL),
    ("floor_decode", False, "text"),
]


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with running() as found:
        yield found


def read(addresses: Addresses, name: str, sync: bool, way: str) -> list[Any]:
    pieces: list[Any] = []
    url = addresses.url(f"text/{COUNT}/3")
    with reader(load(name), sync=sync, way=way, url=url) as ask:
        ask(pieces.append)
    return pieces


@pytest.mark.parametrize(("name", "sync", "way"), CASES)
def test_the_same_text(addresses: Addresses, name: str, sync: bool, way: str) -> None:
    if name.startswith("official"):
        pytest.importorskip("anthropic")
    pieces = read(addresses, name, sync, way)
    assert len(pieces) == COUNT
    assert pieces == read(addresses, "floor_decode", True, "text")


def test_the_floor_counts_every_byte(addresses: Addresses) -> None:
    (seen,) = {sum(map(len, read(addresses, "floor", True, "text"))) for _ in range(2)}
    assert seen > COUNT * 80


def test_kept_events_are_the_events(addresses: Addresses) -> None:
    events = read(addresses, "tailrace", True, "keep")
    assert [event.type for event in events[:2]] == ["message_start", "content_block_start"]
