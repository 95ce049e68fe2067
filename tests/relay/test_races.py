"""Races that the journal decides: a cancel against a finish, and many who ask the same at once."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tailrace.relay.memory import MemoryJournal
from tailrace.relay.production import Tempo
from tailrace.relay.relay import Relay

from .live.bed import Bed, read_events
from .live.upstream import story
from .scripted import ENDING, PARAMS, QUICK, collect, says, text_of

AT_ONCE = 100
RACES = {"memory": 10_000, "sqlite": 2000, "redis": 1000}


async def pause(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


@pytest.mark.parametrize("store", RACES)
def test_of_a_cancel_and_a_finish_exactly_one_wins(
    run: Any, request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    where: Any = {"memory": MemoryJournal(), "sqlite": tmp_path / "relay.db"}.get(store)
    if where is None:
        where = request.getfixturevalue("redis").url
    dice = random.Random(7)

    async def source(params: Any, so_far: Any) -> Any:
        for event in says("a")[:3]:
            yield event
        await pause(params["steps"])
        for event in ENDING:
            yield event

    async def race(relay: Relay, other: Relay) -> str:
        finish, cancel = dice.randrange(12), dice.randrange(24)
        generation = await relay.start({**PARAMS, "steps": finish})
        elsewhere = await other.find(generation.id)
        following = asyncio.create_task(collect(generation.follow()))
        await pause(cancel)
        won = await asyncio.gather(elsewhere.cancel(), generation.cancel())
        (seen,) = await asyncio.gather(following, return_exceptions=True)
        end = await generation.ended()
        assert won[0] == won[1] == (end == "cancelled")
        whole = not isinstance(seen, BaseException)
        assert whole == (end == "done"), "who follows is told the same"
        assert not whole or text_of(seen) == "a"
        return str(end)

    async def main() -> None:
        quick = {**QUICK, "tempo": Tempo(flush=0.0, lease=5.0), "owner_generations": 10**6}
        async with (
            Relay(where, source=source, secret="s", **quick) as relay,
            Relay(where, source=source, secret="s", **quick) as other,
        ):
            ends: Counter[str] = Counter()
            for _ in range(RACES[store] // AT_ONCE):
                ends.update(await asyncio.gather(*(race(relay, other) for _ in range(AT_ONCE))))
        assert set(ends) == {"done", "cancelled"}, ends
        assert min(ends.values()) > RACES[store] / 100, ends
        assert sum(ends.values()) == RACES[store]

    run(main(), timeout=110)


@pytest.mark.parametrize("store", ["sqlite", "redis"])
def test_fifty_posts_of_one_key_to_two_nodes_are_one_call(
    request: pytest.FixtureRequest, tmp_path: Path, store: str
) -> None:
    where = str(tmp_path / "relay.db")
    if store == "redis":
        where = request.getfixturevalue("redis").url
    with Bed(tmp_path, where, nodes=2) as bed:
        together = threading.Barrier(50)

        def post(number: int) -> tuple[str, str]:
            together.wait(30)
            node = bed.nodes[number % 2].url
            with bed.post("story 3 of 60 words at 600", at=node, idempotency_key="k") as answer:
                assert answer.status == 200
                return answer.headers["relay-id"], answer.response.read().decode()

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(post, range(50)))
        assert len(set(answers)) == 1, "all got the same, byte for byte"
        assert read_events(answers[0][1])["text"] == story(3, 60)
        assert sum("asked" in line for line in bed.asked()) == 1
