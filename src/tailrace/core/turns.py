"""A conversation with tools, as data: whose turn it is, and what the next turn sends.

Theory of operation. The history is the `messages` of a request and nothing else, so it is JSON, can
be stored anywhere, and says by itself where the loop stands: tool calls of its last reply that have
no result yet are still to be run; those that have one are never run again. A reply that was cut
goes into it as far as it is whole: complete blocks, and text. A `Turns` only looks at and adds to a
history; running tools and sending requests are other rooms'.

What a reply asks for is decided by its stop reason (Messages API, "Handling stop reasons"):
`tool_use` wants results, `pause_turn` and `compaction` want to go on, anything else is the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from .content import Message

GOES_ON = frozenset({"pause_turn", "compaction"})


class ToolCall(NamedTuple):
    """A tool call of the model's that has no result yet.

    `problem` is why its input cannot be used, `None` if it can; `text` is the input as it came.
    """

    id: str
    name: str
    input: Any
    problem: Exception | None = None
    text: str | None = None


class Turns:
    """The history of one conversation."""

    def __init__(self, messages: Iterable[Any]) -> None:
        self._messages = [_as_turn(message) for message in messages]
        self._results: dict[str, dict[str, Any]] = {}
        self._stop_reason: str | None = None
        self._raw: Mapping[Any, Any] = {}  # the last reply's own blocks, which know more than JSON
        self._take_back_results()

    @property
    def messages(self) -> list[Any]:
        """The whole history, the results so far of the last reply's tool calls included."""
        return [*self._messages, *self._result_turn()]

    @property
    def goes_on(self) -> bool:
        """Whether the last reply only paused."""
        return self._stop_reason in GOES_ON

    @property
    def pending(self) -> list[ToolCall]:
        """The tool calls of the last reply that have no result yet, in its order."""
        return [call for call in self._calls() if call.id not in self._results]

    @property
    def called_tools(self) -> bool:
        """Whether the last reply called tools."""
        return bool(self._calls())

    def add_reply(self, message: Message) -> None:
        """Add a reply, whole or what is left of one."""
        self.close_turn()
        param = cast("dict[str, Any]", message.to_param())
        if param["content"]:
            self._messages.append(param)
        self._stop_reason = message.stop_reason
        self._raw = {block.get("id"): block for block in message.content}

    def add_result(self, result: dict[str, Any]) -> None:
        """Add the `tool_result` of one of the last reply's calls."""
        self._results[result["tool_use_id"]] = result

    def add(self, messages: Iterable[Any]) -> None:
        """Add further messages after what is there."""
        self.close_turn()
        self._messages.extend(_as_turn(message) for message in messages)
        self._stop_reason = None

    def close_turn(self) -> None:
        """Put the results so far into the history for good."""
        self._messages.extend(self._result_turn())
        self._results.clear()

    def _calls(self) -> list[ToolCall]:
        if not self._messages or self._messages[-1].get("role") != "assistant":
            return []
        blocks: Any = self._messages[-1].get("content")
        return [self._call(block) for block in blocks if _is_a(block, "tool_use")]

    def _call(self, block: Mapping[str, Any]) -> ToolCall:
        raw = self._raw.get(block.get("id"), block)
        return ToolCall(
            block["id"],
            block["name"],
            block.get("input"),
            getattr(raw, "input_error", None),
            getattr(raw, "input_text", None),
        )

    def _result_turn(self) -> list[dict[str, Any]]:
        results = [self._results[call.id] for call in self._calls() if call.id in self._results]
        return [{"role": "user", "content": results}] if results else []

    def _take_back_results(self) -> None:
        """Open the last turn again where only some of its calls have results."""
        if len(self._messages) < 2:
            return
        last = self._messages[-1]
        content: Any = last.get("content")
        if last.get("role") != "user" or not isinstance(content, list):
            return
        blocks = cast("Sequence[Any]", content)
        if not all(_is_a(block, "tool_result") for block in blocks):
            return
        self._messages.pop()
        for block in blocks:
            self.add_result(block)
        if not self.pending:
            self.close_turn()


def _is_a(block: Any, kind: str) -> bool:
    return isinstance(block, Mapping) and cast("Mapping[str, Any]", block).get("type") == kind


def _as_turn(message: Any) -> Any:
    return message.to_param() if isinstance(message, Message) else message
