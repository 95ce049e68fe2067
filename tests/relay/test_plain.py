"""One reply to one client: headers, heartbeats, leaving, and no polite end of a cut reply."""

from __future__ import annotations

import asyncio
import json

import pytest

from tailrace import AsyncAnthropic, RateLimitError
from tailrace.relay.starlette import EventSourceStream, StreamingText
from tailrace.simulator import Cut, Fail, Pace, Simulator, SlowHeaders, Text

from .browser import Visit
from .scripted import PARAMS, Script, delta, says, until


def play(*items) -> Script:
    return Script(*items)({}, ())


async def texts(*items):
    for item in items:
        if isinstance(item, Exception):
            raise item
        await asyncio.sleep(0)
        yield item


def get(response) -> Visit:
    return Visit(response, "GET", "/")


def test_text(run) -> None:
    async def main() -> None:
        for stream in (texts("a", "", "bé"), play(*says("a", "bé"))):
            visit = await get(StreamingText(stream, headers={"x-mine": "1"})).done()
            assert (visit.status, visit.body.decode(), visit.complete) == (200, "abé", True)
            assert visit.headers["content-type"] == "text/plain; charset=utf-8"
            assert visit.headers["x-accel-buffering"] == "no"
            assert visit.headers["x-mine"] == "1"
            assert "content-length" not in visit.headers

    run(main())


def test_events(run) -> None:
    async def main() -> None:
        visit = await get(EventSourceStream(play(*says("a", "b")))).done()
        assert [event.json() for event in visit.events] == says("a", "b")
        assert visit.complete
        visit = await get(EventSourceStream(texts("a", "b"), format="text")).done()
        assert [event.data for event in visit.events] == ['"a"', '"b"', '{"end":"done"}']

    run(main())


def test_a_cut_text_is_broken_a_failed_one_has_its_status(run) -> None:
    async def main() -> None:
        visit = await get(StreamingText(texts("a", RuntimeError("secret")))).done()
        assert (visit.status, visit.body, visit.complete) == (200, b"a", False)
        visit = await get(StreamingText(texts(RuntimeError("secret")))).done()
        assert (visit.status, visit.complete) == (500, True)
        assert b"secret" not in visit.body

    run(main())


def test_a_cut_event_stream_says_so(run) -> None:
    async def main() -> None:
        broken = play(*says("a")[:3], RuntimeError("secret"))
        visit = await get(EventSourceStream(broken)).done()
        assert visit.events[-1].event == "error"
        assert b"secret" not in visit.body
        visit = await get(EventSourceStream(texts("a", OSError()), format="text")).done()
        assert [event.event for event in visit.events] == [None, "failed", "end"]
        assert visit.events[-1].json() == {"end": "error"}

    run(main())


def test_heartbeats_while_the_first_token_is_awaited(run) -> None:
    async def main() -> None:
        source = Script(0.08, *says("a"))
        response = EventSourceStream(source({}, ()), heartbeat=0.02)
        visit = await get(response).done()
        assert visit.body.index(b": heartbeat") < visit.body.index(b"message_start")

    run(main())


@pytest.mark.parametrize("kind", [StreamingText, EventSourceStream])
@pytest.mark.parametrize("begun", [False, True])
def test_leaving_closes_the_upstream(run, kind, begun) -> None:
    async def main() -> None:
        source = Script(*(says("a")[:3] if begun else ()), 60)
        visit = get(kind(source({}, ())))
        await until(lambda: source.asked)
        if begun:
            await visit.until(b"a")
        visit.leave()
        await visit.done()
        assert source.closed == 1
        assert not visit.complete

    run(main())


def test_a_slow_client_slows_the_upstream(run) -> None:
    async def main() -> None:
        taken = 0

        async def endless():
            nonlocal taken
            while True:
                taken += 1
                await asyncio.sleep(0)
                yield "x" * 1000

        visit = get(StreamingText(endless()))
        await visit.until(b"x")
        visit.room.clear()
        await asyncio.sleep(0.1)
        before = taken
        await asyncio.sleep(0.1)
        assert taken == before
        visit.room.set()
        await until(lambda: taken > before + 100)
        visit.leave()
        await visit.done()

    run(main())


# -- with the client and the simulator ---------------------------------------------------------


def test_the_clients_streams(run) -> None:
    async def main() -> None:
        async with (
            Simulator([Text("Hello there")]) as sim,
            AsyncAnthropic(base_url=sim.url, api_key="x") as client,
        ):
            visit = await get(StreamingText(client.messages.stream(**PARAMS))).done()
            assert visit.body == b"Hello there"
            raw = await client.messages.create(stream=True, **PARAMS)
            first = await get(EventSourceStream(raw)).done()
            second = await get(EventSourceStream(client.messages.stream(**PARAMS))).done()
            shapes = [[set(event.json()) for event in visit.events] for visit in (first, second)]
            assert shapes[0] == shapes[1]
            assert second.events[-1].json() == {"type": "message_stop"}

    run(main())


def test_the_clients_failures(run) -> None:
    async def main() -> None:
        async with (
            Simulator() as sim,
            AsyncAnthropic(base_url=sim.url, api_key="x", max_retries=0) as client,
        ):
            sim.script([Fail(429)], [Text("Hello there"), Cut(after_events=4)])
            visit = await get(StreamingText(client.messages.stream(**PARAMS))).done()
            assert visit.status == RateLimitError.status_code
            assert visit.json["error"]["type"] == "rate_limit_error"
            visit = await get(EventSourceStream(client.messages.stream(**PARAMS))).done()
            assert visit.events[-1].event == "error"

    run(main())


def test_leaving_while_the_api_is_silent_closes_its_connection(run) -> None:
    async def main() -> None:
        async with (
            Simulator([SlowHeaders(30), Text("late")], pace=Pace()) as sim,
            AsyncAnthropic(base_url=sim.url, api_key="x") as client,
        ):
            visit = get(StreamingText(client.messages.stream(**PARAMS)))
            await until(lambda: sim.requests)
            visit.leave()
            await visit.done()
            await until(lambda: sim.requests[0].ended)
            assert len(sim.requests) == 1

    run(main())


def test_tool_input_is_no_text(run) -> None:
    async def main() -> None:
        part = {"type": "input_json_delta", "partial_json": "{}"}
        event = {"type": "content_block_delta", "index": 0, "delta": part}
        visit = await get(
            StreamingText(play(delta("a"), event, {"type": "new", "delta": 1}))
        ).done()
        assert visit.body == b"a"
        assert json.dumps(event) not in visit.body.decode()

    run(main())
