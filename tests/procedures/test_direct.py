"""A wire that is read without a coroutine of its own: the same clocks, the same ends.

The script's answers can be taken directly here, and each time first wake for nothing, as a
connection may.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import STOP, ends, grows, opens, shuts, starts, text, tool
from tests.procedures.scripted import ASKED, OPENING, PING, reply, says
from tests.procedures.test_exchange_clocks import CLOCKS, NONE, ends_of_text

from tailrace import (
    APITimeoutError,
    AsyncAnthropic,
    StreamProtocolError,
    StreamTruncatedError,
    Timeout,
)
from tailrace.core.http import Headers, Request, Response
from tailrace.procedures.wire import settle
from tailrace.transports.memory import Answer, Lost, Pause, ScriptedIncoming, ScriptedWire


class Direct(ScriptedIncoming):
    direct = True
    arrival = None  # what asyncio takes for "go on in the next round"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.takes = 0

    def take(self, until: float) -> bytes | None:
        self.takes += 1
        if self.takes % 2:
            return None
        return settle(self.read(until - self._wire.now))


class DirectWire(ScriptedWire):
    def _answer(self, turn: Answer, request: Request) -> ScriptedIncoming:
        response = Response(turn.status, Headers(turn.headers), request=request)
        incoming = Direct(self, response, turn.acts)
        self.answers.append(incoming)
        return incoming


def texts(turn: Any, **settings: Any) -> tuple[DirectWire, list[str]]:
    """All pieces of text of a reply, and the wire it came over."""
    wire = DirectWire([turn])

    async def main() -> list[str]:
        async with (
            AsyncAnthropic(http_client=wire, api_key="any", **settings) as client,
            client.messages.stream(
                model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
            ) as stream,
        ):
            found = [text async for text in stream.text_stream]
            assert stream._exchange._direct is None, "nothing is kept of a connection"
            return found

    return wire, asyncio.run(main())


def test_it_is_read_directly_and_wakes_for_nothing_do_no_harm() -> None:
    many = [item for number in range(50) for item in (*says(f"{number} "), Pause(0))]
    wire, found = texts(reply(*OPENING, *many, *ends_of_text()))
    assert found == [f"{number} " for number in range(50)]
    (answer,) = wire.answers
    assert isinstance(answer, Direct)
    assert answer.takes >= 2 * 49


WAYS = ("event", "text")
REPLY = [
    *(starts(), opens(0, "thinking", thinking="", signature="")),
    *(grows(0, "thinking_delta", thinking="hm"), shuts(0), *text(1, "a", "", "b", "\ud800")[:-1]),
    *(PING, {"type": "brand_new", "data": 1}, {**grows(1, "text_delta", text="c"), "new": 1}),
    shuts(1),
    *(*tool(2, '{"a": ', "1}"), *text(3, *"defg"), ends("tool_use"), STOP),
]


async def read_by_turns(wire: ScriptedWire, ways: list[str]) -> list[Any]:
    """What a stream gives when each next thing is asked for in another way, then all the rest."""
    found: list[Any] = []
    async with (
        AsyncAnthropic(http_client=wire, api_key="any") as client,
        client.messages.stream(**ASKED) as stream,
    ):
        for way in ways:
            item: Any = await anext(stream if way == "event" else stream.text_stream, None)
            found.append(item if way == "text" else repr(item))
        message = await stream.get_final_message()
        return [*found, message]


@given(st.lists(st.sampled_from(WAYS), max_size=45))
def test_however_it_is_read_it_gives_what_frames_give(ways: list[str]) -> None:
    turn = reply(*(item for event in REPLY for item in (event, Pause(0))))
    direct = asyncio.run(read_by_turns(DirectWire([turn]), ways))
    assert direct == asyncio.run(read_by_turns(ScriptedWire([turn]), ways))


def test_a_predicate_sees_the_text_that_comes_alone() -> None:
    turn = reply(*(item for event in REPLY for item in (event, Pause(0))))

    async def main() -> list[str]:
        async with (
            AsyncAnthropic(http_client=DirectWire([turn]), api_key="any") as client,
            client.messages.stream(**ASKED) as stream,
        ):
            texts = [await anext(stream.text_stream)]
            stream.stop_when(lambda event: getattr(event, "text", "") == "e")
            return texts + [text async for text in stream.text_stream]

    assert "".join(asyncio.run(main())) == "ab\ud800cde"


def test_text_for_a_block_that_never_began_is_malformed() -> None:
    odd = [*OPENING, *says("a"), Pause(0), *says("b", index=7)]
    with pytest.raises(StreamProtocolError) as caught:
        texts(reply(*odd))
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "a"


@pytest.mark.parametrize(("clocks", "turn", "clock"), CLOCKS.values(), ids=CLOCKS)
def test_the_clocks_are_the_same(clocks: dict[str, float], turn: Any, clock: str) -> None:
    with pytest.raises(APITimeoutError) as caught:
        texts(turn, max_retries=0, timeout=Timeout(**NONE | clocks))
    assert (caught.value.clock, caught.value.seconds) == (clock, clocks[clock])


def test_a_ping_among_words_sets_back_idle_but_not_progress() -> None:
    slow = [item for number in range(9) for item in (*says(f"{number} "), Pause(4), PING, Pause(4))]
    timeout = Timeout(**NONE | {"idle": 5, "progress": 9})
    assert len(texts(reply(*OPENING, *slow, *ends_of_text()), timeout=timeout)[1]) == 9


def test_a_lost_connection_is_a_cut_reply() -> None:
    turn = reply(*OPENING, *says("Half"), Pause(0), *says(" of"), Lost())
    with pytest.raises(StreamTruncatedError) as caught:
        texts(turn)
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "Half of"
    assert caught.value.__cause__ is not caught.value
