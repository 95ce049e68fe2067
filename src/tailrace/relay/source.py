"""Where the events of a generation come from.

A source is a function from request parameters, and the events there are already, to the events
that follow: data, not a closure, so that another process can go on with it. `Claude` is the one
that asks Claude, which cannot resume a reply; so it refuses to go on from events, and what a crash
left is kept and marked (`on_crash="interrupt"`) or made anew (`"restart"`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from tailrace.core.errors import STATUS_OF_TYPE, APIError, APIStatusError, StreamClosedError

from .records import Event

if TYPE_CHECKING:
    from tailrace.aio.client import AsyncAnthropic

Source = Callable[[Event, Sequence[Event]], AsyncIterator[Event]]
"""`source(params, so_far)`: the events after `so_far`, up to and including `message_stop`.

It raises where the reply cannot be completed. It is closed (`aclose`) when nobody wants the rest.
"""


class Claude:
    """The source that asks Claude, through `client`, or one made from the environment when needed.

    `close` closes the client it made; one that was given is left open.
    """

    def __init__(self, client: AsyncAnthropic | None = None) -> None:
        self._given = client
        self._made: AsyncAnthropic | None = None

    async def __call__(self, params: Event, so_far: Sequence[Event]) -> AsyncIterator[Event]:
        """Ask; raises `ValueError` where there are events already."""
        if so_far:
            raise ValueError("Claude cannot resume a reply: on_crash must be interrupt or restart")
        arguments: dict[str, Any] = {name: params[name] for name in params if name != "stream"}
        stream = await self._client().messages.create(stream=True, **arguments)
        try:
            async for event in stream:
                yield cast("Event", event)
        finally:
            await stream.close()

    def _client(self) -> AsyncAnthropic:
        if self._given is None and self._made is None:
            from tailrace.aio.client import AsyncAnthropic

            self._made = AsyncAnthropic()
        return cast("AsyncAnthropic", self._given or self._made)

    async def close(self) -> None:
        """Close the client that was made, if any."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()


def error_object(error: BaseException) -> Event:
    """An exception as the API's error object, with the HTTP status it would have come with.

    Only the API's own words and those of this library are quoted, never another exception's.
    """
    if isinstance(error, APIStatusError):
        status = error.status_code
        if status < 400:  # an `error` event after a 200
            status = STATUS_OF_TYPE.get(error.type or "", 500)
        return _error(error.type or "api_error", error.api_message or "the API failed", status)
    if isinstance(error, (APIError, StreamClosedError)):
        return _error("api_error", str(error), 502)
    if isinstance(error, (TypeError, ValueError)):
        return _error("invalid_request_error", str(error), 400)
    return _error("api_error", f"the relay failed: {type(error).__name__}", 500)


def _error(kind: str, message: str, status: int) -> Event:
    return {"type": kind, "message": message, "status": status}
