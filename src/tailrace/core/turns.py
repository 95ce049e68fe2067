"""A conversation with tools, as data: whose turn it is, and what the next turn sends.

Theory of operation. The history is the `messages` of a request and nothing else, so it is JSON, can
be stored anywhere, and says by itself where the loop stands: tool calls of its last reply that have
no result yet are still to be run; those that have one are never run again. A reply that was cut
goes into it as far as it is whole: complete blocks, and text. A `Turns` only looks at and adds to a
history; running tools and sending requests are other rooms'.

Results may come in any order, also before their reply; the history has them in the order of the
calls. The last reply's turn stays open until `close_turn`, so that what is added behind it stands
after results that are still to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

from .content import Message

JSON = dict[str, Any]


class ToolCall(NamedTuple):
    """A tool call of the model's that has no result yet."""

    id: str
    name: str
    input: Any


class Turns:
    """The history of one conversation.

    It may end in the middle of a turn, some of the last reply's calls being without a result.
    """

    def __init__(self, messages: Iterable[Any]) -> None:
        self._messages = [_as_turn(message) for message in messages]
        self._results: dict[str, JSON] = {}
        self._after: list[Any] = []
        self._open_last_turn()

    @property
    def messages(self) -> list[Any]:
        """The whole history, the results so far of the last reply's tool calls included."""
        return [*self._messages, *self._result_turn(), *self._after]

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls of the last reply, in its order; none once its turn is closed."""
        if not self._messages or self._messages[-1].get("role") != "assistant":
            return []
        blocks = _blocks(self._messages[-1])
        return [
            ToolCall(block["id"], block["name"], block.get("input"))
            for block in blocks
            if _is_a(block, "tool_use")
        ]

    @property
    def pending(self) -> list[ToolCall]:
        """The tool calls of the last reply that have no result yet, in its order."""
        return [call for call in self.calls if call.id not in self._results]

    @property
    def result_turn(self) -> JSON | None:
        """The message with the results so far of the last reply's calls; `None` without any."""
        return next(iter(self._result_turn()), None)

    def add_reply(self, message: Message) -> None:
        """Add a reply, whole or what is left of one."""
        self.close_turn()
        turn = cast("JSON", message.to_param())
        if turn["content"]:
            self._messages.append(turn)

    def add_result(self, result: JSON) -> None:
        """Add the `tool_result` of a call; the first one of a call counts."""
        self._results.setdefault(result["tool_use_id"], result)

    def add(self, messages: Iterable[Any]) -> None:
        """Add the caller's messages behind the open turn.

        The last reply itself is not added twice, and results of its calls take the place of those
        that are there.
        """
        for message in messages:
            turn = _as_turn(message)
            if not self._is_last_reply(turn):
                self._take_results(turn)

    def close_turn(self) -> None:
        """Put results and what was added into the history for good."""
        calls = self.calls
        self._messages = self.messages
        self._after = []
        for call in calls:
            self._results.pop(call.id, None)

    def _is_last_reply(self, turn: Any) -> bool:
        return (
            turn.get("role") == "assistant"
            and bool(self._messages)
            and not self._after
            and turn == self._messages[-1]
        )

    def _take_results(self, turn: Any) -> None:
        """Take the results of open calls out of a turn; what else it says comes behind them."""
        ids = {call.id for call in self.calls}
        blocks = _blocks(turn)
        results = [
            block
            for block in blocks
            if _is_a(block, "tool_result") and block.get("tool_use_id") in ids
        ]
        self._results |= {block["tool_use_id"]: block for block in results}
        rest = [block for block in blocks if block not in results]
        if not results:
            self._after.append(turn)
        elif rest:
            self._after.append({**turn, "content": rest})

    def _result_turn(self) -> list[JSON]:
        results = [self._results[call.id] for call in self.calls if call.id in self._results]
        return [{"role": "user", "content": results}] if results else []

    def _open_last_turn(self) -> None:
        """Where only some calls of the last reply have results, open its turn again.

        A history without such calls stays exactly as it is.
        """
        roles = [message.get("role") for message in self._messages]
        if "assistant" not in roles:
            return
        end = len(roles) - roles[::-1].index("assistant")
        given = self._messages
        self._messages = given[:end]
        for turn in given[end:]:
            self._take_results(turn)
        if not self.pending:
            self._messages, self._results, self._after = given, {}, []


def _blocks(turn: Mapping[str, Any]) -> list[Any]:
    content: object = turn.get("content")
    return cast("list[Any]", content) if isinstance(content, list) else []


def _is_a(block: Any, kind: str) -> bool:
    return isinstance(block, Mapping) and cast("Mapping[str, Any]", block).get("type") == kind


def _as_turn(message: Any) -> Any:
    return message.to_param() if isinstance(message, Message) else message
