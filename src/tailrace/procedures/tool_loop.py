"""Turns until no call is left: what happens between two requests of a tool loop.

Theory of operation. Written once over `Hands`, which is how a world runs functions at the same
time: a thread pool or tasks. A call is started at most once; its result is put into the history the
moment it is there, so whatever ends the loop (an error, a cancellation, the end of the process) the
history says what has been run. Exceptions of a tool become error results; only what is no
`Exception` (Ctrl-C, a cancellation) leaves the loop.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from tailrace.core.content import Message
from tailrace.core.errors import APIError
from tailrace.core.partial_json import invalid_json_result
from tailrace.core.tools import ToolError, tool_result, tools_by_name
from tailrace.core.turns import ToolCall, Turns

from .logs import log

Confirm = Callable[[ToolCall], Any]
"""Asked before a tool runs: true lets it, false or a text (the reason) refuses. May be async."""

DECLINED = "The user declined this tool call."


class Hands(Protocol):
    """How a world runs functions at the same time."""

    def start(self, work: Callable[[], Awaitable[Any]], timeout: float | None) -> Any:
        """Begin running and return a handle. `timeout` bounds it, in seconds."""
        ...

    async def finish(self, handle: Any) -> Any:
        """The result of what was started; raises what it raised, `TimeoutError` for the bound."""
        ...

    async def run(self, tool: Any, given: Any) -> Any:
        """Call a tool with its input, in whatever way its function needs."""
        ...

    async def close(self) -> None:
        """Stop what still runs as far as that is possible, and leave what was entered."""
        ...


class ToolLoop:
    """The state of one tool loop and its steps."""

    def __init__(
        self,
        hands: Hands,
        parameters: Mapping[str, Any],
        *,
        tools: Iterable[Any],
        max_iterations: int | None = None,
        tool_timeout: float | None = None,
        confirm: Confirm | None = None,
    ) -> None:
        given = list(tools)
        self.turns = Turns(parameters.get("messages") or ())
        self.parameters: dict[str, Any] = {**parameters, "tools": given}
        self._hands = hands
        self._tools = tools_by_name(given)
        self._left = max_iterations
        self._tool_timeout = tool_timeout
        self._confirm = confirm
        self._started: dict[str, Any] = {}
        self._begun = False
        self._added = False

    async def next_request(self) -> dict[str, Any] | None:
        """The parameters of the next request, once the tools of the last reply have run; `None`
        when the loop is over."""
        if self._left is not None and self._left <= 0:
            return None
        ran = self.turns.called_tools
        await self.run_pending()
        if self._begun and not ran and not self.turns.goes_on and not self._added:
            return None
        self._begun, self._added = True, False
        if self._left is not None:
            self._left -= 1
        self.turns.close_turn()
        return {**self.parameters, "messages": self.turns.messages}

    def add(self, messages: Iterable[Any]) -> None:
        """Add messages of the caller's; the loop then goes on with them."""
        self.turns.add(messages)
        self._added = True

    def change(self, parameters: Mapping[str, Any]) -> None:
        """Change parameters of the requests to come; `messages` replace the history."""
        changed = dict(parameters)
        if "messages" in changed:
            self.turns = Turns(changed.pop("messages"))
        if "tools" in changed:
            changed["tools"] = list(changed["tools"])
            self._tools = tools_by_name(changed["tools"])
        self.parameters.update(changed)

    def take(self, message: Message) -> None:
        """Take a whole reply."""
        self.turns.add_reply(message)

    def take_partial(self, error: APIError) -> bool:
        """Take what is left of a reply that broke; say whether a completed tool call is in it.

        With one the loop can go on: its result is owed whatever became of the rest.
        """
        if error.partial is None:
            return False
        self.turns.add_reply(error.partial)
        return self.turns.called_tools

    def start(self, block: Mapping[str, Any]) -> None:
        """Start the call of a tool block that is complete while its reply still streams."""
        call = ToolCall(
            block["id"],
            block["name"],
            block.get("input"),
            getattr(block, "input_error", None),
            getattr(block, "input_text", None),
        )
        self._start(call)

    def _start(self, call: ToolCall) -> None:
        if call.id not in self._started:
            tool = self._tools.get(call.name)
            bound = getattr(tool, "timeout", None) or self._tool_timeout

            async def work() -> dict[str, Any]:
                return await self._result(call, tool)

            self._started[call.id] = self._hands.start(work, bound)

    async def run_pending(self) -> None:
        """Run the tool calls without a result, at the same time; results keep their order."""
        calls = self.turns.pending
        for call in calls:
            self._start(call)
        for call in calls:
            self.turns.add_result(await self._await(call))
            self._started.pop(call.id, None)

    async def finish_started(self) -> None:
        """Put the results of the calls that were started into the history, and start no other."""
        for call in self.turns.pending:
            if call.id in self._started:
                self.turns.add_result(await self._await(call))
                self._started.pop(call.id, None)

    async def _await(self, call: ToolCall) -> dict[str, Any]:
        try:
            result: dict[str, Any] = await self._hands.finish(self._started[call.id])
            return result
        except TimeoutError:
            log.info("Tool %s took too long", call.name)
            return tool_result(call.id, ToolError(f"{call.name} took too long and was given up."))

    async def _result(self, call: ToolCall, tool: Any) -> dict[str, Any]:
        """The result of one call; whatever its tool raises is in it."""
        if tool is None:
            names = ", ".join(sorted(self._tools)) or "none"
            return tool_result(
                call.id, ToolError(f"There is no tool {call.name!r}; there are: {names}.")
            )
        if call.problem is not None:
            return invalid_json_result(call.id, call.text or "")
        try:
            refusal = await self._refusal(call)
            if refusal is not None:
                return tool_result(call.id, ToolError(refusal))
            return tool_result(call.id, await self._hands.run(tool, call.input))
        except Exception as error:
            log.debug("Tool %s failed: %s", call.name, type(error).__name__)
            return tool_result(call.id, error)

    async def _refusal(self, call: ToolCall) -> str | None:
        if self._confirm is None:
            return None
        verdict = self._confirm(call)
        if inspect.isawaitable(verdict):
            verdict = await verdict
        if isinstance(verdict, str):
            return verdict
        return None if verdict else DECLINED

    async def close(self) -> None:
        """Stop what still runs."""
        await self._hands.close()
