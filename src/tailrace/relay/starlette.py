"""The relay in a Starlette or FastAPI application.

`messages_app` is what `relay.app(owner=…)` gives: mount it. `StreamingText` and `EventSourceStream`
are responses for those who want no more than to stream one reply to one client, without a journal:
right headers, heartbeats, the upstream closed as soon as the client leaves (also while the first
token is awaited), and no polite end where the reply was cut.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .asgi import Scope
from .chat import Ask, Chat, OnEnd
from .endpoint import Endpoint, OnDisconnect
from .guard import Limits
from .plain import play_events, play_text

if TYPE_CHECKING:
    from starlette.types import Receive as StarletteReceive
    from starlette.types import Scope as StarletteScope
    from starlette.types import Send as StarletteSend

    from .relay import Relay

OwnerOf = Callable[[Request], str | Awaitable[str | None] | None]
"""Whose request it is; `None` refuses it. It may raise an `HTTPException`."""


def ask_owner(owner: OwnerOf) -> Callable[[Scope], Awaitable[str | None]]:
    """An owner function of requests as one of ASGI scopes."""

    async def ask(scope: Scope) -> str | None:
        found = owner(Request(scope))
        return await found if inspect.isawaitable(found) else found

    return ask


def messages_app(
    relay: Relay,
    owner: OwnerOf,
    *,
    limits: Limits | None = None,
    origins: Collection[str] = (),
    on_disconnect: OnDisconnect = "detach",
    owner_viewers: int = 100,
    patience: float = 5.0,
    spread: float = 1.5,
) -> Endpoint:
    """The endpoint of `relay.app`; see `endpoint.Endpoint`."""
    return Endpoint(
        relay,
        ask_owner(owner),
        limits=limits or Limits(),
        origins=frozenset(origins),
        on_disconnect=on_disconnect,
        owner_viewers=owner_viewers,
        patience=patience,
        spread=spread,
    )


def chat_routes(
    relay: Relay,
    path: str,
    ask: Ask,
    owner: OwnerOf,
    *,
    on_end: OnEnd | None,
    grace: float,
    limits: Limits | None = None,
    origins: Collection[str] = (),
    on_disconnect: OnDisconnect = "detach",
    owner_viewers: int = 100,
    spread: float = 1.5,
) -> list[Route]:
    """The routes of `relay.chat`; see `chat.Chat`."""
    app = Chat(
        relay,
        ask,
        on_end=on_end,
        grace=grace,
        owner=ask_owner(owner),
        limits=limits or Limits(),
        origins=frozenset(origins),
        on_disconnect=on_disconnect,
        owner_viewers=owner_viewers,
        spread=spread,
    )
    ask_path = path.rstrip("/")
    return [
        Route(ask_path, app, methods=["POST"]),
        Route(ask_path + "/{chat}/stream", app, methods=["GET"]),
        Route(ask_path + "/{chat}/stop", app, methods=["POST"]),
    ]


class StreamingText(Response):
    """The text of one reply, as plain text.

    `stream` is what `client.messages.stream(…)` returns, entered or not, or any asynchronous
    iterator of strings or of events. An error before the first text is an error status with the
    API's error as JSON; one after it breaks the connection, since plain text has no other way to
    say that it is cut. The generation is closed when the client leaves.
    """

    media_type = "text/plain"

    def __init__(
        self, stream: Any, *, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status_code=status_code, headers=headers)
        self._stream = stream

    async def __call__(
        self, scope: StarletteScope, receive: StarletteReceive, send: StarletteSend
    ) -> None:
        """Play the stream."""
        await play_text(self._stream, receive, send, self.status_code, _own(self))


class EventSourceStream(Response):
    """One reply as server-sent events.

    `stream` is as for `StreamingText`, or an iterator of strings with `format="text"`. `format` is
    `"anthropic"` (Claude's own events, which the SDKs read) or `"text"` (each event's data a JSON
    string, then `event: end`, for `EventSource`). An error is told in the stream. Comments keep the
    connection alive every `heartbeat` seconds, from the first moment on.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: Any,
        *,
        format: str = "anthropic",  # noqa: A002 - the name the relay's URLs use
        heartbeat: float = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(headers=headers)
        self._stream = stream
        self._format = format
        self._heartbeat = heartbeat

    async def __call__(
        self, scope: StarletteScope, receive: StarletteReceive, send: StarletteSend
    ) -> None:
        """Play the stream."""
        await play_events(
            self._stream,
            receive,
            send,
            format=self._format,
            heartbeat=self._heartbeat,
            headers=_own(self),
        )


def _own(response: Response) -> list[tuple[bytes, bytes]]:
    """The headers the user gave, without those that do not fit a stream."""
    fixed = (b"content-length", b"content-type", b"cache-control")
    return [(name, value) for name, value in response.raw_headers if name not in fixed]
