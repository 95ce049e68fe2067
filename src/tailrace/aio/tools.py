"""The tool loop for asynchronous code: names and order are those of `sync.tools`.

Tools run as tasks, functions that are not `async def` in threads. Leaving or cancelling the loop
cancels the tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from tailrace.core.content import Message
from tailrace.core.errors import APIError
from tailrace.procedures.exchange import Exchange
from tailrace.procedures.replies import read_message
from tailrace.procedures.session import Session
from tailrace.procedures.tool_loop import Confirm, GivenUp, ToolLoop
from tailrace.procedures.tool_threads import in_thread

from .streams import AsyncMessageStream


class TaskHands:
    """Runs tools as tasks of the running asyncio loop."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[None]] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._leaving = asyncio.Event()
        self._bound: dict[int, Any] = {}
        self._opening = asyncio.Lock()

    def start(
        self, work: Callable[[], Coroutine[Any, Any, None]], timeout: float | None
    ) -> asyncio.Task[None]:
        """Begin running in a task of its own, as soon as there is room."""

        async def bounded() -> None:
            async with self._slots:
                try:
                    async with asyncio.timeout(timeout):
                        await work()
                except TimeoutError:
                    raise GivenUp(f"it took longer than {timeout:g} seconds") from None

        task = asyncio.create_task(bounded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, handle: asyncio.Task[None]) -> None:
        """Wait for the task."""
        try:
            await handle
        except asyncio.CancelledError:
            waiter = asyncio.current_task()
            if waiter is None or waiter.cancelling():
                raise
            raise GivenUp("it was cancelled") from None  # by itself, not with this loop

    async def run(self, tool: Any, given: Any) -> Any:
        """Call a tool; one that is not async in a thread, so that it blocks nobody."""
        tool = await self._ready(tool)
        if getattr(tool, "is_async", False):
            return await tool.call(given)
        result = await asyncio.wrap_future(in_thread(lambda: tool.call(given)))
        return await result if hasattr(result, "__await__") else result

    async def settled(self, waiting: Awaitable[Any]) -> Any:
        """What an async function gives."""
        return await waiting

    async def _ready(self, tool: Any) -> Any:
        """The tool, opened if it is a context manager; it stays open until the loop ends."""
        manager = getattr(tool, "manager", None)
        if manager is None:
            return tool
        async with self._opening:
            if id(tool) not in self._bound:
                ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                self._keepers.append(asyncio.create_task(self._keep_open(manager(), ready)))
                self._bound[id(tool)] = tool.bind(await ready)
            return self._bound[id(tool)]

    async def _keep_open(self, manager: Any, ready: asyncio.Future[Any]) -> None:
        # In a task of its own: a manager with a task group has to be left in the task it was
        # entered in, and that of a tool call ends with the call.
        try:
            async with _entered(manager) as function:
                ready.set_result(function)
                await self._leaving.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def close(self) -> None:
        """Cancel what still runs, and leave the context managers."""
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._leaving.set()
        keepers, self._keepers = self._keepers, []
        await asyncio.gather(*keepers)


@asynccontextmanager
async def _entered(manager: Any) -> AsyncGenerator[Any, None]:
    if hasattr(manager, "__aenter__"):
        async with manager as function:
            yield function
    else:
        with manager as function:
            yield function


class AsyncToolRunner:
    """A tool loop: iterating it gives each turn's message, or its stream with `stream=True`.

    As `ToolRunner`, with `async for`, `await` and `async with`. Under asyncio only.
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
        if max_parallel_tools < 1:
            raise ValueError(f"max_parallel_tools must be at least 1, not {max_parallel_tools}")
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
        self._open: tuple[AsyncMessageStream, Exchange] | None = None
        self._goes_on = False  # whether the recovery policy goes on after a failure
        self._over = False

    @property
    def messages(self) -> list[Any]:
        """The history so far, results of the last tool calls included.

        A reply is in it once it has ended; one that broke, if it has a completed tool call.
        """
        if self._open is not None:
            self._loop.look(self._open[1])
        return self._loop.messages

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
            self._last = read_message(await exchange.fetch(), exchange)
            self._loop.take(self._last)
            return self._last
        exchange = self._session.stream("tool_runner", parameters, timeout=self._timeout)()
        await exchange.start()
        self._goes_on = exchange.recovery != "raise"
        if self._eager:
            self._loop.start_eagerly(exchange)
        stream = AsyncMessageStream(exchange)
        self._open = stream, exchange
        return stream

    async def _finish_stream(self, *, broken: bool = False) -> None:
        """Read the last turn's stream to its end, if the caller has not. With `broken`, a failure
        that the caller has met already is not raised again, if the loop can go on from it."""
        if self._open is None:
            return
        stream, exchange = self._open
        goes_on = self._goes_on or (broken and exchange.failure is not None)
        async with stream:
            try:
                self._last = await stream.get_final_message()
                self._loop.take(self._last)
            except APIError:
                if not (self._loop.look(exchange) and goes_on):
                    await self._loop.finish_started()
                    raise
        self._open = None

    async def generate_tool_call_response(self) -> dict[str, Any] | None:
        """Run the tools the last reply called, if they have not run, and return the message with
        their results; `None` if it called none.

        After a stream that broke this is how to go on all the same: its completed calls are run.
        """
        await self._finish_stream(broken=True)
        await self._loop.run_pending()
        return self._loop.results

    def append_messages(self, *messages: Any) -> None:
        """Add messages behind the last reply and its tool results; the loop then goes on, even
        where it would have ended.

        The reply itself may be among them, and a message with results of its calls, which take the
        place of what its tools gave, and of running them if they have not run.
        """
        self._loop.add(messages)

    def set_messages_params(
        self, params: Mapping[str, Any] | Callable[[dict[str, Any]], Any]
    ) -> None:
        """Replace the parameters of the requests to come: by a mapping, or by what a function makes
        of those there are. What it leaves out is sent no more, but for `messages`, the history."""
        self._loop.change(params(self._loop.parameters) if callable(params) else params)

    def add_tools(self, *tools: Any) -> None:
        """Offer more tools from the next request on; one of the same name is replaced."""
        self._loop.add_tools(tools)

    def remove_tools(self, *tools: Any) -> None:
        """Offer tools no more, from the next request on; each is given as such or by name."""
        self._loop.remove_tools(tools)

    def defer_tool_call(self, tool_use: Any) -> None:
        """Do not start this call (its block or its id) while its reply streams, as
        `run_tools_eagerly` would: it is run after the reply."""
        self._loop.deferred.setdefault(tool_use if isinstance(tool_use, str) else tool_use.id, None)

    @property
    def deferred_tool_calls(self) -> list[Any]:
        """The blocks of the calls of this reply that were deferred and are complete."""
        return [block for block in self._loop.deferred.values() if block is not None]

    async def until_done(self) -> Message:
        """Run to the end and return the last reply.

        Raises `RuntimeError` if no request was made, `max_iterations` being 0.
        """
        async for _ in self:
            await self._finish_stream()
        if self._last is None:
            raise RuntimeError("the loop made no request")
        return self._last

    async def close(self) -> None:
        """Stop: close the reply that streams and give up the tools that run.

        A tool call that was begun and has not finished gets a result that says so.
        """
        self._over = True
        opened, self._open = self._open, None
        try:
            if opened is not None:
                stream, exchange = opened
                self._loop.leave(exchange)
                await stream.close()
        finally:
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
