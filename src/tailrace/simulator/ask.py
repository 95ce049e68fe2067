"""What a client asked for: a checked request, with the views of it that scripts need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tailrace.simulator import tokens
from tailrace.simulator.loose import a_list, dicts

_NO_LIMIT: int = 2**31


@dataclass(frozen=True)
class Ask:
    """A request that passed the API's checks.

    `headers` has lower-case names. `number` counts the simulator's requests from 1. `usage` holds
    the input side of the figures: `input_tokens` and the two cache counts.
    """

    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    path: str = "/v1/messages"
    number: int = 1
    usage: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def stream(self) -> bool:
        """Whether an event stream was asked for."""
        return bool(self.body.get("stream"))

    @property
    def model(self) -> str:
        """The model as the client named it."""
        return str(self.body.get("model", "claude-sonnet-4-5"))

    @property
    def max_tokens(self) -> int:
        """The bound on the reply, in tokens."""
        limit: Any = self.body.get("max_tokens")
        return limit if isinstance(limit, int) and limit >= 0 else _NO_LIMIT

    @property
    def stop_sequences(self) -> tuple[str, ...]:
        """The texts that end the reply."""
        stops = a_list(self.body.get("stop_sequences"))
        return tuple(stop for stop in stops if isinstance(stop, str) and stop)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far."""
        return dicts(self.body.get("messages"))

    @property
    def user(self) -> str:
        """The text of the last user message; tool results do not count as text."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return text_of(message.get("content"))
        return ""

    @property
    def system(self) -> str:
        """The system prompt's text."""
        return text_of(self.body.get("system"))

    @property
    def tool_result(self) -> str:
        """The text of the last message's tool results, one a line."""
        last = self.messages[-1].get("content") if self.messages else None
        return "\n".join(text_of(block.get("content")) for block in blocks(last, "tool_result"))

    @property
    def turn(self) -> int:
        """Which turn of the assistant this is: 1 for the first, one more for each one sent."""
        return 1 + [message.get("role") for message in self.messages].count("assistant")

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools the client offers."""
        offered = dicts(self.body.get("tools"))
        return tuple(str(tool.get("name", tool.get("type", ""))) for tool in offered)

    @property
    def input_tokens(self) -> int:
        """About how many tokens the request has in all, cached ones included."""
        return tokens.count_request(self.body)


def blocks(content: Any, kind: str) -> list[dict[str, Any]]:
    """The content blocks of one type; a plain string has none."""
    return [block for block in dicts(content) if block.get("type") == kind]


def text_of(content: Any) -> str:
    """The text of a content: a string itself, or its text blocks, one a line."""
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in blocks(content, "text"))
