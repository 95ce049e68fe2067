"""One request, sent until it is answered, and the connection its answer comes on.

Theory of operation. `start` sends the request and repeats failed tries as `Retry` says; every wait
has a clock of `Deadlines`. What can be told of the answer, and what had arrived when something went
wrong, is in the `Cursor`. `fetch` reads an answer that comes in one piece; `exchange` reads one
that is streamed. `abort` may be called by any thread, task or finaliser, at any time.

Nothing here refers to the object that uses it, so dropping that object is enough to close the
connection: the finaliser is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tailrace.core.clocks import Deadlines, Timeout
from tailrace.core.cursor import Cursor
from tailrace.core.errors import APIError, RetryableError, status_error
from tailrace.core.http import Request, Response, shown_url
from tailrace.core.retry import Attempt, Retry

from .failing import clock_of, closed_error, error_body, lost, timed_out
from .hooks import NO_HOOKS, Hooks
from .limiting import RateLimiter, asked_pause, estimated_input, usage_of
from .logs import log
from .wire import Incoming, Wire, WireError


class Sending:
    """A request on a wire, until its answer is read or given up."""

    def __init__(
        self,
        wire: Wire,
        request: Request,
        *,
        retry: Retry,
        timeout: Timeout,
        hooks: Hooks = NO_HOOKS,
        limiter: RateLimiter | None = None,
    ) -> None:
        self.cursor = Cursor()
        self._wire = wire
        self._request = request
        self._retry = retry
        self._timeout = timeout
        self._hooks = hooks
        self._limiter = limiter
        self._estimated = 0
        self._called = wire.monotonic()
        self._incoming: Incoming | None = None
        self._aborted: Incoming | None = None
        self._deadlines = Deadlines(timeout, now=self._called, called=self._called)
        self._ended = False
        self._closed = False

    def __del__(self) -> None:
        self.abort()

    @property
    def response(self) -> Response:
        """The head of the answer. Raises `RuntimeError` before there is one."""
        if self.cursor.response is None:
            raise RuntimeError("there is no response yet: the request has not been answered")
        return self.cursor.response

    @property
    def ended(self) -> bool:
        """Whether the reply was read to its end, or to where the reader stopped it."""
        return self._ended

    @property
    def closed(self) -> bool:
        """Whether the exchange was closed before the reply was read to its end."""
        return self._closed and not self._ended

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The tries so far; the last is the one that answered, if one has."""
        if self.cursor.response is None:
            return self._retry.history
        return (
            *self._retry.history,
            Attempt(
                number=self._retry.tries + 1,
                reason="ok",
                status_code=self.response.status_code,
                request_id=self.response.request_id,
            ),
        )

    # -- opening -------------------------------------------------------------------------------

    async def start(self) -> Response:
        """Send the request and return the head of a 2xx answer; repeat failed tries.

        Raises what the last try failed with: `APIConnectionError`, `APITimeoutError` or an
        `APIStatusError`.
        """
        while True:
            try:
                return await self._open()
            except (APIError, RetryableError) as error:
                await self._again(error)

    async def _open(self) -> Response:
        wire = self._wire
        if self._limiter is not None:
            self._estimated = estimated_input(self._request.content)
            await self._limiter.enter(wire, self._estimated)
        now = wire.monotonic()
        self._deadlines = clocks = Deadlines(self._timeout, now=now, called=self._called)
        request = self._request.with_headers({"x-stainless-retry-count": str(self._retry.tries)})
        if self._hooks.on_request is not None:
            request = self._hooks.on_request(request) or request
        log.debug(
            "Request: %s %s (try %d)", request.method, shown_url(request.url), self._retry.tries + 1
        )
        try:
            incoming = await wire.open(
                request, connect=clocks.connect_wait(now), wait=clocks.answer_wait(now)
            )
        except WireError as error:
            raise self._wire_failure(error) from (error.__cause__ or error)
        if self._closed:
            incoming.abort()
            raise closed_error(self.cursor)
        self._incoming = incoming
        response = self.cursor.response = incoming.response
        clocks.bytes_arrived(wire.monotonic())
        log.debug(
            "Response: %s %s -> %d (request-id %s)",
            request.method,
            shown_url(request.url),
            response.status_code,
            response.request_id,
        )
        if self._hooks.on_response is not None:
            self._hooks.on_response(response)
        if not response.is_success:
            body = await self._read_all()
            refusal = status_error(response, error_body(body))
            pause = asked_pause(refusal, wire.wall())
            if self._limiter is not None and pause is not None:
                await self._limiter.refused(wire, pause)
            raise refusal
        return response

    async def _again(self, error: Exception, usage: dict[str, Any] | None = None) -> None:
        """Wait for the next try, or raise the error if there is to be none."""
        self.abort_incoming()
        await self._close_aborted()
        wire = self._wire
        self._retry = self._retry.after(
            error,
            elapsed=wire.monotonic() - self._called,
            chance=wire.chance(),
            wall=wire.wall(),
            usage=usage,
        )
        failed = self._retry.history[-1]
        log.info(
            "Retrying %s in %.2f seconds: try %d failed (%s)",
            shown_url(self._request.url),
            self._retry.wait,
            failed.number,
            failed.reason,
        )
        if self._hooks.on_retry is not None:
            self._hooks.on_retry(failed)
        await wire.sleep(self._retry.wait)
        if self._closed:
            raise closed_error(self.cursor)

    # -- a reply that comes in one piece -------------------------------------------------------

    async def fetch(self) -> bytes:
        """Send the request and return the whole body of a 2xx answer; repeat failed tries."""
        while True:
            try:
                await self._open()
                body = await self._read_all()
            except (APIError, RetryableError) as error:
                await self._again(error)
                continue
            except BaseException:
                self.abort()
                raise
            if self._limiter is not None:
                await self.settle_usage(usage_of(body))
            return body

    async def read_body(self) -> bytes:
        """The rest of the body of an answer that was started."""
        try:
            return await self._read_all()
        except BaseException:
            self.abort()
            raise

    async def read_chunk(self) -> bytes:
        """The next bytes of the body of an answer that was started; `b""` at its end."""
        if self._ended:
            return b""
        chunk = await self._read_chunk()
        self._deadlines.progress_made(self._deadlines.now)
        if not chunk:
            self._ended = self.response.is_success
            incoming, self._incoming = self._incoming, None
            if incoming is not None:
                await incoming.close()
            self.response.is_closed = True
        return chunk

    async def _read_all(self) -> bytes:
        chunks: list[bytes] = []
        while chunk := await self.read_chunk():
            chunks.append(chunk)
        return b"".join(chunks)

    async def _read_chunk(self) -> bytes:
        incoming = self._incoming
        if incoming is None:
            raise closed_error(self.cursor)
        wire, clocks = self._wire, self._deadlines
        try:
            chunk = await incoming.read(clocks.wait(wire.monotonic()))
        except WireError as error:
            raise self._wire_failure(error) from (error.__cause__ or error)
        if self._closed:
            raise closed_error(self.cursor)
        clocks.bytes_arrived(wire.monotonic())
        return chunk

    async def settle_usage(self, usage: Mapping[str, Any]) -> None:
        """Tell the limiter what the call used."""
        if self._limiter is not None:
            await self._limiter.leave(self._wire, self._estimated, usage)

    # -- ending --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Be done: close the connection at once if the reply is not read to its end.

        What came and was not read is dropped, so that how much a closed stream still gives does
        not depend on how its bytes fell into packets.
        """
        if not self._ended:
            self.cursor.drop()
        self.abort()
        await self._close_aborted()

    def abort(self) -> None:
        """Close the connection at once; may be called from any thread, task or finaliser."""
        self._closed = True
        self.abort_incoming()
        self._mark_closed()

    def abort_incoming(self) -> None:
        """Close this try's connection, if it has one."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            self._aborted = incoming
            incoming.abort()

    async def _close_aborted(self) -> None:
        """Let the HTTP client know, which some want to hear where they can await."""
        aborted, self._aborted = self._aborted, None
        if aborted is not None:
            await aborted.close()

    def _mark_closed(self) -> None:
        if self.cursor.response is not None:
            self.cursor.response.is_closed = True

    def _wire_failure(self, error: WireError) -> Exception:
        """The public error for what the wire says; its cause is the HTTP client's own."""
        if self._closed:
            return closed_error(self.cursor)
        expiry = clock_of(error, self._deadlines, self._timeout, self._wire.monotonic())
        if expiry is not None:
            return timed_out(self._request, self.cursor, expiry)
        return lost(error, self._request, self.cursor, answered=self._incoming is not None)
