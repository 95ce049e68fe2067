"""The public errors for what goes wrong below: one place for their words."""

from __future__ import annotations

import msgspec

from tailrace.core.clocks import Deadlines, Expiry, Timeout
from tailrace.core.cursor import Cursor
from tailrace.core.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    StreamClosedError,
)
from tailrace.core.http import Request

from .wire import ConnectFailed, ConnectTimedOut, WaitTimedOut, WireError


def closed_error(cursor: Cursor) -> StreamClosedError:
    """For reading on after closing; with what had arrived."""
    return StreamClosedError(
        "The stream was closed before the reply was read to its end; "
        "read it inside the with block, or use what arrived: error.partial.",
        partial=cursor.accumulator.snapshot(),
    )


def timed_out(request: Request, cursor: Cursor, expiry: Expiry) -> APITimeoutError:
    """For a clock that ran out: which, after how long, and what had arrived."""
    accumulator = cursor.accumulator
    arrived = (
        f"{len(accumulator.complete_blocks)} content blocks were complete"
        if accumulator.started
        else "nothing had arrived"
    )
    error = APITimeoutError(
        request.redacted(),
        message=(
            f"Request timed out: the {expiry.clock} clock ran out after "
            f"{expiry.seconds:g} seconds; {arrived}."
        ),
        clock=expiry.clock,
        seconds=expiry.seconds,
    )
    error.partial = accumulator.snapshot()
    return error


def clock_of(error: WireError, clocks: Deadlines, timeout: Timeout, now: float) -> Expiry | None:
    """The clock whose expiry a wire's failure is, or `None`."""
    if isinstance(error, WaitTimedOut):
        return clocks.expired(now) or clocks.nearest(now)
    if isinstance(error, ConnectTimedOut):
        return clocks.expired(now) or Expiry("connect", timeout.connect or 0.0)
    return None


def lost(error: WireError, request: Request, cursor: Cursor, *, answered: bool) -> APIError:
    """For a connection that could not be made, or that broke; `answered` after the headers."""
    if answered:
        return cursor.truncated(f"the connection broke ({error})")
    failure = APIConnectionError(message=f"Connection error: {error}", request=request.redacted())
    failure.permanent = isinstance(error, ConnectFailed) and error.permanent
    return failure


def error_body(body: bytes) -> object:
    """The body of an error answer: its JSON, or its text."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body.decode("utf-8", "replace").strip()
