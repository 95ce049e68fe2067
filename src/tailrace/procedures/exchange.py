"""One call, from the request to the last event of its streamed answer.

Theory of operation. An `Exchange` is a `Sending` whose answer is a stream: it brings frames to the
`Cursor`, a chunk's worth a call. Until the *commit point*, the first frame with
content, frames are held back: a failure before it (a lost connection, a clock, an `error` event, a
page of HTML) is repeated and the caller never sees it. Which is which stands in `opening`. After
it the recovery policy decides: the failure is raised with what had arrived, or the reply is gone on
with (`core.recovery`), or begun anew.

The body is complete when `message_stop` came, or when it ended cleanly after a `stop_reason`.
Anything else is an error. After `message_stop` the rest of the body is awaited for a moment only,
so that the connection can be used again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, NoReturn, TypeVar

from tailrace.core.clocks import Timeout
from tailrace.core.content import Message
from tailrace.core.errors import APIError, RetryableError
from tailrace.core.framing import (
    DEFAULT_MAX_EVENT_BYTES,
    EventStreamDecoder,
    EventTooLargeError,
    ServerSentEvent,
)
from tailrace.core.http import Request, Response
from tailrace.core.recovery import Continuation, RecoveryPolicy, continuation
from tailrace.core.retry import Retry

from .failing import closed_error, timed_out
from .hooks import NO_HOOKS, Hooks
from .limiting import RateLimiter
from .opening import check_is_stream, is_opening, look_ahead
from .sending import Sending
from .wire import DirectIncoming, Wire, WireError, resumable

T = TypeVar("T")

DRAIN_SECONDS = 0.25
"""How long the end of the body is awaited after `message_stop`, in seconds."""


class Exchange(Sending):
    """A call whose reply is streamed."""

    def __init__(
        self,
        wire: Wire,
        request: Request,
        *,
        retry: Retry,
        timeout: Timeout,
        hooks: Hooks = NO_HOOKS,
        limiter: RateLimiter | None = None,
        max_event_bytes: int | None = DEFAULT_MAX_EVENT_BYTES,
        recovery: RecoveryPolicy = "raise",
        body: Mapping[str, Any] | None = None,
        rebuild: Callable[[Mapping[str, Any]], Request] | None = None,
    ) -> None:
        super().__init__(wire, request, retry=retry, timeout=timeout, hooks=hooks, limiter=limiter)
        if hooks.on_event is not None:
            self.cursor.watch(hooks.on_event)
        self._max_event_bytes = max_event_bytes
        self.recovery: RecoveryPolicy = recovery
        """What is done about a failure after the commit point."""
        self._body: Mapping[str, Any] = body or {}
        self._rebuild = rebuild
        self._direct: DirectIncoming | None = None
        self._decoder = EventStreamDecoder(max_event_bytes=max_event_bytes)
        self._held: list[ServerSentEvent] = []
        self._committed = retry.max_retries == 0
        self.failure: APIError | None = None
        """What ended the reply before it was complete, once something has."""

    async def _open(self) -> Response:
        self._held.clear()
        self._decoder = EventStreamDecoder(max_event_bytes=self._max_event_bytes)
        response = await super()._open()
        if self._committed:
            self._go_direct()
        return response

    def _go_direct(self) -> None:
        """Read past the coroutines from now on, where the wire can: nothing is held back."""
        incoming: Any = self._incoming
        self._direct = incoming if getattr(incoming, "direct", False) else None

    async def next_frames(self) -> list[ServerSentEvent]:
        """The next frames; none at the end of a complete reply.

        Call it when those it gave before have been read. Raises `StreamTruncatedError` where the
        reply was cut, `StreamProtocolError` where it makes no sense, `APITimeoutError` for a clock,
        and `StreamClosedError` after `close`.
        """
        incoming, clocks = self._incoming, self._deadlines
        if incoming is None or not clocks.steady or not self._committed:
            return await self._next_frames()
        if self.cursor.accumulator.finished:
            return await self._next_frames()
        # Nearly every read: bytes that hold events, and nothing else happens. Whatever else it
        # turns out to be takes the general way, where the same read is begun again or fails.
        began = self._wire.monotonic()
        try:
            chunk = await incoming.read(clocks.usual)
            if chunk and self._incoming is incoming:
                frames = self._decoder.feed(chunk)
                if (frames and frames[0].event != "ping") or self._dripped(frames, began):
                    return frames
        except WireError as error:
            clocks.read_began(began)
            return await self._next_frames(error)
        except (EventTooLargeError, APIError) as error:
            return await self._next_frames(error)
        except BaseException as error:
            self.fail(error)
            raise
        return await self._next_frames()

    @resumable
    def awaited_frames(
        self, lane: Callable[[bytes], T | None] | None
    ) -> Generator[Any, Any, list[ServerSentEvent] | T]:
        """`next_frames` for a task: where the wire is direct, waiting takes no more coroutines.

        Of bytes that are one delta, as nearly all are, the data go to `lane` first: what it finds
        in them, if anything, is returned instead of frames.
        """
        direct, clocks = self._direct, self._deadlines
        if direct is None or not clocks.steady:
            return (yield from self.next_frames().__await__())
        if self.cursor.accumulator.finished:
            return (yield from self._next_frames().__await__())
        began = self._wire.monotonic()
        until = began + clocks.usual
        broken: Exception | None = None
        try:
            while (chunk := direct.take(until)) is None:
                yield direct.arrival
            if chunk:
                if lane is not None:
                    data = self._decoder.only_delta(chunk)
                    if data is not None and (item := lane(data)) is not None:
                        return item
                frames = self._decoder.feed(chunk)
                if (frames and frames[0].event != "ping") or self._dripped(frames, began):
                    return frames
        except WireError as error:
            clocks.read_began(began)
            broken = error
        except (EventTooLargeError, APIError) as error:
            broken = error
        except BaseException as error:
            self.fail(error)
            raise
        return (yield from self._next_frames(broken).__await__())

    def _dripped(self, frames: list[ServerSentEvent], began: float) -> bool:
        """Note bytes that hold no event, or begin with a ping; whether they are frames at all."""
        self._deadlines.read_began(began)
        self._deadlines.bytes_arrived(self._wire.monotonic())
        self._watch(frames)
        return bool(frames)

    async def _next_frames(self, broken: Exception | None = None) -> list[ServerSentEvent]:
        """The next frames, whatever happens; `broken` is what a read has failed with."""
        if self._ended:
            return []
        if self.failure is not None:
            raise self.failure
        if self._closed:
            raise closed_error(self.cursor)
        try:
            while not self.cursor.accumulator.finished:
                try:
                    if broken is not None:
                        error, broken = broken, None
                        self._broken(error)
                    frames = await self._read_frames()
                except (APIError, RetryableError) as error:
                    if self._closed:
                        raise
                    if self._committed:
                        await self.recover(error)
                        return []
                    await self._again(error)
                    await self.start()
                    continue
                if frames is None:
                    break
                if frames:
                    return frames
            await self._finish()
        except BaseException as error:
            self.fail(error)
            raise
        return []

    async def recover(self, error: APIError | RetryableError) -> None:
        """Go on after a failure past the commit point, as the policy says; else raise the failure.

        The cursor has an event to read then, and `next_frames` brings what follows it.
        """
        try:
            await self._recover(error)
        except BaseException as failure:
            self.fail(failure)
            raise

    async def _recover(self, error: APIError | RetryableError) -> None:
        cursor = self.cursor
        accumulator = cursor.accumulator
        if self._closed or self.recovery == "raise" or self._rebuild is None:
            raise error
        if accumulator.complete:  # only the end of the body was lost
            accumulator.finish()
            self.abort_incoming()
            await self._finish()
            return
        partial = accumulator.snapshot()
        going_on: Continuation | None = None
        if self.recovery == "continue":
            going_on = continuation(self._body, partial, accumulator.complete_blocks)
            if going_on is None:
                raise error
        await self._again(error, dict(partial["usage"]) if partial is not None else None)
        failed = self._retry.history[-1]
        note: dict[str, Any] = {"attempt": self._retry.tries + 1, "reason": failed.reason}
        if going_on is None:
            cursor.start_over({"type": "stream_restarted", **note})
        else:
            note["discarded"] = list(going_on.discarded)
            self._request = self._rebuild(going_on.body)
            self._body = going_on.body
            cursor.go_on(going_on, {"type": "stream_continued", **note})
        self._committed = False
        await self.start()

    def stop(self) -> None:
        """End the reply here, because the reader has enough: no error, and no more frames."""
        if self._ended:
            return
        self._ended = True
        self.cursor.stop()
        self.abort_incoming()
        self._mark_closed()
        message = self.cursor.accumulator.snapshot()
        if message is not None:
            message._stopped_by_caller = True
            self._sign(message)

    def fail(self, error: BaseException) -> None:
        """Be done because of an error: close the connection, and keep the error to raise again."""
        self.abort()
        if isinstance(error, APIError):
            if not error.attempts:
                error.attempts = self._retry.failed(error)
            self.failure = error

    def abort_incoming(self) -> None:
        """Close this try's connection, if it has one."""
        self._direct = None
        super().abort_incoming()

    async def _read_frames(self) -> list[ServerSentEvent] | None:
        """Frames to hand on, none yet, or `None` at the end of a complete body."""
        chunk = await self._read_chunk()
        try:
            if not chunk:
                self._at_end(self._decoder.end())
                return None
            frames = self._decoder.feed(chunk)
        except EventTooLargeError as error:
            self._broken(error)
        self._watch(frames)
        return frames if self._committed or not frames else self._hold(frames)

    def _watch(self, frames: list[ServerSentEvent]) -> None:
        """Tell the clocks what came; bytes that drip or only ping let some of them run out."""
        clocks = self._deadlines
        for frame in frames:
            if frame.event != "ping":
                clocks.progress_made(clocks.now)
                if self._timeout.total is None:
                    return
                break
        expiry = clocks.expired(clocks.now)
        if expiry is not None:
            raise timed_out(self._request, self.cursor, expiry)

    def _broken(self, error: Exception) -> NoReturn:
        """Raise the public error for what a read failed with."""
        if isinstance(error, APIError):
            raise error
        if isinstance(error, WireError):
            failure = self._wire_failure(error)
        else:
            failure = protocol = self.cursor.protocol_error(str(error))
            protocol.permanent = True
        raise failure from (error.__cause__ or error)

    def _hold(self, frames: list[ServerSentEvent]) -> list[ServerSentEvent]:
        """Hold frames back until one has content, then hand all of them on."""
        held = self._held
        if not held:
            check_is_stream(self.cursor)
        held += frames
        if not all(map(is_opening, frames)):
            look_ahead(held, self.cursor)
            self._committed = True
            self._go_direct()
            self._held = []
            return held
        return []

    def _at_end(self, dropped: int) -> None:
        """The body ended cleanly, `dropped` bytes into an event: was the reply complete?"""
        if self.cursor.accumulator.complete:
            self.cursor.accumulator.finish()
            return
        if not self._held and not self.cursor.accumulator.started:
            check_is_stream(self.cursor)
        where = "in the middle of an event" if dropped else "cleanly"
        if not self.cursor.accumulator.started and not self._held:
            where += " and without any event"
        raise self.cursor.truncated(f"the body ended {where}")

    async def _finish(self) -> None:
        """The reply is whole: await the end of the body for a moment, and be done."""
        self._ended = True
        message = self.cursor.accumulator.snapshot()
        if message is not None:
            self._sign(message)
            await self.settle_usage(message["usage"])
        incoming, self._incoming, self._direct = self._incoming, None, None
        if incoming is None:
            return
        until = self._wire.monotonic() + DRAIN_SECONDS
        try:
            while (wait := until - self._wire.monotonic()) > 0 and await incoming.read(wait):
                pass
        except WireError:
            incoming.abort()  # the reply is complete; only the connection is lost
        await incoming.close()
        self.response.is_closed = True

    def _sign(self, message: Message) -> None:
        """Note on the message what is known of it besides its JSON."""
        message._attempts = self.attempts
        message._request_id = self.response.request_id
        message._workspace_id = self.response.workspace_id
