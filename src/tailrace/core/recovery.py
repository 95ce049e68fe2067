"""A partial message, and the request that goes on from it.

Theory of operation. The Messages API cannot resume a stream; a reply that was cut after its first
content is gone on with by a new request, in the form that the model's generation takes (Messages
API, "Streaming", error recovery): up to Claude 4.5 the partial reply is put in the assistant's
mouth (*prefill*); from 4.6 on, where that is refused, a user message asks to go on. Which model
takes which is the table `_PREFILL`; a model it does not know takes the newer form.

Kept are the completed blocks and the text of an open text block. An open thinking or tool block
cannot be resumed, so it is given up. After a completed tool call there is no going on: the caller
has it and may have run it. `continuation` is a value; nothing is sent here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from .content import Message

RecoveryPolicy = Literal["raise", "continue", "restart"]
"""What to do about a failure after content was handed on: raise it (the default), go on from what
had arrived, or begin the reply anew after an event that says so."""

# Models whose requests may end with an assistant message, by what is found in the model's id.
_PREFILL = (
    re.compile(r"claude-(?:instant|v?2|3)"),
    re.compile(r"claude-(?:opus|sonnet|haiku)-4(?:-[0-5])?(?!\d)(?!-\d(?!\d))"),
)

_ASK = (
    "Your previous response was interrupted and ended with:\n\n{tail}\n\n"
    "Continue from exactly where it ended. Do not repeat any of it."
)
_TAIL_CHARACTERS = 200
_SEAM_CHARACTERS = 400
# Fewer characters than this at the seam may well be meant twice ("ha" before "ha ha").
_REPETITION = 10

_CALLS = frozenset({"tool_use"})
_SERVER_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})


class Continuation(NamedTuple):
    """How to go on.

    `body` is the request's new body. `discarded` are the indices of blocks that are given up.
    `open_text` is the index of the text block that goes on, `None` if none is open; `seam` is the
    end of the last text, which the continuation may repeat, `least` how many characters of it in a
    row are taken for a repetition.
    """

    body: dict[str, Any]
    discarded: tuple[int, ...]
    open_text: int | None
    seam: str
    least: int


def check_policy(value: object) -> None:
    """Raise `ValueError` unless `value` is a `RecoveryPolicy`."""
    if value not in get_args(RecoveryPolicy):
        raise ValueError(f'recovery must be "raise", "continue" or "restart", not {value!r}')


def takes_prefill(model: str) -> bool:
    """Whether a request to `model` may end with an assistant message."""
    return any(pattern.search(model) for pattern in _PREFILL)


def continuation(
    body: Mapping[str, Any], partial: Message | None, complete_blocks: Sequence[int]
) -> Continuation | None:
    """How to go on from `partial`, or `None` where there is no going on."""
    blocks: list[Any] = list(partial["content"]) if partial is not None else []
    if any(blocks[index].get("type") in _CALLS for index in complete_blocks):
        return None
    complete = set(complete_blocks)
    kept = [block for index, block in enumerate(blocks) if index in complete]
    if _awaits_result(kept):
        return None
    discarded = [index for index in range(len(blocks)) if index not in complete]
    open_text: int | None = None
    if discarded and blocks[discarded[-1]].get("type") == "text" and blocks[-1].get("text"):
        open_text = discarded.pop()
        kept = [*kept, blocks[open_text]]
    if not kept:
        return Continuation(dict(body), tuple(discarded), None, "", 1)
    text = str(kept[-1]["text"]) if kept[-1].get("type") == "text" else ""
    form = _prefilled if takes_prefill(str(body.get("model"))) else _asked
    new_body, seam, least = form(body, kept, text)
    return Continuation(new_body, tuple(discarded), open_text, seam, least)


def _prefilled(
    body: Mapping[str, Any], kept: list[Any], text: str
) -> tuple[dict[str, Any], str, int]:
    """The assistant's message ends the request; the API refuses white space at its end.

    Thinking cannot be combined with a prefill, so it is turned off and its blocks stay behind.
    """
    said = [block for block in kept if "thinking" not in str(block.get("type"))]
    if said and said[-1].get("type") == "text":
        said[-1] = {**said[-1], "text": str(said[-1]["text"]).rstrip()}
        if not said[-1]["text"]:
            said.pop()
    rest = {name: value for name, value in body.items() if name != "thinking"}
    messages = list(body["messages"])
    if said:
        messages.append({"role": "assistant", "content": said})
    return {**rest, "messages": messages}, text[-_SEAM_CHARACTERS:], _REPETITION


def _asked(body: Mapping[str, Any], kept: list[Any], text: str) -> tuple[dict[str, Any], str, int]:
    """The assistant's message, then a user message that asks to go on from its end."""
    said = [block for block in kept if block.get("type") != "text" or str(block["text"]).strip()]
    end = next((str(block["text"]) for block in reversed(said) if block.get("type") == "text"), "")
    if said and said[-1].get("type") == "text":
        said[-1] = {**said[-1], "text": str(said[-1]["text"]).rstrip()}
    ask = _ASK.format(tail=end[-_TAIL_CHARACTERS:].strip())
    messages = [*body["messages"]]
    if said:
        messages.append({"role": "assistant", "content": said})
    messages.append({"role": "user", "content": ask})
    return {**body, "messages": messages}, text[-_SEAM_CHARACTERS:], _REPETITION


def _awaits_result(kept: list[Any]) -> bool:
    """Whether a server's tool was called and its result had not arrived."""
    answered = {block.get("tool_use_id") for block in kept}
    return any(
        block.get("type") in _SERVER_CALLS and block.get("id") not in answered for block in kept
    )
