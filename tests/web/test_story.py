"""Stories: the same everywhere, and gone on with from any place."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import pytest

from tailrace.relay.merge import Merger
from tailrace.web.story import Teller, request, story


async def at_once(seconds: float) -> None:
    assert seconds == pytest.approx(0.04)


def told(so_far: list[dict[str, Any]], number: int = 7, length: int = 300) -> list[dict[str, Any]]:
    async def main() -> list[dict[str, Any]]:
        teller = Teller(100, sleep=at_once)
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
