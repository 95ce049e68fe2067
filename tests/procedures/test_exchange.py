"""One call: what is tried again, what is not, and what the reader sees of it."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from tests.corpus import STOP, ends, grows, starts, text
from tests.procedures.scripted import (
    ASKED,
    BEGUN,
    HELLO,
    OPENING,
    OVERLOADED,
    PING,
    REFUSED,
    Scripted,
    kinds,
    reply,
    says,
    whole,
)

from tailrace import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    BadRequestError,
    OverloadedError,
    RateLimitError,
    RetryableError,
    StreamProtocolError,
    StreamTruncatedError,
    Timeout,
)
from tailrace.procedures.exchange import DRAIN_SECONDS
from tailrace.transports.memory import (
    Answer,
    BadCertificate,
    ConnectRefused,
    ConnectSilence,
    End,
    Lost,
    Pause,
    Silence,
)

SPENT = (
    b'{"type":"error","error":{"type":"rate_limit_error","message":"You have reached your spend '
    b'limit."}}'
)

# -- before the headers ------------------------------------------------------------------------

TRANSIENT: dict[str, tuple[Any, str]] = {
    "connection lost": (Lost(), "connection"),
    "connection refused": (ConnectRefused(), "connection"),
    "connecting takes too long": (ConnectSilence(), "connect timeout"),
    "no answer": (Silence(), "first_event timeout"),
    "x-should-retry": (Answer(status=400, headers={"x-should-retry": "true"}), "status 400"),
    "an error's type": (
        Answer(b'{"type":"error","error":{"type":"overloaded_error"}}', status=529),
        "overloaded_error",
    ),
    **{
        str(status): (Answer(status=status, headers={}), f"status {status}")
        for status in (408, 409, 429, 500, 502, 503, 504, 529)
    },
}
FINAL: dict[str, Any] = {
    "a bad certificate": BadCertificate(),
    "x-should-retry": Answer(status=529, headers={"x-should-retry": "false"}),
    "a spend limit": Answer(SPENT, status=429),
    **{str(status): Answer(status=status) for status in (400, 401, 402, 403, 404, 413, 422)},
}


@pytest.mark.parametrize(("turn", "reason"), TRANSIENT.values(), ids=TRANSIENT)
def test_a_transient_failure_is_repeated_unseen(turn: Any, reason: str) -> None:
    seen: list[Attempt] = []
    scripted = Scripted(turn, HELLO, on_retry=seen.append)
    stream = scripted.stream()
    assert "".join(stream.text_stream) == "Hello"
    assert scripted.tried == ["0", "1"]
    assert [(one.number, one.reason, one.wait) for one in seen] == [(1, reason, 0.25)]
    assert scripted.wire.sleeps == [0.25]  # half of 0.5 seconds, since chance is a half here
    assert [one.reason for one in stream.attempts] == [reason, "ok"]
    assert stream.get_final_message().attempts == stream.attempts


@pytest.mark.parametrize("turn", FINAL.values(), ids=FINAL)
def test_a_failure_that_would_come_again_is_raised_at_once(turn: Any) -> None:
    scripted = Scripted(turn, HELLO)
    with pytest.raises(APIError) as caught:
        scripted.stream()
    assert scripted.tried == ["0"]
    assert len(caught.value.attempts) == 1
    assert caught.value.attempts[0].wait is None


def test_it_gives_up_after_max_retries_with_every_try_told() -> None:
    scripted = Scripted(Lost(), Answer(status=503), Answer(status=529), HELLO)
    with pytest.raises(OverloadedError) as caught:
        scripted.stream()
    assert scripted.tried == ["0", "1", "2"]
    assert scripted.wire.sleeps == [0.25, 0.5]
    assert [(one.reason, one.wait) for one in caught.value.attempts] == [
        ("connection", 0.25),
        ("status 503", 0.5),
        ("status 529", None),
    ]


@pytest.mark.parametrize("turn", [turn for turn, _ in TRANSIENT.values()], ids=TRANSIENT)
def test_max_retries_of_0_turns_all_of_it_off(turn: Any) -> None:
    scripted = Scripted(turn, HELLO, max_retries=0)
    with pytest.raises(APIError):
        scripted.stream()
    assert scripted.tried == ["0"]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.125"}, 0.125),
        ({"retry-after": "100"}, 100.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": formatdate(1_800_000_030, usegmt=True)}, 30.0),
        ({"retry-after": "0"}, 0.25),
        ({"retry-after": "-3"}, 0.25),
        ({"retry-after": "soon"}, 0.25),
        ({"retry-after": formatdate(1_700_000_000, usegmt=True)}, 0.25),
    ],
)
def test_the_wait_is_what_the_server_asks_for(headers: dict[str, str], wait: float) -> None:
    scripted = Scripted(Answer(status=429, headers=headers), HELLO)
    assert scripted.text() == "Hello"
    assert scripted.wire.sleeps == [wait]


def test_no_wait_goes_beyond_the_whole_calls_time() -> None:
    refused = Answer(status=429, headers={"retry-after": "10"})
    scripted = Scripted(refused, HELLO, timeout=Timeout(total=9))
    with pytest.raises(RateLimitError):
        scripted.stream()
    assert scripted.wire.sleeps == []


def test_an_unsuccessful_answer_is_read_and_leaves_its_connection() -> None:
    scripted = Scripted(Answer(b"{}", status=529), HELLO)
    assert scripted.text() == "Hello"
    assert [(one.closed, one.aborted) for one in scripted.wire.answers] == [(True, False)] * 2


# -- after the headers, before any content -----------------------------------------------------

HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
BEFORE_CONTENT: dict[str, tuple[Any, str]] = {
    "an error event": (reply(OVERLOADED), "overloaded_error"),
    "an error event after the start": (reply(*OPENING, PING, OVERLOADED), "overloaded_error"),
    "an error event later": (reply(*OPENING, Pause(1), OVERLOADED), "overloaded_error"),
    "lost after the headers": (Answer(Lost()), "truncated"),
    "lost after the start": (reply(*OPENING, Lost()), "truncated"),
    "nothing at all": (Answer(), "truncated"),
    "a clean end after the start": (reply(*OPENING), "truncated"),
    "an end inside an event": (reply(starts(), b"event: content_block_del"), "truncated"),
    "a page of HTML": (Answer(b"<html>\n\nSorry\n\n</html>", headers=HTML), "protocol"),
    "JSON": (Answer(b'{"type":"message"}', headers=JSON), "protocol"),
    "malformed JSON": (reply(b"event: message_start\ndata: {\n\n", *says("Hel")), "protocol"),
    "JSON of no object": (reply(b"event: message_start\ndata: 7\n\n", *says("Hel")), "protocol"),
    "malformed JSON and no more": (reply(b"event: message_start\ndata: {\n\n"), "truncated"),
    "content without a start": (reply(*says("Hel")), "protocol"),
    "silence": (reply(*OPENING, Silence()), "idle timeout"),
    "pings": (reply(starts(), *[PING, Pause(100)] * 10), "progress timeout"),
}


@pytest.mark.parametrize(("turn", "reason"), BEFORE_CONTENT.values(), ids=BEFORE_CONTENT)
def test_a_failure_before_content_is_repeated_unseen(turn: Answer, reason: str) -> None:
    scripted = Scripted(turn, HELLO)
    stream = scripted.stream()
    events = list(stream)
    assert kinds(events).count("message_start") == 1
    assert "".join(event.text for event in events if event.type == "text") == "Hello"
    assert scripted.tried == ["0", "1"]
    assert [one.reason for one in stream.attempts] == [reason, "ok"]
    assert stream.get_final_message().complete


@pytest.mark.parametrize("turn", [turn for turn, _ in BEFORE_CONTENT.values()], ids=BEFORE_CONTENT)
def test_without_retries_the_same_failures_are_raised(turn: Answer) -> None:
    scripted = Scripted(turn, HELLO, max_retries=0)
    with pytest.raises(APIError) as caught:
        scripted.text()
    assert scripted.tried == ["0"]
    assert scripted.wire.answers[0].closed
    assert len(caught.value.attempts) == 1


def test_a_refusal_in_the_stream_is_not_repeated() -> None:
    scripted = Scripted(reply(REFUSED), HELLO)
    with pytest.raises(BadRequestError) as caught:
        scripted.text()
    assert caught.value.status_code == 200
    assert scripted.tried == ["0"]


def test_an_error_that_came_along_with_the_first_content_is_repeated() -> None:
    """The reader has not been given the content yet."""
    scripted = Scripted(reply(*OPENING, *says("Half"), OVERLOADED), HELLO)
    assert scripted.text() == "Hello"


def test_failures_before_and_after_the_headers_share_the_tries() -> None:
    scripted = Scripted(Lost(), reply(OVERLOADED), reply(*OPENING, Lost()), HELLO)
    with pytest.raises(StreamTruncatedError) as caught:
        scripted.text()
    assert [one.reason for one in caught.value.attempts] == [
        "connection",
        "overloaded_error",
        "truncated",
    ]


# -- after content -----------------------------------------------------------------------------

AFTER_CONTENT: dict[str, tuple[Any, type[APIError]]] = {
    "lost": (Lost(), StreamTruncatedError),
    "a clean end": (End(), StreamTruncatedError),
    "an error event": (OVERLOADED, OverloadedError),
    "malformed JSON": (b"event: message_delta\ndata: {\n\n", StreamProtocolError),
    "out of order": (grows(7, "text_delta", text="?"), StreamProtocolError),
    "silence": (Silence(), APITimeoutError),
}


@pytest.mark.parametrize(("act", "kind"), AFTER_CONTENT.values(), ids=AFTER_CONTENT)
def test_nothing_is_repeated_after_content(act: Any, kind: type[APIError]) -> None:
    scripted = Scripted(reply(*OPENING, *says("Half", " a"), Pause(1), act), HELLO)
    stream = scripted.stream()
    pieces: list[str] = []
    with pytest.raises(kind) as caught:
        pieces.extend(stream.text_stream)
    assert scripted.tried == ["0"]
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "Half a"
    assert not caught.value.partial.complete
    assert [one.number for one in caught.value.attempts] == [1]
    assert scripted.wire.answers[0].closed


@pytest.mark.parametrize("ask_again", ["get_final_message", "until_done", "get_final_text"])
def test_a_failure_is_raised_again_whoever_asks(ask_again: str) -> None:
    stream = Scripted(BEGUN, max_retries=0).stream()
    with pytest.raises(StreamTruncatedError) as first:
        list(stream)
    with pytest.raises(StreamTruncatedError) as second:
        getattr(stream, ask_again)()
    assert second.value is first.value
    assert list(stream) == []


# -- its end -----------------------------------------------------------------------------------


def test_the_end_of_the_body_is_read_so_that_the_connection_can_serve_again() -> None:
    scripted = Scripted(reply(starts(), *text(0, "Hello"), ends(), STOP, Pause(0.2), End()))
    assert scripted.text() == "Hello"
    (answer,) = scripted.wire.answers
    assert answer.closed
    assert not answer.aborted


@pytest.mark.parametrize(
    "rest",
    [[Pause(30)], [Silence()], [Pause(0.1), Lost()], [b": still here\n\n", Pause(0.2)] * 200],
    ids=["a pause", "silence", "lost", "drip"],
)
def test_the_end_of_the_body_is_not_awaited_for_long(rest: list[Any]) -> None:
    scripted = Scripted(reply(starts(), *text(0, "Hello"), ends(), STOP, *rest))
    assert scripted.text() == "Hello"
    assert scripted.wire.now <= 2 * DRAIN_SECONDS
    assert scripted.wire.answers[0].aborted


def test_a_stop_reason_and_a_clean_end_are_an_end() -> None:
    """Fixtures of the official SDK end without the blank line after their `message_stop`."""
    stream = Scripted(reply(starts(), *text(0, "Hello"), ends())).stream()
    assert stream.get_final_message().complete


def test_a_stop_reason_and_a_lost_connection_are_not() -> None:
    with pytest.raises(StreamTruncatedError):
        Scripted(reply(starts(), *text(0, "Hello"), ends(), Lost())).text()


def test_a_stop_reason_of_null_is_none() -> None:
    with pytest.raises(StreamTruncatedError):
        Scripted(reply(starts(), *text(0, "Hello"), ends(None))).text()


# -- a reply in one piece ----------------------------------------------------------------------

MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"m","stop_reason":"end_turn",'
    b'"content":[{"type":"text","text":"Hello"}],"usage":{"input_tokens":1,"output_tokens":1}}'
)


@pytest.mark.parametrize(
    "turn", [Lost(), Answer(status=529), Answer(MESSAGE[:90], Lost(), headers=JSON)]
)
def test_a_whole_reply_is_repeated_until_it_is_whole(turn: Any) -> None:
    scripted = Scripted(turn, Answer(MESSAGE[:90], MESSAGE[90:], headers=JSON))
    message = scripted.client.messages.create(**ASKED)
    assert message.content[0].text == "Hello"
    assert [one.reason for one in message.attempts][1:] == ["ok"]
    assert scripted.tried == ["0", "1"]


# -- hooks -------------------------------------------------------------------------------------


def test_what_a_hook_raises_ends_the_call() -> None:
    def refuse(attempt: Attempt) -> None:
        raise LookupError(attempt.reason)

    scripted = Scripted(Lost(), HELLO, on_retry=refuse)
    with pytest.raises(LookupError, match="connection"):
        scripted.stream()
    assert scripted.tried == ["0"]


def test_a_connection_error_names_its_cause() -> None:
    with pytest.raises(APIConnectionError) as caught:
        Scripted(Lost(), max_retries=0).stream()
    assert str(caught.value) == "Connection error: the script loses the connection"
    assert caught.value.__cause__ is not None
    assert caught.value.request.headers["x-api-key"] == "[redacted]"
    assert not caught.value.request.content


def test_an_error_of_the_api_is_complete() -> None:
    with pytest.raises(APIStatusError) as caught:
        Scripted(Answer(SPENT, status=429, headers={"request-id": "req_9"})).stream()
    error = caught.value
    assert (error.type, error.request_id) == ("rate_limit_error", "req_9")
    assert error.api_message == "You have reached your spend limit."


def test_a_hook_can_have_a_try_repeated() -> None:
    def again(response: Any) -> None:
        if response.headers.get("x-cold"):
            raise RetryableError("cold")

    scripted = Scripted(whole("No", headers={"x-cold": "1"}), HELLO, on_response=again)
    assert scripted.text() == "Hello"
    assert scripted.wire.answers[0].aborted
