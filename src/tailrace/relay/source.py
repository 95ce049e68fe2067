"""Where the events of a generation come from.

A source is a function from request parameters, and the events there are already, to the events
that follow: data, not a closure, so that another process can go on with it. `Claude` is the one
that asks Claude; what that means where there are events already stands in `continuing`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from tailrace.core.errors import STATUS_OF_TYPE, APIError, APIStatusError, StreamClosedError

from .continuing import Rest, beginning
from .records import Event, failure

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

    def refuses(self, params: Event, so_far: Sequence[Event]) -> str | None:
        """Why Claude cannot go on from these events; `None` if it can be asked to."""
        try:
            beginning(params, so_far)
        except ValueError as error:
            return str(error)
        return None

    async def __call__(self, params: Event, so_far: Sequence[Event]) -> AsyncIterator[Event]:
        """Ask, or ask to go on; raises `ValueError` where `refuses` says why not."""
        begun = beginning(params, so_far) if so_far else None
        if begun is None:
            async with aclosing(self._ask(params)) as events:
                async for event in events:
                    yield event
        elif begun.going_on is not None:
            rest = Rest(begun.message, begun.going_on)
            async with aclosing(self._ask(begun.going_on.body)) as events:
                async for event in events:
                    for rewritten in rest.of(event):
                        yield rewritten

    async def _ask(self, params: Event) -> AsyncGenerator[Event]:
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
        return failure(error.api_message or "the API failed", error.type or "api_error", status)
    if isinstance(error, (APIError, StreamClosedError)):
        return failure(str(error), status=502)
    if isinstance(error, (TypeError, ValueError)):
        return failure(str(error), "invalid_request_error", 400)
    return failure(f"the relay failed: {type(error).__name__}")
