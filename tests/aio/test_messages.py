"""What `tests/sync/test_messages.py` says of the calls, awaited."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.aio.running import on_asyncio
from tests.procedures.scripted import ASKED, HELLO, AsyncScripted
from tests.sync.test_messages import JSON, MESSAGE, WRONG

from tailrace import (
    APIResponseValidationError,
    AsyncMessageStreamManager,
    AsyncStream,
    NotFoundError,
)
from tailrace.transports.memory import Answer
from tailrace.types import Message, MessageTokensCount


def answering(value: Any) -> AsyncScripted:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return AsyncScripted(Answer(data, headers=JSON))


def sent(scripted: AsyncScripted) -> Any:
    return json.loads(scripted.wire.requests[-1].content)


@on_asyncio
async def test_create_gives_the_message() -> None:
    scripted = answering(MESSAGE)
    message = await scripted.client.messages.create(**ASKED)
    assert isinstance(message, Message)
    assert message.to_dict() == MESSAGE
    assert message._request_id == "req_7"
    assert "stream" not in sent(scripted)


@on_asyncio
async def test_create_with_stream_gives_the_events() -> None:
    scripted = AsyncScripted(HELLO)
    async with await scripted.client.messages.create(stream=True, **ASKED) as events:
        assert isinstance(events, AsyncStream)
        assert (await anext(events)).type == "message_start"
    assert sent(scripted)["stream"] is True


@on_asyncio
async def test_stream_gives_a_manager_and_is_not_awaited() -> None:
    manager = AsyncScripted().client.messages.stream(**ASKED)
    assert isinstance(manager, AsyncMessageStreamManager)


@on_asyncio
async def test_count_tokens_gives_the_count() -> None:
    messages = answering({"input_tokens": 7}).client.messages
    count = await messages.count_tokens(model="m", messages=ASKED["messages"])
    assert isinstance(count, MessageTokensCount)
    assert count.input_tokens == 7


@on_asyncio
async def test_beta_takes_betas() -> None:
    scripted = AsyncScripted(HELLO)
    async with scripted.client.beta.messages.stream(betas=["one", "two"], **ASKED) as stream:
        await stream.until_done()
    assert scripted.wire.requests[0].headers["anthropic-beta"] == "one,two"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
@on_asyncio
async def test_an_answer_that_is_no_message_is_an_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match="not its reply"):
        await answering(body).client.messages.create(**ASKED)


@on_asyncio
async def test_an_error_of_the_api_is_raised_by_every_call() -> None:
    def client() -> Any:
        return AsyncScripted(Answer(status=404)).client.messages

    for call in (
        lambda: client().create(**ASKED),
        lambda: client().create(stream=True, **ASKED),
        lambda: client().stream(**ASKED).__aenter__(),
        lambda: client().count_tokens(model="m", messages=ASKED["messages"]),
        lambda: client().with_raw_response.create(**ASKED),
        lambda: client().with_streaming_response.create(**ASKED).__aenter__(),
    ):
        with pytest.raises(NotFoundError):
            await call()


@on_asyncio
async def test_a_reply_goes_back_as_it_came() -> None:
    first = await answering(MESSAGE).client.messages.create(**ASKED)
    scripted = AsyncScripted(HELLO)
    await scripted.text(messages=[*ASKED["messages"], first, *ASKED["messages"]])
    assert sent(scripted)["messages"][1] == {"role": "assistant", "content": MESSAGE["content"]}


@pytest.mark.parametrize(("wrong", "error", "text"), WRONG.values(), ids=WRONG)
@on_asyncio
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    wrong: dict[str, Any], error: type[Exception], text: str
) -> None:
    scripted = AsyncScripted()
    messages: Any = scripted.client.messages
    with pytest.raises(error, match=text):
        await messages.create(**ASKED | wrong)
    with pytest.raises(error, match=text):
        await messages.with_raw_response.create(**ASKED | wrong)
    with pytest.raises(error, match=text):
        messages.stream(**ASKED | wrong)  # at once: nothing is left that nobody awaited
    assert scripted.wire.requests == []
