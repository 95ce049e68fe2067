"""Stories: the same everywhere, and gone on with from any place."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from tailrace.relay.merge import Merger
from tailrace.web.story import Teller, request, story


class Clock:
    """Time that passes while one sleeps, and `late` seconds more each time."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 100.0
        self.late = late
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + self.late


def told(so_far: list[dict[str, Any]], number: int = 7, length: int = 300) -> list[dict[str, Any]]:
    async def main() -> list[dict[str, Any]]:
        clock = Clock()
        teller = Teller(100, sleep=clock.sleep, clock=clock)
        return [event async for event in teller(request(number, length), so_far)]

    return asyncio.run(main())


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")


def test_a_story_is_as_long_as_asked_and_its_own() -> None:
    assert [len(story(1, length)) for length in (1, 50, 999)] == [1, 50, 999]
    assert story(1, 999).startswith(story(1, 50))
    assert story(1, 99) != story(2, 99)


def test_it_is_gone_on_with_from_any_place() -> None:
    whole = told([])
    assert text_of(whole) == story(7, 300)
    for at in range(len(whole) + 1):
        assert whole[:at] + told(whole[:at]) == whole


def test_it_is_gone_on_with_from_events_that_a_relay_has_merged() -> None:
    whole, dice = told([]), random.Random(1)
    for _ in range(20):
        merger, at = Merger(), dice.randrange(len(whole))
        for event in whole[:at]:
            merger.add(event)
        merged = [msgspec.json.decode(one) for one in merger.take()]
        assert text_of(merged + told(merged)) == story(7, 300)


def test_what_is_not_its_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="not the beginning"):
        told(told([], number=8))
    with pytest.raises(ValueError, match="above 0"):
        Teller(0)


@pytest.mark.parametrize("late", [0.0, 0.01, 0.03])
def test_pieces_that_come_late_do_not_put_off_the_others(late: float) -> None:
    clock = Clock(late)

    async def main() -> None:
        async for _ in Teller(100, sleep=clock.sleep, clock=clock)(request(7, 300), []):
            pass

    asyncio.run(main())
    assert len(clock.slept) == 75
    assert clock.now == pytest.approx(103 + late)


def test_what_was_missed_for_longer_is_told_at_once() -> None:
    clock = Clock(late=0.5)

    async def main() -> None:
        async for _ in Teller(100, sleep=clock.sleep, clock=clock)(request(7, 300), []):
            pass

    asyncio.run(main())
    assert clock.slept[0] == pytest.approx(0.04)
    assert set(clock.slept[1:]) == {0.0}
