"""The tool loop for synchronous code: requests and tool calls in turns, tools in threads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from threading import Lock, RLock, Timer
from types import TracebackType
from typing import Any, Self

from tailrace.core.content import Message
from tailrace.core.errors import APIError
from tailrace.procedures.exchange import Exchange
from tailrace.procedures.replies import read_message
from tailrace.procedures.session import Session
from tailrace.procedures.tool_loop import Confirm, GivenUp, ToolLoop
from tailrace.procedures.tool_threads import in_thread
from tailrace.procedures.wire import settle

from .streams import MessageStream


class _Job:
    """Work that waits for room, runs, or is over; `done` says which."""

    def __init__(
        self, work: Callable[[], Coroutine[Any, Any, None]], timeout: float | None
    ) -> None:
        self.work = work
        self.timeout = timeout
        self.timer: Timer | None = None
        self.done: Future[None] = Future()


class ThreadHands:
    """Runs tools in threads. A thread cannot be stopped: a tool that takes too long is given up,
    which makes room for the next, and what it returns is dropped."""

    def __init__(self, most: int) -> None:
        self._room = most
        self._waiting: deque[_Job] = deque()
        self._opened = ExitStack()
        self._bound: dict[int, Any] = {}
        self._lock = RLock()  # a thread that has ended before its callback is set calls it here
        self._opening = Lock()

    def start(self, work: Callable[[], Coroutine[Any, Any, None]], timeout: float | None) -> _Job:
        """Begin running in a thread of its own, as soon as there is room."""
        job = _Job(work, timeout)
        with self._lock:
            self._waiting.append(job)
            self._begin()
        return job

    def _begin(self) -> None:
        while self._waiting and self._room:
            self._room -= 1
            job = self._waiting.popleft()
            if job.timeout is not None:
                slow = GivenUp(f"it took longer than {job.timeout:g} seconds")
                job.timer = Timer(job.timeout, self._end, (job, slow))
                job.timer.daemon = True
                job.timer.start()
            running = in_thread(partial(_do, job))
            running.add_done_callback(partial(self._ran, job))

    def _ran(self, job: _Job, running: Future[None]) -> None:
        self._end(job, running.exception())

    def _end(self, job: _Job, error: BaseException | None) -> None:
        """Whichever comes first, the end of the work or of its time."""
        with self._lock:
            if job.done.done():
                return
            if job.timer is not None:
                job.timer.cancel()
            if error is None:
                job.done.set_result(None)
            else:
                job.done.set_exception(error)
            self._room += 1
            self._begin()

    async def finish(self, handle: _Job) -> None:
        """Wait for the thread, or the end of its time."""
        handle.done.result()

    async def run(self, tool: Any, given: Any) -> Any:
        """Call a tool; an async one gets an event loop for the call."""
        result = self._ready(tool).call(given)
        return asyncio.run(_result_of(result)) if hasattr(result, "__await__") else result

    async def settled(self, waiting: Awaitable[Any]) -> Any:
        """What an async function gives, run in an event loop of its own."""
        return asyncio.run(_result_of(waiting))

    def _ready(self, tool: Any) -> Any:
        """The tool, opened if it is a context manager; it stays open until the loop ends."""
        manager = getattr(tool, "manager", None)
        if manager is None:
            return tool
        with self._opening:
            if id(tool) not in self._bound:
                opened = manager()
                if not hasattr(opened, "__enter__"):
                    raise TypeError(f"{tool.name} needs an event loop; use the asynchronous client")
                self._bound[id(tool)] = tool.bind(self._opened.enter_context(opened))
            return self._bound[id(tool)]

    async def close(self) -> None:
        """Drop what has not begun, and leave the context managers."""
        with self._lock:
            self._waiting.clear()
        self._opened.close()


def _do(job: _Job) -> None:
    settle(job.work())


async def _result_of(waiting: Awaitable[Any]) -> Any:
    return await waiting


class ToolRunner:
    """A tool loop: iterating it gives each turn's message, or its stream with `stream=True`.

    Between two turns the tools that the last one called are run, at most `max_parallel_tools` at a
    time. The loop ends with a reply that calls none. `messages` is the whole history at any moment:
    JSON, and enough to go on from in another process. Use it in a `with`, or read it to its end:
    leaving it closes the reply that streams and gives up the tools that run.
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
        self._open: tuple[MessageStream, Exchange] | None = None
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
            self._last = read_message(settle(exchange.fetch()), exchange)
            self._loop.take(self._last)
            return self._last
        exchange = self._session.stream("tool_runner", parameters, timeout=self._timeout)()
        settle(exchange.start())
        self._goes_on = exchange.recovery != "raise"
        if self._eager:
            self._loop.start_eagerly(exchange)
        stream = MessageStream(exchange)
        self._open = stream, exchange
        return stream

    def _finish_stream(self, *, broken: bool = False) -> None:
        """Read the last turn's stream to its end, if the caller has not. With `broken`, a failure
        that the caller has met already is not raised again, if the loop can go on from it."""
        if self._open is None:
            return
        stream, exchange = self._open
        goes_on = self._goes_on or (broken and exchange.failure is not None)
        with stream:
            try:
                self._last = stream.get_final_message()
                self._loop.take(self._last)
            except APIError:
                if not (self._loop.look(exchange) and goes_on):
                    settle(self._loop.finish_started())
                    raise
        self._open = None

    def generate_tool_call_response(self) -> dict[str, Any] | None:
        """Run the tools the last reply called, if they have not run, and return the message with
        their results; `None` if it called none.

        After a stream that broke this is how to go on all the same: its completed calls are run.
        """
        self._finish_stream(broken=True)
        settle(self._loop.run_pending())
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

    def until_done(self) -> Message:
        """Run to the end and return the last reply.

        Raises `RuntimeError` if no request was made, `max_iterations` being 0.
        """
        for _ in self:
            self._finish_stream()
        if self._last is None:
            raise RuntimeError("the loop made no request")
        return self._last

    def close(self) -> None:
        """Stop: close the reply that streams and give up the tools that run.

        A tool call that was begun and has not finished gets a result that says so.
        """
        self._over = True
        opened, self._open = self._open, None
        try:
            if opened is not None:
                stream, exchange = opened
                self._loop.leave(exchange)
                stream.close()
        finally:
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
