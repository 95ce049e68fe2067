"""The scripted wires: instant, repeatable, and true to the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import trio

from tailrace.core.http import Headers, Request
from tailrace.procedures.wire import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    WaitTimedOut,
    WireError,
    settle,
)
from tailrace.transports.memory import (
    Answer,
    AsyncScriptedWire,
    BadCertificate,
    ConnectRefused,
    ConnectSilence,
    End,
    Lost,
    Pause,
    ScriptedIncoming,
    ScriptedWire,
    Silence,
    Turn,
)

REQUEST = Request("POST", "https://host/v1/messages", Headers({}), b"{}")


def opened(wire: ScriptedWire, wait: float | None = 10.0) -> ScriptedIncoming:
    return settle(wire.open(REQUEST, connect=5.0, wait=wait))


def test_an_answer_comes_act_by_act() -> None:
    wire = ScriptedWire([Answer(b"a", Pause(3), b"b", Pause(4), End(), b"never", status=201)])
    incoming = opened(wire)
    assert incoming.response.status_code == 201
    assert settle(incoming.read(10.0)) == b"a"
    assert wire.monotonic() == 0.0
    assert settle(incoming.read(10.0)) == b"b"
    assert wire.monotonic() == 3.0
    assert [settle(incoming.read(10.0)) for _ in range(2)] == [b"", b""]
    assert (wire.now, incoming.closed, incoming.aborted) == (7.0, True, False)
    assert incoming.response.is_closed


def test_what_was_asked_is_kept() -> None:
    wire = ScriptedWire([Answer(after=2.0), Answer()], chance=0.25, wall=1000.0)
    first = opened(wire)
    settle(first.read(None))
    settle(wire.sleep(1.5))
    opened(wire, wait=9.0)
    assert wire.requests == [REQUEST, REQUEST]
    assert (wire.sleeps, wire.waits) == ([1.5], [10.0, None, 9.0])
    assert (wire.now, wire.wall(), wire.chance()) == (3.5, 1003.5, 0.25)
    assert first.response.elapsed == 2.0
    assert len(wire.answers) == 2


@pytest.mark.parametrize(
    ("turn", "error", "passed"),
    [
        (ConnectRefused(), ConnectFailed, 0.0),
        (BadCertificate(), ConnectFailed, 0.0),
        (ConnectSilence(), ConnectTimedOut, 5.0),
        (Silence(), WaitTimedOut, 10.0),
        (Answer(after=11.0), WaitTimedOut, 10.0),
        (Lost(), ConnectionLost, 0.0),
    ],
)
def test_opening_can_fail(turn: Turn, error: type[WireError], passed: float) -> None:
    wire = ScriptedWire([turn])
    with pytest.raises(error) as caught:
        opened(wire)
    assert type(caught.value) is error
    assert getattr(caught.value, "permanent", False) == isinstance(turn, BadCertificate)
    assert wire.now == passed


@pytest.mark.parametrize(
    ("acts", "error", "passed"),
    [
        ([Lost()], ConnectionLost, 0.0),
        ([Silence()], WaitTimedOut, 10.0),
        ([Pause(10.5)], WaitTimedOut, 10.0),
        ([Pause(6), Pause(6), b"late"], WaitTimedOut, 10.0),
    ],
)
def test_a_body_can_break(acts: list[Any], error: type[WireError], passed: float) -> None:
    wire = ScriptedWire([Answer(b"begun", *acts)])
    incoming = opened(wire)
    assert settle(incoming.read(10.0)) == b"begun"
    for _ in range(2):
        with pytest.raises(error):
            settle(incoming.read(10.0))
    assert wire.now == passed


def test_silence_without_a_clock_is_a_mistake_in_the_test() -> None:
    with pytest.raises(AssertionError, match="nothing bounds the wait"):
        opened(ScriptedWire([Silence()]), wait=None)


def test_a_request_too_many_is_a_mistake_in_the_test() -> None:
    wire = ScriptedWire([Answer()])
    opened(wire)
    with pytest.raises(AssertionError, match="1 turns"):
        opened(wire)


def test_aborted_is_lost() -> None:
    wire = ScriptedWire([Answer(b"a"), Answer(b"a")])
    first, second = opened(wire), opened(wire)
    first.abort()
    settle(wire.close())
    for incoming in (first, second):
        assert (incoming.aborted, incoming.response.is_closed) == (True, True)
        with pytest.raises(ConnectionLost):
            settle(incoming.read(1.0))
    with pytest.raises(ConnectFailed) as caught:
        opened(wire)
    assert caught.value.permanent


def test_closing_early_is_told_from_reading_to_the_end() -> None:
    wire = ScriptedWire([Answer(b"a"), Answer()])
    early, late = opened(wire), opened(wire)
    assert settle(late.read(1.0)) == b""
    for incoming in (early, late):
        settle(incoming.close())
        settle(incoming.close())
    assert (early.aborted, late.aborted) == (True, False)


def test_the_asynchronous_one_lets_others_run() -> None:
    async def work(wire: AsyncScriptedWire) -> list[str]:
        incoming = await wire.open(REQUEST, connect=None, wait=None)
        assert await incoming.read(None) == b"a"
        await wire.sleep(5.0)
        return ["answer"]

    async def on_asyncio() -> None:
        order: list[str] = []
        task = asyncio.create_task(work(AsyncScriptedWire([Answer(b"a")])))
        asyncio.get_running_loop().call_soon(order.append, "other")
        order += await task
        assert order == ["other", "answer"]

    asyncio.run(on_asyncio())
    trio.run(work, AsyncScriptedWire([Answer(b"a")], checkpoint=trio.lowlevel.checkpoint))


def test_settle_refuses_the_asynchronous_one() -> None:
    opening: Coroutine[Any, Any, object] = AsyncScriptedWire([Answer()]).open(
        REQUEST, connect=None, wait=None
    )
    with pytest.raises(RuntimeError, match="really waits"):
        settle(opening)
