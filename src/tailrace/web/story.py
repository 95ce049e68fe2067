"""Stories made from a number: whoever knows the number can tell them, and go on with them.

The show needs a truth to compare with, and a source that can go on after its process was killed.
Claude can do neither; a story is the same in every process, so the events there are already say
where to go on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

Event = dict[str, Any]

_WHO = ("the miller", "a heron", "the old wheel", "the water", "nobody", "the lock-keeper's cat")
_DID = ("waited for", "listened to", "had forgotten", "came back to", "counted", "dreamt of")
_WHAT = (
    "the rain",
    "every drop",
    "the river's Übermut",
    "a café by the weir",
    "tomorrow 🌊",
    "home",
)
_HOW = ("without a word", "twice – no, once", "at dusk", "as if nothing had happened", "in order")


def story(number: int, length: int) -> str:
    """The story of a number, cut off at so many characters."""
    dice = random.Random(number)  # noqa: S311 - a story, not a secret
    text = ""
    while len(text) < length:
        words = (dice.choice(words) for words in (_WHO, _DID, _WHAT, _HOW))
        sentence = " ".join(words)
        text += sentence[0].upper() + sentence[1:] + dice.choice((". ", ". ", ".\n\n"))
    return text[:length]


def request(number: int, length: int) -> Event:
    """The parameters that ask a `Teller` for a story."""
    return {
        "model": "story",
        "max_tokens": length,
        "messages": [{"role": "user", "content": str(number)}],
    }


class Teller:
    """A relay's source that tells stories, at so many characters a second.

    Each piece has its time, so one that comes late does not put off those after it.
    """

    def __init__(
        self,
        pace: float,
        *,
        sleep: Callable[[float], Any] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        piece: int = 4,
    ) -> None:
        if pace <= 0:
            raise ValueError(f"the pace must be above 0 characters a second, not {pace}")
        self._seconds = piece / pace
        self._sleep = sleep
        self._clock = clock
        self._piece = piece

    async def __call__(self, params: Event, so_far: Sequence[Event]) -> AsyncIterator[Event]:
        """The events of the story that are still missing."""
        text = story(int(params["messages"][0]["content"]), params["max_tokens"])
        told = "".join(map(_text, so_far))
        if not text.startswith(told):
            raise ValueError("what was told is not the beginning of this story")
        kinds = {event["type"] for event in so_far}
        for event in _frame(text):
            if event is None:
                due = self._clock()
                for at in range(len(told), len(text), self._piece):
                    yield _delta(text[at : at + self._piece])
                    due += self._seconds
                    await self._sleep(max(0.0, due - self._clock()))
            elif event["type"] not in kinds:
                yield event


def _frame(text: str) -> Iterator[Event | None]:
    """The events around a story; `None` where it is told."""
    message: Event = {"id": "msg_story", "type": "message", "role": "assistant", "content": []}
    yield {"type": "message_start", "message": message}
    block = {"type": "text", "text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield None
    yield {"type": "content_block_stop", "index": 0}
    usage = {"output_tokens": len(text) // 4}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}
    yield {"type": "message_stop"}


def _delta(text: str) -> Event:
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _text(event: Event) -> str:
    return str(event["delta"]["text"]) if event["type"] == "content_block_delta" else ""
