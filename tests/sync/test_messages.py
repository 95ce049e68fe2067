"""`client.messages`: what each call sends and gives, and what it refuses to send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.procedures.scripted import ASKED, HELLO, Scripted

from tailrace import APIResponseValidationError, MessageStreamManager, NotFoundError, Stream, omit
from tailrace.simulator import Simulator
from tailrace.transports.memory import Answer
from tailrace.types import Message, MessageTokensCount, TextBlock

JSON = {"content-type": "application/json", "request-id": "req_7"}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "Hello", "of_tomorrow": 1}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 2},
}


def answering(value: Any) -> Scripted:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Scripted(Answer(data, headers=JSON))


def sent(scripted: Scripted) -> Any:
    return json.loads(scripted.wire.requests[-1].content)


# -- what is given -----------------------------------------------------------------------------


def test_create_gives_the_message() -> None:
    scripted = answering(MESSAGE)
    message = scripted.client.messages.create(**ASKED)
    assert isinstance(message, Message)
    assert isinstance(message.content[0], TextBlock)
    assert message.to_dict() == MESSAGE
    assert message.complete
    assert message._request_id == "req_7"
    assert "stream" not in sent(scripted)


def test_create_with_stream_gives_the_events() -> None:
    scripted = Scripted(HELLO)
    with scripted.client.messages.create(stream=True, **ASKED) as events:
        assert isinstance(events, Stream)
        assert next(events).type == "message_start"
    assert sent(scripted)["stream"] is True


def test_stream_gives_a_manager() -> None:
    assert isinstance(Scripted().client.messages.stream(**ASKED), MessageStreamManager)


def test_count_tokens_gives_the_count() -> None:
    scripted = answering({"input_tokens": 7})
    count = scripted.client.messages.count_tokens(model="m", messages=ASKED["messages"])
    assert isinstance(count, MessageTokensCount)
    assert count.input_tokens == 7


def test_beta_takes_betas() -> None:
    scripted = Scripted(HELLO)
    with scripted.client.beta.messages.stream(betas=["one", "two"], **ASKED) as stream:
        stream.until_done()
    assert scripted.wire.requests[0].headers["anthropic-beta"] == "one,two"
    assert scripted.wire.requests[0].url.endswith("/v1/messages")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"content": '])
def test_an_answer_that_is_no_message_is_an_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match="not its reply") as caught:
        answering(body).client.messages.create(**ASKED)
    assert caught.value.status_code == 200
    with pytest.raises(APIResponseValidationError, match="input_tokens"):
        answering(body).client.messages.count_tokens(model="m", messages=ASKED["messages"])


def test_an_error_of_the_api_is_raised_by_every_call() -> None:
    def client() -> Any:
        return Scripted(Answer(status=404)).client.messages

    for call in (
        lambda: client().create(**ASKED),
        lambda: client().create(stream=True, **ASKED),
        lambda: client().stream(**ASKED).__enter__(),
        lambda: client().count_tokens(model="m", messages=ASKED["messages"]),
        lambda: client().with_raw_response.create(**ASKED),
        lambda: client().with_streaming_response.create(**ASKED).__enter__(),
    ):
        with pytest.raises(NotFoundError):
            call()


# -- what is sent ------------------------------------------------------------------------------


def test_extras_go_where_they_belong() -> None:
    scripted = Scripted(HELLO, default_headers={"x-a": "1", "x-gone": "1"})
    scripted.text(
        extra_headers={"x-b": "2", "X-Gone": omit},
        extra_query={"q": "ä b"},
        extra_body={"of_tomorrow": [1], "max_tokens": 7},
        temperature=0.5,
    )
    (request,) = scripted.wire.requests
    assert (request.headers["x-a"], request.headers["x-b"]) == ("1", "2")
    assert "x-gone" not in request.headers
    assert request.url.endswith("/v1/messages?q=%C3%A4+b")
    body = sent(scripted)
    assert (body["of_tomorrow"], body["max_tokens"], body["temperature"]) == ([1], 7, 0.5)


def test_a_reply_goes_back_as_it_came() -> None:
    first = answering(MESSAGE).client.messages.create(**ASKED)
    for turn in (first, first.to_param(), {"role": "assistant", "content": first.content}):
        scripted = Scripted(HELLO)
        scripted.text(messages=[*ASKED["messages"], turn, *ASKED["messages"]])
        assert sent(scripted)["messages"][1] == {
            "role": "assistant",
            "content": MESSAGE["content"],
        }


def test_generators_are_read_once_and_sent_again_on_a_retry() -> None:
    scripted = Scripted(Answer(status=529), HELLO)
    scripted.text(messages=(message for message in ASKED["messages"]))
    first, second = scripted.wire.requests
    assert first.content == second.content
    assert sent(scripted)["messages"] == ASKED["messages"]


# -- what is refused ---------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "nothing": ({"model": None, "messages": None}, TypeError, "'messages' and 'model'"),
    "no max_tokens": ({"max_tokens": None}, TypeError, "'max_tokens'"),
    "an unknown name": ({"sytem": "Be brief."}, TypeError, "did you mean 'system'"),
    "less than no tokens": ({"max_tokens": -1}, ValueError, "max_tokens"),
    "max_tokens as text": ({"max_tokens": "9"}, TypeError, "max_tokens"),
    "an empty model": ({"model": ""}, ValueError, "model"),
    "messages as text": ({"messages": "Hi"}, TypeError, "messages"),
    "no messages": ({"messages": []}, ValueError, "messages"),
    "a message as text": ({"messages": ["Hi"]}, TypeError, r"messages\[0\]"),
    "NaN": ({"temperature": float("nan")}, ValueError, "nan"),
    "half a character": ({"system": "\ud800"}, ValueError, "surrogate"),
    "an object": ({"metadata": {"x": object()}}, TypeError, "object"),
    "a header in two lines": ({"extra_headers": {"x": "a\r\nb: c"}}, ValueError, "x"),
    "a timeout as text": ({"timeout": "9"}, TypeError, "timeout"),
}


@pytest.mark.parametrize(("wrong", "error", "text"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    wrong: dict[str, Any], error: type[Exception], text: str
) -> None:
    with Simulator() as sim:
        scripted = Scripted(base_url=sim.url)
        scripted.client._shared.release()  # the real wire: not even a connection is made
        messages = scripted.client.messages
        for call in (messages.create, messages.stream, messages.with_raw_response.create):
            with pytest.raises(error, match=text):
                call(**ASKED | wrong)  # type: ignore[operator]
        assert sim.requests == []
    assert scripted.client._shared._wire is None


def test_calls_take_names_only() -> None:
    messages: Any = Scripted().client.messages
    for call in (messages.create, messages.stream, messages.count_tokens):
        with pytest.raises(TypeError, match="positional"):
            call("claude-sonnet-4-5")
