"""The simulator as a wire: whole clients, without sockets, and without time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import trio

import tailrace
from tailrace.simulator import (
    Bytes,
    Case,
    Cut,
    Error,
    Fail,
    Match,
    Pace,
    Ping,
    Refuse,
    Scenario,
    SlowHeaders,
    Stall,
    Text,
    Wait,
)
from tailrace.testing import AsyncSimulatedWire, SimulatedWire

ASKED: Any = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hi"}],
}


def client(wire: SimulatedWire, **settings: Any) -> tailrace.Anthropic:
    return tailrace.Anthropic(http_client=wire, api_key="any", **settings)


def test_a_stream_in_no_time() -> None:
    wire = SimulatedWire("One two three.", pace=Pace(tokens_per_second=0.1, first_token=60))
    with client(wire) as claude, claude.messages.stream(**ASKED) as stream:
        assert list(stream.text_stream) == ["One", " two", " three", "."]
    assert 60 < wire.now < 120
    (asked,) = wire.simulator.requests
    assert (asked.model, asked.status, asked.ended) == ("claude-sonnet-5-5", 200, "end")
    assert asked.chunks > 4


def test_a_whole_reply_and_other_calls() -> None:
    with client(SimulatedWire("Hello")) as claude:
        assert claude.messages.create(**ASKED).content[0].text == "Hello"
        counted = claude.messages.count_tokens(
            model="claude-sonnet-5-5", messages=ASKED["messages"]
        )
        assert counted.input_tokens > 0


def test_retries_wait_on_the_wires_own_clock() -> None:
    wire = SimulatedWire()
    wire.simulator.script(Fail(429, retry_after=30), Refuse(), [SlowHeaders(700)], "At last.")
    with client(wire, max_retries=3) as claude:
        assert claude.messages.create(**ASKED).content[0].text == "At last."
    assert wire.sleeps[0] == pytest.approx(30, abs=1)
    assert wire.now > 600


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([Text("Half"), Cut("end")], tailrace.StreamTruncatedError),
        ([Text("Half"), Cut("close")], tailrace.StreamTruncatedError),
        ([Text("Half"), Cut("reset")], tailrace.StreamTruncatedError),
        ([Text("Half"), Ping(), Cut("half_chunk", after_events=4)], tailrace.StreamTruncatedError),
        ([Text("Half"), Stall()], tailrace.APITimeoutError),
        ([Text("Half"), Wait(1), Error("overloaded_error")], tailrace.OverloadedError),
        ([Text("Half"), Bytes(b"zz\r\n", framing=False)], tailrace.StreamTruncatedError),
    ],
)
def test_faults_are_what_they_are_on_a_socket(script: Any, error: type[Exception]) -> None:
    wire = SimulatedWire()
    wire.simulator.script(script)
    with client(wire) as claude, claude.messages.stream(**ASKED) as stream:
        with pytest.raises(error) as caught:
            stream.until_done()
        assert "Half" in str(getattr(caught.value, "partial", ""))
    assert wire.simulator.requests[0].ended is not None


def test_pings_without_end_are_only_made_as_far_as_they_are_read() -> None:
    wire = SimulatedWire([Text("Half"), Ping(times=10**9, every=10)])
    with (
        client(wire, max_retries=0) as claude,
        claude.messages.stream(**ASKED) as stream,
        pytest.raises(tailrace.APITimeoutError, match="progress"),
    ):
        stream.until_done()
    assert 900 <= wire.now < 1000


def test_who_leaves_is_noted() -> None:
    wire = SimulatedWire("A long reply.")
    with client(wire) as claude, claude.messages.stream(**ASKED) as stream:
        next(iter(stream))
    assert wire.simulator.requests[0].ended == "client left"


def test_scenarios_match_and_requests_are_checked() -> None:
    scenario = Scenario([Case(["Rainy."], Match(user="weather")), Case(["Hello."])])
    with client(SimulatedWire(scenario)) as claude:
        asked = ASKED | {"messages": [{"role": "user", "content": "The weather?"}]}
        assert claude.messages.create(**asked).content[0].text == "Rainy."
        assert claude.messages.create(**ASKED).content[0].text == "Hello."
        with pytest.raises(tailrace.BadRequestError, match="thinking"):
            claude.messages.create(**ASKED, thinking={"type": "enabled", "budget_tokens": 1})


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_asynchronously(run: Any) -> None:
    async def main() -> None:
        checkpoint = trio.lowlevel.checkpoint if run is trio.run else None
        wire = AsyncSimulatedWire("One two.", pace=Pace(1), checkpoint=checkpoint)
        async with (
            tailrace.AsyncAnthropic(http_client=wire, api_key="any") as claude,
            claude.messages.stream(**ASKED) as stream,
        ):
            assert [text async for text in stream.text_stream] == ["One", " two", "."]

    run(main) if run is trio.run else run(main())


def test_an_asynchronous_wire_in_a_synchronous_client_is_an_error() -> None:
    with client(AsyncSimulatedWire("Hello")) as claude, pytest.raises(RuntimeError, match="waits"):
        claude.messages.create(**ASKED)
