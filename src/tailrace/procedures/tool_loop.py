"""Turns until no call is left: what happens between two requests of a tool loop.

Theory of operation. Written once over `Hands`, which is how a world runs functions at the same
time: threads or tasks. A call is started at most once, and its result is in the history the moment
it is there. Whatever ends the loop (an error, a cancellation), `close` gives each call that was
begun and not finished a result that says so; what the history shows as open was never begun. So
going on from a history, in this process or another, runs nothing twice.

What a reply asks for is decided by its stop reason (Messages API, "Handling stop reasons"):
`tool_use` wants results, `pause_turn` and `compaction` want to go on, anything else is the end, and
then its calls are not run. Of a reply that broke the completed calls are run, if the caller's
recovery policy goes on at all. Exceptions of a tool become error results; only what is no
`Exception` (Ctrl-C, a cancellation) leaves the loop.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol, cast

from tailrace.core.content import Message
from tailrace.core.partial_json import invalid_json_result
from tailrace.core.tools import ToolError, tool_result, tools_by_name
from tailrace.core.turns import ToolCall, Turns

from .exchange import Exchange
from .logs import log

Confirm = Callable[[ToolCall], Any]
"""Asked before a tool runs: true lets it, false or a text (the reason) refuses. May be async."""

GOES_ON = frozenset({"pause_turn", "compaction"})
DECLINED = "The user declined this tool call."
INTERRUPTED = "This call was interrupted while it ran; what it did until then is not known."


class GivenUp(Exception):  # noqa: N818 - what happened, as the standard library's names do
    """Raised by `Hands.finish` for work that was ended from outside; the text says how."""


class Hands(Protocol):
    """How a world runs functions at the same time."""

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], timeout: float | None) -> Any:
        """Begin running, as soon as there is room, and return a handle.

        `timeout` bounds the work in seconds, from where it begins.
        """
        ...

    async def finish(self, handle: Any) -> None:
        """Wait for what was started; raises what it raised, `GivenUp` if it was ended."""
        ...

    async def run(self, tool: Any, given: Any) -> Any:
        """Call a tool with its input, in whatever way its function needs."""
        ...

    async def settled(self, waiting: Awaitable[Any]) -> Any:
        """What an async function of the caller's gives."""
        ...

    async def close(self) -> None:
        """Begin nothing more, stop what runs as far as that is possible, leave what was entered."""
        ...


class _Running:
    """A call that was handed to the hands."""

    def __init__(self, call: ToolCall) -> None:
        self.call = call
        self.begun = False
        self.given_up = False
        self.handle: Any = None


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
        self._hands = hands
        self._turns = Turns(parameters.get("messages") or ())
        self._parameters = {key: parameters[key] for key in parameters if key != "messages"}
        self._set_tools(tools)
        self._left = max_iterations
        self._tool_timeout = tool_timeout
        self._confirm = confirm
        self._running: dict[str, _Running] = {}
        self._more = True  # whether another request is to be made
        self._waits = False  # whether a reply is on its way
        self._queued: list[Any] = []  # what the caller added while it was
        self.deferred: dict[str, Any] = {}
        """Calls that are not started while their reply streams, by id: their blocks, if there."""

    # -- the history and the parameters --------------------------------------------------------

    @property
    def messages(self) -> list[Any]:
        """The history so far, results of the last tool calls included."""
        return [*self._turns.messages, *self._queued]

    @property
    def parameters(self) -> dict[str, Any]:
        """What the next request is made of."""
        return {**self._parameters, "messages": self.messages}

    @property
    def results(self) -> dict[str, Any] | None:
        """The message with the results of the last reply's calls; `None` if it made none."""
        return self._turns.result_turn

    def add(self, messages: Iterable[Any]) -> None:
        """Add messages of the caller's, behind the reply that is on its way if one is; the loop
        then goes on with them."""
        if self._waits:
            self._queued.extend(messages)
        else:
            self._turns.add(messages)
        self._more = True

    def change(self, parameters: Mapping[str, Any]) -> None:
        """Replace the parameters of the requests to come; the history only by other `messages`."""
        changed = dict(parameters)
        messages = changed.pop("messages", None)
        if messages is not None and list(messages) != self.messages:
            self._turns, self._queued, self._more = Turns(messages), [], True
        if "tools" in changed:
            self._set_tools(changed.pop("tools"))
            changed["tools"] = self._parameters["tools"]
        self._parameters = changed

    def add_tools(self, tools: Iterable[Any]) -> None:
        """Offer more tools from the next request on; one of the same name takes the old place."""
        new = list(tools)
        kept = self._without(tools_by_name(new))
        self._set_tools([*kept, *new])

    def remove_tools(self, tools: Iterable[Any]) -> None:
        """Offer tools, given as such or by name, no more."""
        self._set_tools(self._without({_name_of(tool) for tool in tools}))

    def _without(self, names: Iterable[str]) -> list[Any]:
        gone = set(names)
        return [tool for tool in self._parameters["tools"] if _name_of(tool) not in gone]

    def _set_tools(self, tools: Iterable[Any]) -> None:
        given = list(tools)
        self._tools = tools_by_name(given)
        self._parameters["tools"] = given

    # -- turns ---------------------------------------------------------------------------------

    async def next_request(self) -> dict[str, Any] | None:
        """The parameters of the next request, once the tools of the last reply have run; `None`
        when the loop is over."""
        if not self._more or (self._left is not None and self._left <= 0):
            await self.finish_started()
            return None
        await self.run_pending()
        if self._left is not None:
            self._left -= 1
        self._turns.close_turn()
        self.deferred.clear()
        self._more, self._waits = False, True
        return {**self._parameters, "messages": self._turns.messages}

    def take(self, message: Message) -> None:
        """Take a whole reply, or one that the caller stopped."""
        if not self._waits:
            return
        self._add_reply(message)
        reason = message.stop_reason
        if reason == "tool_use":
            self._more = self._more or bool(self._turns.calls)
            return
        self._more = self._more or reason in GOES_ON
        why = f"stop reason: {reason}" if reason else "the caller stopped it"
        for call in self._turns.pending:
            if call.id not in self._running:
                self._refuse(call, f"This call was not run, as its reply was the last one ({why}).")

    def look(self, exchange: Exchange) -> bool:
        """Take what a streamed reply has come to, if it has ended.

        Of one that broke, take what is left if a completed tool call is in it; say whether. Then
        the loop can go on: the call's result is owed whatever became of the rest.
        """
        message = exchange.cursor.accumulator.snapshot()
        if message is not None and self._waits:
            if exchange.failure is None and exchange.ended:
                self.take(message)
            elif exchange.failure is not None and _calls_tools(message):
                self._add_reply(message)
                self._more = True
        return not self._waits and bool(self._turns.calls)

    def leave(self, exchange: Exchange) -> None:
        """Take what was read of a reply that the caller leaves, if a call of it was started."""
        self.look(exchange)
        message = exchange.cursor.accumulator.snapshot()
        if message is not None and self._waits and self._running:
            self._add_reply(message)

    def _add_reply(self, message: Message) -> None:
        self._turns.add_reply(message)
        self._waits = False
        self._turns.add(self._queued)
        self._queued = []
        for block in message.content:
            if block.type == "tool_use" and block.input_error is not None:
                # Known at once and put down at once: the history alone would not show it.
                self._turns.add_result(invalid_json_result(block.id, block.input_text or ""))

    # -- tools ---------------------------------------------------------------------------------

    def start_eagerly(self, exchange: Exchange) -> None:
        """Start the tools of this streamed reply as soon as their calls are complete.

        Not where calls have to be confirmed, since the whole reply is to be seen for that.
        """

        def start(block: Any) -> None:
            call = ToolCall(block.id, block.name, block.input)
            if call.id in self.deferred:
                self.deferred[call.id] = block
            elif block.input_error is None:
                # What a call that runs belongs to must not be thrown away for a second reply.
                exchange.recovery = "raise"
                self._start(call)

        if self._confirm is None:
            exchange.cursor.on_tool_use = start

    async def run_pending(self) -> None:
        """Run the tool calls without a result, at the same time; the history keeps their order."""
        for call in self._turns.pending:
            if call.id not in self._running:
                refusal = await self._refusal(call)
                if refusal is None:
                    self._start(call)
                else:
                    self._refuse(call, refusal)
        await self.finish_started()

    async def finish_started(self) -> None:
        """Wait for the calls that were started, and start no other."""
        for running in list(self._running.values()):
            await self._finish(running)

    def _start(self, call: ToolCall) -> None:
        tool = self._tools.get(call.name)
        if tool is None:
            names = ", ".join(sorted(self._tools)) or "none"
            self._refuse(call, f"There is no tool {call.name!r}; there are: {names}.")
            return
        running = self._running[call.id] = _Running(call)
        bound = getattr(tool, "timeout", None)

        async def work() -> None:
            running.begun = True
            result = await self._result(call, tool)
            if not running.given_up:
                self._turns.add_result(result)

        running.handle = self._hands.start(work, self._tool_timeout if bound is None else bound)

    async def _finish(self, running: _Running) -> None:
        call = running.call
        try:
            await self._hands.finish(running.handle)
        except GivenUp as error:
            running.given_up = True
            log.info("Tool %s was given up: %s", call.name, error)
            self._refuse(call, f"{call.name} was given up: {error}.")
        self._running.pop(call.id, None)

    async def _result(self, call: ToolCall, tool: Any) -> dict[str, Any]:
        """The result of one call; whatever its tool raises is in it."""
        try:
            return tool_result(call.id, await self._hands.run(tool, call.input))
        except Exception as error:
            log.debug("Tool %s failed: %s", call.name, type(error).__name__)
            return tool_result(call.id, error)

    def _refuse(self, call: ToolCall, why: str) -> None:
        self._turns.add_result(tool_result(call.id, ToolError(why)))

    async def _refusal(self, call: ToolCall) -> str | None:
        if self._confirm is None:
            return None
        verdict = self._confirm(call)
        if inspect.isawaitable(verdict):
            verdict = await self._hands.settled(verdict)
        if isinstance(verdict, str):
            return verdict or DECLINED
        return None if verdict else DECLINED

    async def close(self) -> None:
        """Stop what still runs, and put down that it was stopped."""
        try:
            await self._hands.close()
        finally:
            for running in self._running.values():
                running.given_up = True
                if running.begun:
                    self._refuse(running.call, INTERRUPTED)
            self._running.clear()


def _calls_tools(message: Message) -> bool:
    content: Any = message.to_param()["content"]
    return any(block.get("type") == "tool_use" for block in content)


def _name_of(tool: Any) -> str:
    if isinstance(tool, str):
        return tool
    if isinstance(tool, Mapping):
        return str(cast("Mapping[str, Any]", tool).get("name"))
    return next(iter(tools_by_name([tool])))
