"""What is done about a failure after content, where the caller asked for more than an error."""

from __future__ import annotations

from typing import Any

import pytest
from tests.corpus import STOP, Event, ends, grows, opens, shuts, starts, text, tool
from tests.procedures.scripted import (
    ASKED,
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
    RESTARTED,
    APIError,
    BadRequestError,
    OverloadedError,
    StreamTruncatedError,
)
from tailrace.transports.memory import Answer, Lost, Pause, Silence

PREFILLED = "claude-sonnet-4-5"
ASKED_TO_GO_ON = "claude-sonnet-5-5"
TRUTH = "The quick brown fox jumps over the lazy dog, and the dog sleeps on."


def cut(*pieces: str, how: Any = None) -> Answer:
    """A reply that breaks off after these pieces of text."""
    return reply(*OPENING, *says(*pieces), Pause(1), Lost() if how is None else how)


def sent(scripted: Scripted, number: int = -1) -> list[Any]:
    """The messages of a request."""
    import json

    messages: list[Any] = json.loads(scripted.wire.requests[number].content)["messages"]
    return messages


# -- raise -------------------------------------------------------------------------------------


def test_by_default_a_failure_is_raised() -> None:
    scripted = Scripted(cut("Half"), HELLO)
    with pytest.raises(StreamTruncatedError):
        scripted.text()


def test_a_call_can_differ_from_its_client() -> None:
    scripted = Scripted(cut("Half"), HELLO, recovery="restart")
    with pytest.raises(StreamTruncatedError):
        scripted.text(recovery="raise")
    assert Scripted(cut("Half"), HELLO).text(recovery="restart").endswith("Hello")


# -- restart -----------------------------------------------------------------------------------


def test_a_restart_says_so_and_begins_anew() -> None:
    stream = Scripted(cut("Half", " a"), HELLO, recovery="restart").stream()
    events = list(stream)
    assert kinds(events) == [
        *("message_start", "content_block_start"),
        *("content_block_delta", "text") * 2,
        "stream_restarted",
        *("message_start", "content_block_start"),
        *("content_block_delta", "text") * 2,
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    mark = events[6]
    assert (mark.attempt, mark.reason) == (2, "truncated")
    message = stream.get_final_message()
    assert message.content[0].text == "Hello"
    assert message.complete
    assert [one.reason for one in message.attempts] == ["truncated", "ok"]


def test_a_restart_in_text_is_a_piece_of_its_own() -> None:
    stream = Scripted(cut("Half", " a"), HELLO, recovery="restart").stream()
    pieces = list(stream.text_stream)
    assert pieces == ["Half", " a", "", "Hel", "lo"]
    assert pieces[2] is RESTARTED


def test_a_restart_sends_the_same_request_again() -> None:
    scripted = Scripted(cut("Half"), HELLO, recovery="restart")
    scripted.text()
    first, second = scripted.wire.requests
    assert first.content == second.content
    assert scripted.tried == ["0", "1"]


def test_restarts_share_the_tries() -> None:
    scripted = Scripted(*[cut("Half")] * 9, recovery="restart", max_retries=2)
    with pytest.raises(StreamTruncatedError) as caught:
        scripted.text()
    assert scripted.tried == ["0", "1", "2"]
    assert [one.reason for one in caught.value.attempts] == ["truncated"] * 3


def test_a_completed_tool_call_may_be_begun_anew() -> None:
    """The caller asked for it, and hears `stream_restarted`."""
    first = reply(starts(), *tool(0, '{"a": 1}'), Pause(1), Lost())
    stream = Scripted(first, HELLO, recovery="restart").stream()
    assert stream.get_final_text() == "Hello"


# -- continue ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PREFILLED, ASKED_TO_GO_ON])
@pytest.mark.parametrize("at", [1, 4, 20, 43, 44, 45, len(TRUTH) - 1])
@pytest.mark.parametrize("overlap", [0, 10, 15])
def test_the_text_is_whole_whatever_is_said_twice(model: str, at: int, overlap: int) -> None:
    again = TRUTH[max(0, at - overlap) if at >= overlap else at :]
    scripted = Scripted(cut(TRUTH[:at]), whole(*again), recovery="continue")
    stream = scripted.stream(model=model)
    assert "".join(stream.text_stream) == TRUTH
    message = stream.get_final_message()
    assert [block.text for block in message.content] == [TRUTH]
    assert message.stop_reason == "end_turn"
    assert message.complete


def test_one_message_goes_on() -> None:
    scripted = Scripted(cut("One", " two"), whole(" three"), recovery="continue")
    events = list(scripted.stream())
    assert kinds(events) == [
        *("message_start", "content_block_start"),
        *("content_block_delta", "text") * 2,
        "stream_continued",
        *("content_block_delta", "text"),
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    mark = events[6]
    assert (mark.attempt, mark.reason, mark.discarded) == (2, "truncated", [])
    assert events[8].snapshot == "One two three"


def test_up_to_4_5_the_reply_is_put_in_the_assistants_mouth() -> None:
    scripted = Scripted(cut("Half a "), whole("reply"), recovery="continue")
    assert scripted.text(model=PREFILLED) == "Half a reply"
    assert sent(scripted) == [
        *ASKED["messages"],
        {"role": "assistant", "content": [{"type": "text", "text": "Half a"}]},
    ]


def test_from_4_6_on_the_model_is_asked_to_go_on() -> None:
    scripted = Scripted(cut("Half a "), whole("reply"), recovery="continue")
    assert scripted.text(model=ASKED_TO_GO_ON) == "Half a reply"
    *before, said, ask = sent(scripted)
    assert before == ASKED["messages"]
    assert said == {"role": "assistant", "content": [{"type": "text", "text": "Half a"}]}
    assert ask["role"] == "user"
    assert "Half a" in ask["content"]


FAILURES: dict[str, tuple[Any, str]] = {
    "lost": (Lost(), "truncated"),
    "an error event": (OVERLOADED, "overloaded_error"),
    "silence": (Silence(), "idle timeout"),
    "malformed JSON": (b"event: message_delta\ndata: {\n\n", "protocol"),
}


@pytest.mark.parametrize(("how", "reason"), FAILURES.values(), ids=FAILURES)
def test_every_failure_that_may_pass_is_gone_on_from(how: Any, reason: str) -> None:
    scripted = Scripted(cut("Half", how=how), whole(" a reply"), recovery="continue")
    stream = scripted.stream()
    assert "".join(stream.text_stream) == "Half a reply"
    assert [one.reason for one in stream.attempts] == [reason, "ok"]


def test_a_refusal_is_raised_whatever_the_policy() -> None:
    for policy in ("continue", "restart"):
        with pytest.raises(BadRequestError):
            Scripted(cut("Half", how=REFUSED), HELLO, recovery=policy).text()


def test_it_may_be_cut_again_and_again() -> None:
    turns = [cut(" One"), cut(" two"), reply(OVERLOADED), Lost(), whole(" three")]
    scripted = Scripted(*turns, recovery="continue", max_retries=4)
    assert scripted.text() == " One two three"
    assert [len(sent(scripted, number)) for number in range(5)] == [1, 2, 3, 3, 3]


def test_without_a_try_left_it_is_raised_with_all_that_arrived() -> None:
    scripted = Scripted(cut("One"), cut(" two"), HELLO, recovery="continue", max_retries=1)
    with pytest.raises(StreamTruncatedError) as caught:
        scripted.text()
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "One two"
    assert len(caught.value.attempts) == 2


# -- what cannot be gone on from ---------------------------------------------------------------

THINKS = [opens(0, "thinking", thinking="", signature="")]
THOUGHT = [
    *THINKS,
    grows(0, "thinking_delta", thinking="Hm."),
    grows(0, "signature_delta", signature="sig"),
    shuts(0),
]


def after(*events: Event) -> Answer:
    return reply(starts(), *events, Pause(1), Lost())


def test_an_open_thinking_block_is_given_up() -> None:
    thinking = after(*THINKS, grows(0, "thinking_delta", thinking="Hm"))
    scripted = Scripted(thinking, whole("Yes."), recovery="continue")
    stream = scripted.stream()
    events = list(stream)
    (mark,) = [event for event in events if event.type == "stream_continued"]
    assert mark.discarded == [0]
    assert stream.get_final_message().to_param()["content"] == [{"type": "text", "text": "Yes."}]
    assert sent(scripted) == ASKED["messages"]


def test_an_open_tool_call_is_given_up_and_what_came_before_is_kept() -> None:
    fragments = after(*text(0, "Let me see."), *tool(1, '{"city": "Pa')[:-1])
    second = reply(starts(), *tool(0, '{"city": "Paris"}'), ends("tool_use"), STOP)
    scripted = Scripted(fragments, second, recovery="continue")
    stream = scripted.stream()
    message = stream.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.content[1].input == {"city": "Paris"}
    assert sent(scripted)[-1]["content"] == [{"type": "text", "text": "Let me see."}]


def test_completed_thinking_is_kept_and_goes_with_the_request_where_it_may() -> None:
    thought = after(*THOUGHT, *text(1, "Yes, ")[:-1])
    for model, blocks in ((PREFILLED, ["text"]), (ASKED_TO_GO_ON, ["thinking", "text"])):
        scripted = Scripted(thought, whole("of course."), recovery="continue")
        stream = scripted.stream(model=model, thinking={"type": "adaptive"})
        message = stream.get_final_message()
        assert [block.type for block in message.content] == ["thinking", "text"]
        assert message.content[1].text == "Yes, of course."
        said = next(one for one in sent(scripted) if one["role"] == "assistant")
        assert [block["type"] for block in said["content"]] == blocks


def test_after_a_completed_tool_call_it_is_raised() -> None:
    """The caller has the call and may have run it."""
    called = after(*tool(0, '{"a": 1}'), *text(1, "And")[:-1])
    scripted = Scripted(called, HELLO, recovery="continue")
    with pytest.raises(StreamTruncatedError) as caught:
        scripted.text()
    assert caught.value.complete_blocks == (0,)
    assert scripted.tried == ["0"]


def test_a_server_tool_without_its_result_is_raised() -> None:
    call = tool(0, "{}", kind="server_tool_use", id="srvtoolu_1", name="web_search")
    with pytest.raises(StreamTruncatedError):
        Scripted(after(*call), HELLO, recovery="continue").text()


@pytest.mark.parametrize("policy", ["continue", "restart"])
def test_a_reply_that_only_lacks_its_end_is_whole(policy: str) -> None:
    first = reply(starts(), *text(0, "Hello"), ends(), Pause(1), Lost())
    scripted = Scripted(first, recovery=policy)
    stream = scripted.stream()
    assert stream.get_final_text() == "Hello"
    assert stream.current_message_snapshot.complete
    assert scripted.tried == ["0"]


# -- what it cost ------------------------------------------------------------------------------


def test_usage_is_the_sum_and_no_more_than_a_lower_bound() -> None:
    scripted = Scripted(cut("Half"), whole(" a reply"), recovery="continue")
    stream = scripted.stream()
    usage = stream.get_final_message().usage
    assert (usage.input_tokens, usage.output_tokens) == (10 + 10, 1 + 5)
    assert usage.certainty == "lower_bound"
    failed = stream.attempts[0]
    assert failed.usage == {"input_tokens": 10, "output_tokens": 1}


def test_an_unbroken_replys_usage_is_exact() -> None:
    assert Scripted(HELLO).stream().get_final_message().usage.certainty == "exact"


def test_pings_while_going_on_change_nothing() -> None:
    second = reply(PING, starts(), PING, *text(0, " two"), PING, ends(), STOP)
    assert Scripted(cut("One"), second, recovery="continue").text() == "One two"


@pytest.mark.parametrize("policy", ["always", None, True])
def test_an_unknown_policy_is_refused(policy: Any) -> None:
    with pytest.raises(ValueError, match="recovery must be"):
        Scripted(recovery=policy)
    with pytest.raises(ValueError, match="recovery must be"):
        Scripted().stream(recovery=policy or "")


def test_an_overloaded_api_is_told_as_such_in_the_end() -> None:
    turns = [cut("One", how=OVERLOADED), *[Answer(status=529)] * 2]
    with pytest.raises(OverloadedError) as caught:
        Scripted(*turns, recovery="continue").text()
    assert isinstance(caught.value, APIError)
    assert len(caught.value.attempts) == 3
