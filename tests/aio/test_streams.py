"""What `tests/sync/test_streams.py` says of reading a reply, with `async for` and `await`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.aio.running import every, on_asyncio
from tests.corpus import STOP, ends, starts, text, tool
from tests.procedures.scripted import (
    ASKED,
    BEGUN,
    HELLO,
    OPENING,
    PING,
    AsyncScripted,
    kinds,
    reply,
    says,
    whole,
)

from tailrace import (
    RESTARTED,
    AsyncMessageStream,
    AsyncStream,
    AuthenticationError,
    StreamClosedError,
    StreamTruncatedError,
    TextEvent,
)
from tailrace.transports.memory import Answer, Lost, Pause, Silence

STALLED = reply(*OPENING, *says("Half"), Pause(1), *says(" a"), Silence())
CALLS = reply(starts(), *text(0, "Well"), *tool(1, '{"a"', ": 1}"), ends("tool_use"), STOP)


async def stream(turn: Answer = HELLO, **options: Any) -> AsyncMessageStream:
    return await AsyncScripted(turn, **options).stream()


async def raw(turn: Answer = HELLO) -> AsyncStream:
    return await AsyncScripted(turn).client.messages.create(stream=True, **ASKED)


# -- one place ---------------------------------------------------------------------------------


@on_asyncio
async def test_all_ways_to_read_share_one_place() -> None:
    one = await stream(whole("a", "b", "c", "d"))
    assert (await anext(one)).type == "message_start"
    assert await anext(one.text_stream) == "a"
    after = await anext(one)
    assert isinstance(after, TextEvent)
    assert after.text == "a"
    assert (await anext(one)).type == "content_block_delta"
    assert await every(one.text_stream) == ["c", "d"]
    assert await every(one) == []
    assert await one.get_final_text() == "abcd"


@on_asyncio
async def test_a_loop_goes_on_where_the_last_one_was_left() -> None:
    one = await stream()
    async for event in one:
        if event.type == "text":
            break
    assert kinds(await every(one)) == [
        "content_block_delta",
        "text",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert aiter(one) is aiter(one)


@on_asyncio
async def test_text_stream_is_one_iterator() -> None:
    one = await stream(whole("a", "b", "c"))
    async for piece in one.text_stream:
        assert piece == "a"
        break
    assert one.text_stream is one.text_stream
    assert await every(one.text_stream) == ["b", "c"]
    assert await every(one.text_stream) == []


@on_asyncio
async def test_after_a_break_the_final_message_is_still_the_whole_one() -> None:
    one = await stream(whole("a", "b", "c"))
    async for _ in one:
        break
    message = await one.get_final_message()
    assert message.content[0].text == "abc"
    assert await one.get_final_message() is message


# -- events ------------------------------------------------------------------------------------


@on_asyncio
async def test_events_come_in_the_helpers_order() -> None:
    assert kinds(await every(await stream(CALLS))) == [
        "message_start",
        *("content_block_start", "content_block_delta", "text", "content_block_stop"),
        "content_block_start",
        *("content_block_delta", "input_json") * 2,
        "content_block_stop",
        *("message_delta", "message_stop"),
    ]


@on_asyncio
async def test_wire_events_come_as_they_were_sent() -> None:
    sent = [starts(), *text(0, "Hello"), {"type": "brand_new", "x": [1]}, ends(), STOP]
    async with await raw(reply(PING, *sent)) as events:
        assert [event.to_dict() async for event in events] == sent


@on_asyncio
async def test_enriched_events_hold_the_messages_own_objects() -> None:
    one = await stream(CALLS)
    events = await every(one)
    message = await one.get_final_message()
    assert events[-1].message is message is one.current_message_snapshot
    stops = [event for event in events if event.type == "content_block_stop"]
    assert [stop.content_block is message.content[stop.index] for stop in stops] == [True, True]


@on_asyncio
async def test_the_snapshot_grows() -> None:
    one = await stream(whole("a", "b"))
    with pytest.raises(RuntimeError, match="no message yet"):
        _ = one.current_message_snapshot
    seen = ["".join(block.text for block in snapshot(one).content) async for _ in one]
    assert list(dict.fromkeys(seen)) == ["", "a", "ab"]


def snapshot(one: AsyncMessageStream) -> Any:
    return one.current_message_snapshot


# -- the final message -------------------------------------------------------------------------


@on_asyncio
async def test_the_final_message_is_there_after_the_with_if_the_reply_was_read() -> None:
    async with AsyncScripted(HELLO).client.messages.stream(**ASKED) as one:
        assert not one.response.is_closed
        await one.until_done()
        assert one.response.is_closed
    assert await one.get_final_text() == "Hello"


@pytest.mark.parametrize("close", ["close", "aclose", "__aexit__"])
@on_asyncio
async def test_a_stream_left_early_has_no_final_message_and_says_what_there_was(
    close: str,
) -> None:
    one = await stream(STALLED)
    assert await anext(one.text_stream) == "Half"
    for _ in range(2):
        await getattr(one, close)(*[None, None, None] * (close == "__aexit__"))
    for ask in (one.get_final_message, one.get_final_text, one.until_done, one.__anext__):
        with pytest.raises(StreamClosedError) as caught:
            await ask()
        assert caught.value.partial is not None
        assert caught.value.partial.content[0].text == "Half"
    assert one.current_message_snapshot.content[0].text == "Half"


@on_asyncio
async def test_without_a_text_block_there_is_no_final_text() -> None:
    one = await stream(reply(starts(), *tool(0, "{}"), ends("tool_use"), STOP))
    with pytest.raises(RuntimeError, match="tool_use"):
        await one.get_final_text()


@on_asyncio
async def test_a_cut_reply_has_no_final_message_and_stays_cut() -> None:
    one = await stream(BEGUN, max_retries=0)
    with pytest.raises(StreamTruncatedError) as first:
        await every(one)
    with pytest.raises(StreamTruncatedError) as second:
        await one.get_final_message()
    assert second.value is first.value


# -- after a failure ---------------------------------------------------------------------------


@on_asyncio
async def test_a_failure_before_content_is_repeated_unseen() -> None:
    scripted = AsyncScripted(Lost(), reply(*OPENING, Lost()), HELLO)
    assert await scripted.text() == "Hello"
    assert len(scripted.wire.requests) == 3


@pytest.mark.parametrize(
    ("policy", "pieces"),
    [("continue", ["Half", " a", " reply"]), ("restart", ["Half", " a", "", " reply"])],
)
@on_asyncio
async def test_a_failure_after_content_is_recovered_as_asked(
    policy: str, pieces: list[str]
) -> None:
    broken = reply(*OPENING, *says("Half", " a"), Pause(1), Lost())
    one = await AsyncScripted(broken, whole(" reply"), recovery=policy).stream()
    got = await every(one.text_stream)
    assert got == pieces
    assert (RESTARTED in got) == (policy == "restart")
    assert (await one.get_final_message()).complete


# -- stopping ----------------------------------------------------------------------------------


@on_asyncio
async def test_stop_ends_the_loop_without_an_error() -> None:
    scripted = AsyncScripted(STALLED)
    one = await scripted.stream()
    async for piece in one.text_stream:
        if piece == " a":
            one.stop()
            one.stop()
    message = await one.get_final_message()
    assert (message.content[0].text, message.stopped_by_caller) == ("Half a", True)
    assert not message.complete
    assert scripted.wire.answers[0].aborted


@pytest.mark.parametrize("how", ["events", "text", "raw"])
@on_asyncio
async def test_stop_when_hands_on_the_event_that_stops(how: str) -> None:
    def enough(event: Any) -> bool:
        return (event.to_dict().get("delta") or {}).get("text") == "b"

    if how == "raw":
        events = await every((await raw(whole("a", "b", "c"))).stop_when(enough))
        assert events[-1].delta.text == "b"
        return
    one = (await stream(whole("a", "b", "c"))).stop_when(enough)
    if how == "text":
        assert await every(one.text_stream) == ["a", "b"]
    else:
        assert (await every(one))[-1].type == "content_block_delta"
    assert await one.get_final_text() == "ab"


# -- the answer's head -------------------------------------------------------------------------

HEAD = {
    "content-type": "text/event-stream",
    "Request-Id": "req_7",
    "anthropic-workspace-id": "wrk_1",
    "anthropic-ratelimit-requests-remaining": "49",
}


@on_asyncio
async def test_what_the_head_says() -> None:
    for one in (await stream(whole("a", headers=HEAD)), await raw(whole("a", headers=HEAD))):
        assert (one.request_id, one.workspace_id) == ("req_7", "wrk_1")
        assert one.response.headers["request-id"] == "req_7"
        assert one.rate_limits.requests.remaining == 49
        assert [attempt.reason for attempt in one.attempts] == ["ok"]
    message = await (await stream(whole("a", headers=HEAD))).get_final_message()
    assert (message._request_id, message._workspace_id) == ("req_7", "wrk_1")


# -- the manager -------------------------------------------------------------------------------


@on_asyncio
async def test_entering_sends_and_entering_again_sends_anew() -> None:
    scripted = AsyncScripted(whole("one"), whole("two"))
    manager = scripted.client.messages.stream(**ASKED)
    assert scripted.wire.requests == []
    for said in ("one", "two"):
        async with manager as one:
            assert await one.get_final_text() == said
    assert len(scripted.wire.requests) == 2


@on_asyncio
async def test_a_manager_that_is_never_entered_does_not_complain() -> None:
    scripted = AsyncScripted()
    scripted.client.messages.stream(**ASKED)
    assert scripted.wire.requests == []


@on_asyncio
async def test_a_manager_is_not_a_stream() -> None:
    manager: Any = AsyncScripted().client.messages.stream(**ASKED)
    for misuse in (aiter, iter):
        with pytest.raises(TypeError):
            misuse(manager)
    with pytest.raises(TypeError, match="await"):
        await manager


@on_asyncio
async def test_errors_before_the_first_event_are_raised_on_entering() -> None:
    manager = AsyncScripted(Answer(status=401)).client.messages.stream(**ASKED)
    with pytest.raises(AuthenticationError):
        await manager.__aenter__()


@on_asyncio
async def test_leaving_closes_at_once() -> None:
    scripted = AsyncScripted(STALLED, STALLED)
    async with scripted.client.messages.stream(**ASKED) as one:
        await anext(one)
    async with await scripted.client.messages.create(stream=True, **ASKED) as events:
        await anext(events)
    assert [answer.aborted for answer in scripted.wire.answers] == [True, True]


# -- tasks -------------------------------------------------------------------------------------


@on_asyncio
async def test_a_cancelled_read_closes_and_keeps_what_there_was() -> None:
    scripted = AsyncScripted(whole("a", "b"))
    one = await scripted.stream()
    task = asyncio.create_task(one.get_final_message())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scripted.wire.answers[0].aborted
    with pytest.raises(StreamClosedError):
        await one.get_final_message()


@on_asyncio
async def test_tasks_share_a_client() -> None:
    scripted = AsyncScripted(*[whole(str(number)) for number in range(20)])
    said = await asyncio.gather(*[scripted.text() for _ in range(20)])
    assert sorted(said, key=int) == [str(number) for number in range(20)]
