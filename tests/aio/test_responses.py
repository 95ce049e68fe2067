"""What `tests/sync/test_responses.py` says of answers, awaited."""

from __future__ import annotations

import json

import pytest
from tests.aio.running import every, on_asyncio
from tests.aio.test_messages import answering
from tests.corpus import STOP, body, ends, starts, text
from tests.procedures.scripted import ASKED, HELLO, AsyncScripted, kinds
from tests.sync.test_messages import JSON, MESSAGE

from tailrace import AnthropicError, APIConnectionError, AsyncStream, RateLimitError
from tailrace.transports.memory import Answer, Lost, Pause

WHOLE = body([starts(), *text(0, "Grüße 👋"), ends(), STOP])
IN_BYTES = Answer(*[WHOLE[at : at + 1] for at in range(len(WHOLE))])


@on_asyncio
async def test_a_raw_response_has_the_head_and_the_message() -> None:
    raw = await answering(MESSAGE).client.messages.with_raw_response.create(**ASKED)
    assert (raw.status_code, raw.request_id, raw.method) == (200, "req_7", "POST")
    assert raw.headers["Content-Type"] == "application/json"
    assert (raw.retries_taken, raw.is_closed) == (0, True)
    assert await raw.read() == json.dumps(MESSAGE).encode()
    assert await raw.json() == MESSAGE
    assert await raw.text() == json.dumps(MESSAGE)
    assert (await raw.parse()).content[0].text == "Hello"
    assert await raw.parse() is await raw.parse()
    assert repr(raw) == "<AsyncAPIResponse [200]>"


@on_asyncio
async def test_a_raw_stream_is_read_by_what_parse_gives() -> None:
    client = AsyncScripted(Lost(), HELLO).client
    raw = await client.messages.with_raw_response.create(stream=True, **ASKED)
    assert (raw.retries_taken, raw.is_closed) == (1, False)
    async with await raw.parse() as stream:
        assert isinstance(stream, AsyncStream)
        assert kinds(await every(stream))[-1] == "message_stop"
    assert raw.is_closed


@on_asyncio
async def test_a_raw_call_raises_as_any_other() -> None:
    scripted = AsyncScripted(Answer(status=429), max_retries=0)
    with pytest.raises(RateLimitError):
        await scripted.client.messages.with_raw_response.create(**ASKED)


@on_asyncio
async def test_a_streaming_response_is_not_read_until_asked() -> None:
    scripted = AsyncScripted(Answer(b'{"content": ', Pause(5), b"[]}", headers=JSON))
    async with scripted.client.messages.with_streaming_response.create(**ASKED) as response:
        assert (response.status_code, scripted.wire.now) == (200, 0)
        assert (await response.parse()).content == []
        assert scripted.wire.now == 5
    assert response.is_closed


@on_asyncio
async def test_entering_sends_and_leaving_closes() -> None:
    scripted = AsyncScripted(HELLO)
    manager = scripted.client.messages.with_streaming_response.create(stream=True, **ASKED)
    assert scripted.wire.requests == []
    async with manager as response:
        assert (await anext(await response.parse())).type == "message_start"
    assert scripted.wire.answers[0].aborted


@on_asyncio
async def test_bytes_text_and_lines_survive_any_cut() -> None:
    for read, expected in (
        ("iter_bytes", WHOLE),
        ("iter_text", WHOLE.decode()),
        ("iter_lines", "".join(WHOLE.decode().splitlines())),
    ):
        messages = AsyncScripted(IN_BYTES).client.messages
        async with messages.with_streaming_response.create(stream=True, **ASKED) as response:
            pieces = await every(getattr(response, read)())
        assert type(expected)().join(pieces) == expected


@on_asyncio
async def test_bytes_come_in_pieces_of_a_size() -> None:
    messages = AsyncScripted(Answer(WHOLE[:70], WHOLE[70:100])).client.messages
    async with messages.with_streaming_response.create(stream=True, **ASKED) as response:
        assert [len(piece) async for piece in response.iter_bytes(40)] == [40, 30, 30]


@on_asyncio
async def test_half_a_character_at_the_end_is_not_lost_in_silence() -> None:
    messages = AsyncScripted(Answer("Grüße 👋".encode()[:-1])).client.messages
    async with messages.with_streaming_response.create(stream=True, **ASKED) as response:
        pieces = await every(response.iter_text())
    assert "".join(pieces) == "Grüße \N{REPLACEMENT CHARACTER}"


@on_asyncio
async def test_a_broken_body_is_an_error_and_stays_one() -> None:
    scripted = AsyncScripted(Answer(b'{"content": []}', Lost(), headers=JSON))
    async with scripted.client.messages.with_streaming_response.create(**ASKED) as response:
        with pytest.raises(APIConnectionError):
            await response.read()
        with pytest.raises(AnthropicError):
            await response.parse()


@on_asyncio
async def test_a_count_of_tokens() -> None:
    asked = {"model": "m", "messages": ASKED["messages"]}
    raw = await answering({"input_tokens": 7}).client.messages.with_raw_response.count_tokens(
        **asked
    )
    assert (await raw.parse()).input_tokens == 7
    messages = answering({"input_tokens": 7}).client.messages
    async with messages.with_streaming_response.count_tokens(**asked) as response:
        assert (await response.parse()).input_tokens == 7
