"""A partial message, and the request that goes on from it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tailrace.core.content import Message
from tailrace.core.recovery import Continuation, check_policy, continuation, takes_prefill
from tailrace.simulator import models

PREFILLED = "claude-sonnet-4-5"
ASKED_TO_GO_ON = "claude-sonnet-5-5"

TEXT = {"type": "text", "text": "Half a reply"}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
REDACTED = {"type": "redacted_thinking", "data": "abc"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


def body(model: str = ASKED_TO_GO_ON, **fields: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]} | (
        fields
    )


def going_on(
    *blocks: dict[str, Any], complete: int | None = None, model: str = PREFILLED, **fields: Any
) -> Continuation | None:
    """How to go on from blocks of which all but the last are complete, or so many."""
    count = len(blocks) - 1 if complete is None else complete
    partial = Message({"role": "assistant", "content": [dict(block) for block in blocks]})
    return continuation(body(model, **fields), partial, tuple(range(count)))


def said(found: Continuation | None) -> list[Any]:
    """The messages that a continuation adds to the conversation."""
    assert found is not None
    added: list[Any] = found.body["messages"][1:]
    return added


# -- which form --------------------------------------------------------------------------------

TAKES_PREFILL = [
    "claude-3-opus-20240229",
    "claude-3-5-sonnet-20241022",
    "claude-3-7-sonnet-latest",
    "claude-3-haiku-20240307",
    "claude-sonnet-4-20250514",
    "claude-opus-4-0",
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5-20251001",
    "claude-opus-4-5",
]
TAKES_NONE = [
    "claude-opus-4-6",
    "claude-sonnet-4-6-20260217",
    "claude-opus-4-7",
    "claude-sonnet-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-20260801",
    "claude-fable-5-2",
    "claude-mythos-preview",
    "a-model-of-tomorrow",
    "",
]


@pytest.mark.parametrize("model", [*TAKES_PREFILL, *TAKES_NONE])
def test_which_model_takes_a_prefill(model: str) -> None:
    assert takes_prefill(model) == (model in TAKES_PREFILL)
    assert takes_prefill(model) == models.takes_prefill(model)


@pytest.mark.parametrize("model", TAKES_PREFILL)
def test_under_which_name_the_model_is_called_does_not_matter(model: str) -> None:
    assert takes_prefill(f"us.anthropic.{model}-v1:0")
    assert takes_prefill(f"{model}@20251101")


@pytest.mark.parametrize("model", ["claude-2.1", "claude-instant-1.2", "anthropic.claude-v2"])
def test_the_oldest_models_take_a_prefill(model: str) -> None:
    assert takes_prefill(model)


# -- text --------------------------------------------------------------------------------------


def test_a_prefill_ends_the_request_with_the_partial_reply() -> None:
    found = going_on(TEXT)
    assert said(found) == [{"role": "assistant", "content": [TEXT]}]
    assert found is not None
    assert (found.open_text, found.discarded, found.seam) == (0, (), "Half a reply")


def test_a_request_to_go_on_quotes_the_end_of_the_reply() -> None:
    long = "x" * 300 + "the end of it"
    assistant, user = said(going_on({"type": "text", "text": long}, model=ASKED_TO_GO_ON))
    assert assistant == {"role": "assistant", "content": [{"type": "text", "text": long}]}
    assert user["role"] == "user"
    assert ("x" * 187 + "the end of it") in user["content"]
    assert "x" * 188 not in user["content"]


@pytest.mark.parametrize("model", [PREFILLED, ASKED_TO_GO_ON])
def test_white_space_at_the_end_is_not_sent_and_is_expected_again(model: str) -> None:
    found = going_on({"type": "text", "text": "Half a \n"}, model=model)
    assert said(found)[0]["content"] == [{"type": "text", "text": "Half a"}]
    assert found is not None
    assert found.seam == "Half a \n"


@pytest.mark.parametrize("model", [PREFILLED, ASKED_TO_GO_ON])
def test_of_white_space_alone_nothing_is_said(model: str) -> None:
    found = going_on({"type": "text", "text": " \n"}, model=model)
    assert [message["role"] for message in said(found)] == ["user"] * (model == ASKED_TO_GO_ON)
    assert found is not None
    assert found.open_text == 0


def test_the_seam_is_no_longer_than_it_must_be() -> None:
    found = going_on({"type": "text", "text": "0123456789" * 100})
    assert found is not None
    assert found.seam == "0123456789" * 40


# -- blocks ------------------------------------------------------------------------------------

NEW = {"type": "new"}
EMPTY = {"type": "text", "text": ""}
KEPT: dict[str, tuple[list[Any], int, list[Any], tuple[int, ...], int | None]] = {
    # blocks, how many of them complete; what is sent, what is given up, which text goes on
    "open text": ([TEXT], 0, [TEXT], (), 0),
    "complete text": ([TEXT], 1, [TEXT], (), None),
    "text after text": ([TEXT, TEXT], 1, [TEXT, TEXT], (), 1),
    "empty text after text": ([TEXT, EMPTY], 1, [TEXT], (1,), None),
    "open thinking after text": ([TEXT, THINKING], 1, [TEXT], (1,), None),
    "an open call after text": ([TEXT, CALL], 1, [TEXT], (1,), None),
    "search, found, text": ([SEARCH, FOUND, TEXT], 2, [SEARCH, FOUND, TEXT], (), 2),
    "a block of tomorrow": ([NEW, TEXT], 1, [NEW, TEXT], (), 1),
    "an open block of tomorrow": ([TEXT, NEW], 1, [TEXT], (1,), None),
}


@pytest.mark.parametrize("model", [PREFILLED, ASKED_TO_GO_ON])
@pytest.mark.parametrize(
    ("blocks", "complete", "sent", "given_up", "goes_on"), KEPT.values(), ids=KEPT
)
def test_complete_blocks_and_open_text_are_kept(
    blocks: list[Any],
    complete: int,
    sent: list[Any],
    given_up: tuple[int, ...],
    goes_on: int | None,
    model: str,
) -> None:
    found = going_on(*blocks, complete=complete, model=model)
    assert said(found)[0]["content"] == sent
    assert found is not None
    assert (found.discarded, found.open_text) == (given_up, goes_on)


NOTHING_KEPT = {
    "nothing at all": [],
    "open thinking": [THINKING],
    "an open call": [CALL],
    "an open server's call": [SEARCH],
    "empty text": [EMPTY],
}


@pytest.mark.parametrize("blocks", NOTHING_KEPT.values(), ids=NOTHING_KEPT)
def test_where_nothing_is_kept_the_same_request_is_made(blocks: list[Any]) -> None:
    found = going_on(*blocks, complete=0)
    assert found is not None
    assert found.body == body(PREFILLED)
    assert found.discarded == tuple(range(len(blocks)))
    assert (found.open_text, found.seam) == (None, "")


def test_before_the_message_has_begun_the_same_request_is_made() -> None:
    assert continuation(body(), None, ()) == Continuation(body(), (), None, "", 1)


@pytest.mark.parametrize(
    ("blocks", "complete"),
    [([CALL], 1), ([TEXT, CALL, TEXT], 2), ([SEARCH], 1), ([TEXT, SEARCH, FOUND], 2)],
    ids=["a call", "a call before text", "a search", "a search being answered"],
)
def test_there_is_no_going_on_after_a_call(blocks: list[Any], complete: int) -> None:
    assert going_on(*blocks, complete=complete) is None


def test_with_a_prefill_thinking_is_left_behind_and_turned_off() -> None:
    found = going_on(THINKING, REDACTED, TEXT, thinking={"type": "enabled", "budget_tokens": 9})
    assert said(found)[0]["content"] == [TEXT]
    assert found is not None
    assert "thinking" not in found.body
    assert found.open_text == 2


def test_where_it_is_asked_to_go_on_thinking_goes_along() -> None:
    thinking = {"type": "adaptive"}
    found = going_on(THINKING, REDACTED, TEXT, model=ASKED_TO_GO_ON, thinking=thinking)
    assert said(found)[0]["content"] == [THINKING, REDACTED, TEXT]
    assert found is not None
    assert found.body["thinking"] == thinking


@pytest.mark.parametrize("model", [PREFILLED, ASKED_TO_GO_ON])
def test_neither_the_request_nor_the_message_is_changed(model: str) -> None:
    given = body(model, thinking={"type": "adaptive"}, system="Be brief.")
    partial = Message({"content": [dict(THINKING), {"type": "text", "text": "Half a "}]})
    before = copy.deepcopy((given, dict(partial)))
    found = continuation(given, partial, (0,))
    assert (given, dict(partial)) == before
    assert found is not None
    assert found.body["system"] == "Be brief."


def test_a_policy_is_one_of_three() -> None:
    for policy in ("raise", "continue", "restart"):
        check_policy(policy)
    for other in ("", "Continue", None, True, 3, ["raise"]):
        with pytest.raises(ValueError, match='must be "raise", "continue" or "restart"'):
            check_policy(other)
