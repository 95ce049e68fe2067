"""The tool loop for asynchronous code: names and order are those of `sync.tools`.

Tools run as tasks, functions that are not `async def` in threads. Leaving or cancelling the loop
cancels the tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from tailrace.core.content import Message
from tailrace.core.errors import APIError
from tailrace.procedures.replies import read_message
from tailrace.procedures.session import Session
from tailrace.procedures.tool_loop import Confirm, ToolLoop

from .streams import AsyncMessageStream


class TaskHands:
    """Runs tools as tasks of the running asyncio loop."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opened = AsyncExitStack()
        self._bound: dict[int, Any] = {}
        self._opening = asyncio.Lock()

    def start(self, work: Callable[[], Awaitable[Any]], timeout: float | None) -> asyncio.Task[Any]:
        """Begin running in a task of its own."""

        async def bounded() -> Any:
            async with self._slots, asyncio.timeout(timeout):
                return await work()

        task = asyncio.create_task(bounded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, handle: asyncio.Task[Any]) -> Any:
        """Wait for the task."""
        return await handle

    async def run(self, tool: Any, given: Any) -> Any:
        """Call a tool; one that is not async in a thread, so that it blocks nobody."""
        tool = await self._ready(tool)
        if getattr(tool, "is_async", False):
            return await tool.call(given)
        result = await asyncio.to_thread(tool.call, given)
        return await result if asyncio.iscoroutine(result) else result

    async def _ready(self, tool: Any) -> Any:
        """The tool, opened if it is a context manager; it stays open until the loop ends."""
        manager = getattr(tool, "manager", None)
        if manager is None:
            return tool
        async with self._opening:
            if id(tool) not in self._bound:
                opened = manager()
                if hasattr(opened, "__aenter__"):
                    function = await self._opened.enter_async_context(opened)
                else:
                    function = self._opened.enter_context(opened)
                self._bound[id(tool)] = tool.bind(function)
            return self._bound[id(tool)]

    async def close(self) -> None:
        """Cancel what still runs, and leave the context managers."""
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._opened.aclose()


class AsyncToolRunner:
    """A tool loop: iterating it gives each turn's message, or its stream with `stream=True`.

    As `ToolRunner`, with `async for` and `await`. Under asyncio only.
    """

    def __init__(
        self,
        session: Session,
        parameters: Mapping[str, Any],
        *,
        tools: Any,
        stream: bool,
        timeout: Any,
        max_iterations: int | None,
        max_parallel_tools: int,
        tool_timeout: float | None,
        confirm: Confirm | None,
        run_tools_eagerly: bool,
    ) -> None:
        self._session = session
        self._loop = ToolLoop(
            TaskHands(max_parallel_tools),
            parameters,
            tools=tools,
            max_iterations=max_iterations,
            tool_timeout=tool_timeout,
            confirm=confirm,
        )
        self._streams = stream
        self._timeout = timeout
        self._eager = run_tools_eagerly
        self._last: Message | None = None
        self._open: AsyncMessageStream | None = None
        self._over = False

    @property
    def messages(self) -> list[Any]:
        """The history so far, results of the last tool calls included."""
        return self._loop.turns.messages

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._over:
            raise StopAsyncIteration
        try:
            await self._finish_stream()
            parameters = await self._loop.next_request()
            if parameters is not None:
                return await self._request(parameters)
        except BaseException:
            await self.close()
            raise
        await self.close()
        raise StopAsyncIteration

    async def _request(self, parameters: dict[str, Any]) -> Any:
        if not self._streams:
            exchange = self._session.whole("tool_runner", parameters, timeout=self._timeout)()
            message = read_message(await exchange.fetch(), exchange)
            self._take(message)
            return message
        exchange = self._session.stream("tool_runner", parameters, timeout=self._timeout)()
        await exchange.start()
        if self._eager:
            exchange.cursor.on_tool_use = self._loop.start
        self._open = AsyncMessageStream(exchange)
        return self._open

    async def _finish_stream(self) -> None:
        """Read the last turn's stream to its end, if the caller has not."""
        stream, self._open = self._open, None
        if stream is None:
            return
        async with stream:
            try:
                self._take(await stream.get_final_message())
            except APIError as error:
                # A completed call's result is owed, whatever became of the rest of the reply.
                called_tools = await self._keep(error)
                if stream.recovery == "raise" or not called_tools:
                    raise

    async def _keep(self, error: APIError) -> bool:
        """Put what is left of a broken reply into the history, with the results of its tools that
        were started; say whether it called any."""
        called_tools = self._loop.take_partial(error)
        await self._loop.finish_started()
        return called_tools

    def _take(self, message: Message) -> None:
        self._last = message
        self._loop.take(message)

    async def generate_tool_call_response(self) -> dict[str, Any] | None:
        """Run the tools the last reply called, if they have not run, and return the message with
        their results; `None` if it called none."""
        await self._finish_stream()
        await self._loop.run_pending()
        last = self.messages[-1]
        return last if self._loop.turns.called_tools else None

    async def append_messages(self, *messages: Any) -> None:
        """Add messages; the loop goes on with them even where it would have ended."""
        await self._finish_stream()
        await self._loop.run_pending()
        self._loop.add(messages)

    def set_messages_params(
        self, params: Mapping[str, Any] | Callable[[dict[str, Any]], Any]
    ) -> None:
        """Change parameters of the requests to come: a mapping, or a function of the old ones."""
        changed = params(dict(self._loop.parameters)) if callable(params) else params
        self._loop.change(changed)

    async def until_done(self) -> Message:
        """Run to the end and return the last reply.

        Raises `RuntimeError` if no request was made, `max_iterations` being 0.
        """
        async for turn in self:
            if isinstance(turn, AsyncMessageStream):
                await self._finish_stream()
        if self._last is None:
            raise RuntimeError("the loop made no request")
        return self._last

    async def close(self) -> None:
        """Stop: close the reply that streams and cancel the tools that run."""
        self._over = True
        stream, self._open = self._open, None
        if stream is not None:
            if stream.failure is not None:
                await self._keep(stream.failure)
            await stream.close()
        await self._loop.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
