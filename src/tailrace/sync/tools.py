"""The tool loop for synchronous code: requests and tool calls in turns, tools in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock
from types import TracebackType
from typing import Any, Self

from tailrace.core.content import Message
from tailrace.core.errors import APIError
from tailrace.procedures.replies import read_message
from tailrace.procedures.session import Session
from tailrace.procedures.tool_loop import Confirm, ToolLoop
from tailrace.procedures.wire import settle

from .streams import MessageStream


class ThreadHands:
    """Runs tools in a thread pool. A thread cannot be stopped: a tool that takes too long is given
    up, and what it returns is dropped."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="tailrace-tool")
        self._opened = ExitStack()
        self._bound: dict[int, Any] = {}
        self._lock = Lock()

    def start(
        self, work: Callable[[], Awaitable[Any]], timeout: float | None
    ) -> tuple[Future[Any], float | None]:
        """Begin running in a thread of its own."""
        return self._pool.submit(lambda: settle(work())), timeout  # type: ignore[arg-type]

    async def finish(self, handle: tuple[Future[Any], float | None]) -> Any:
        """Wait for the thread."""
        future, timeout = handle
        return future.result(timeout)

    async def run(self, tool: Any, given: Any) -> Any:
        """Call a tool; an async one gets an event loop for the call."""
        result = self._ready(tool).call(given)
        return asyncio.run(result) if asyncio.iscoroutine(result) else result

    def _ready(self, tool: Any) -> Any:
        """The tool, opened if it is a context manager; it stays open until the loop ends."""
        manager = getattr(tool, "manager", None)
        if manager is None:
            return tool
        with self._lock:
            if id(tool) not in self._bound:
                opened = manager()
                if not hasattr(opened, "__enter__"):
                    raise TypeError(f"{tool.name} needs an event loop; use the asynchronous client")
                self._bound[id(tool)] = tool.bind(self._opened.enter_context(opened))
            return self._bound[id(tool)]

    async def close(self) -> None:
        """Drop what has not begun, and leave the context managers."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._opened.close()


class ToolRunner:
    """A tool loop: iterating it gives each turn's message, or its stream with `stream=True`.

    Between two turns the tools that the last one called are run, at most `max_parallel_tools` at a
    time. The loop ends with a reply that calls none. `messages` is the whole history at any moment:
    JSON, and enough to go on from in another process.
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
            ThreadHands(max_parallel_tools),
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
        self._open: MessageStream | None = None
        self._over = False

    @property
    def messages(self) -> list[Any]:
        """The history so far, results of the last tool calls included."""
        return self._loop.turns.messages

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._over:
            raise StopIteration
        try:
            self._finish_stream()
            parameters = settle(self._loop.next_request())
            if parameters is not None:
                return self._request(parameters)
        except BaseException:
            self.close()
            raise
        self.close()
        raise StopIteration

    def _request(self, parameters: dict[str, Any]) -> Any:
        if not self._streams:
            exchange = self._session.whole("tool_runner", parameters, timeout=self._timeout)()
            message = read_message(settle(exchange.fetch()), exchange)
            self._take(message)
            return message
        exchange = self._session.stream("tool_runner", parameters, timeout=self._timeout)()
        settle(exchange.start())
        if self._eager:
            exchange.cursor.on_tool_use = self._loop.start
        self._open = MessageStream(exchange)
        return self._open

    def _finish_stream(self) -> None:
        """Read the last turn's stream to its end, if the caller has not."""
        stream, self._open = self._open, None
        if stream is None:
            return
        with stream:
            try:
                self._take(stream.get_final_message())
            except APIError as error:
                # A completed call's result is owed, whatever became of the rest of the reply.
                called_tools = self._keep(error)
                if stream.recovery == "raise" or not called_tools:
                    raise

    def _keep(self, error: APIError) -> bool:
        """Put what is left of a broken reply into the history, with the results of its tools that
        were started; say whether it called any."""
        called_tools = self._loop.take_partial(error)
        settle(self._loop.finish_started())
        return called_tools

    def _take(self, message: Message) -> None:
        self._last = message
        self._loop.take(message)

    def generate_tool_call_response(self) -> dict[str, Any] | None:
        """Run the tools the last reply called, if they have not run, and return the message with
        their results; `None` if it called none."""
        self._finish_stream()
        settle(self._loop.run_pending())
        last = self.messages[-1]
        return last if self._loop.turns.called_tools else None

    def append_messages(self, *messages: Any) -> None:
        """Add messages; the loop goes on with them even where it would have ended."""
        self._finish_stream()
        settle(self._loop.run_pending())
        self._loop.add(messages)

    def set_messages_params(
        self, params: Mapping[str, Any] | Callable[[dict[str, Any]], Any]
    ) -> None:
        """Change parameters of the requests to come: a mapping, or a function of the old ones."""
        changed = params(dict(self._loop.parameters)) if callable(params) else params
        self._loop.change(changed)

    def until_done(self) -> Message:
        """Run to the end and return the last reply.

        Raises `RuntimeError` if no request was made, `max_iterations` being 0.
        """
        for turn in self:
            if isinstance(turn, MessageStream):
                self._finish_stream()
        if self._last is None:
            raise RuntimeError("the loop made no request")
        return self._last

    def close(self) -> None:
        """Stop: close the reply that streams and drop the tools that have not begun."""
        self._over = True
        stream, self._open = self._open, None
        if stream is not None:
            if stream.failure is not None:
                self._keep(stream.failure)
            stream.close()
        settle(self._loop.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
