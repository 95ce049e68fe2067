"""A Claude endpoint that can be left and come back to, as a raw ASGI application.

    POST   /v1/messages               as the API's; Location says where it can be followed
    GET    /v1/messages/{id}          follow it: ?format=, and Last-Event-ID or ?after=
    DELETE /v1/messages/{id}          cancel it (also POST …/cancel)
    GET    /relay.js                  a fetch() that heals its own connections
    GET    /healthz, /readyz          for load balancers

The official SDKs use it unmodified, with its address as their base URL. The key of the upstream is
the server's; what clients send as theirs is not looked at. `Idempotency-Key` makes repeated POSTs
one generation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs

from .asgi import (
    BodyTooLargeError,
    ClientLeftError,
    Departure,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    break_off,
    read_body,
    start_stream,
)
from .cursors import AT_END, Cursor, parse_cursor
from .dialects import Dialect
from .errors import (
    DrainingError,
    GenerationEndedError,
    GenerationGoneError,
    GenerationNotFoundError,
    RelayError,
    RewoundError,
    TooManyError,
)
from .generation import Follower, Generation
from .guard import Limits, Refusal, check_json, check_origin, invalid, json_object
from .journal import END, JournalUnavailableError, Offset
from .records import ERROR, Event, is_claim
from .show import show
from .signals import break_on_signals
from .tail import Tail
from .ui import DIALECTS

if TYPE_CHECKING:
    from .relay import Relay

OnDisconnect = Literal["detach", "cancel"]
Owner = Callable[[Scope], Awaitable[str | None]]

_RETRY_LATER = ((b"retry-after", b"1"),)
_BACK_SOON = 2000


class Endpoint:
    """The application. `owner` gives the owner of a request, `None` to refuse it with a 401.

    `patience` is how long a POST waits for the first event before it answers 200, in seconds: an
    error that comes sooner has its own status, a later one is in the stream. `spread` is the time
    over which viewers are sent away by a drain.
    """

    def __init__(
        self,
        relay: Relay,
        owner: Owner,
        *,
        limits: Limits,
        origins: Collection[str],
        on_disconnect: OnDisconnect,
        owner_viewers: int,
        patience: float = 5.0,
        spread: float = 1.5,
    ) -> None:
        self._relay = relay
        self._owner = owner
        self._limits = limits
        self._origins = origins
        self._on_disconnect = on_disconnect
        self._owner_viewers = owner_viewers
        self._patience = patience
        self._spread = spread
        self._viewers: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"the relay answers HTTP, not {scope['type']}")
        break_on_signals(self._relay)
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
        try:
            await self._route(scope, receive, send, str(scope["method"]), path)
        except Refusal as refusal:
            await answer_error(send, refusal.status, refusal.kind, refusal.message)
        except GenerationNotFoundError as error:
            await answer_error(send, 404, "not_found_error", str(error))
        except GenerationGoneError as error:
            await answer_error(send, 410, "not_found_error", str(error))
        except RewoundError as error:
            await answer_error(send, 409, "conflict_error", str(error))
        except TooManyError as error:
            await answer_error(send, 429, "rate_limit_error", str(error), headers=_RETRY_LATER)
        except (DrainingError, JournalUnavailableError):
            text = "the relay cannot take this now; try again"
            await answer_error(send, 503, "overloaded_error", text, headers=_RETRY_LATER)
        except ClientLeftError:
            pass

    # What leads to a viewer's loop is no coroutine where it need not be: each that waits beneath
    # another takes half a kilobyte for as long as the viewer stays.

    def _route(
        self, scope: Scope, receive: Receive, send: Send, method: str, path: str
    ) -> Awaitable[None]:
        match method, path.strip("/").split("/"):
            case "POST", ["v1", "messages"]:
                return self._post(scope, receive, send)
            case "GET", ["v1", "messages", id_]:
                return self._get(scope, receive, send, id_)
            case ("DELETE", ["v1", "messages", id_]) | ("POST", ["v1", "messages", id_, "cancel"]):
                return self._cancel(scope, send, id_)
            case "GET", ["relay.js"]:
                script = (Path(__file__).parent / "relay.js").read_bytes()
                return answer(send, 200, script, content_type=b"text/javascript; charset=utf-8")
            case "GET", ["healthz"]:
                return answer(send, 200, {"ok": True})
            case "GET", ["readyz"]:
                ready = not self._relay.draining.is_set()
                return answer(send, 200 if ready else 503, {"ready": ready})
            case _:
                raise Refusal(404, "not_found_error", "there is nothing here")

    async def _who(self, scope: Scope) -> str:
        owner = await self._owner(scope)
        if not owner:
            raise Refusal(401, "authentication_error", "this needs a session")
        return owner

    async def _body(self, receive: Receive) -> bytes:
        try:
            return await read_body(receive, self._limits.max_body)
        except BodyTooLargeError:
            raise Refusal(413, "request_too_large", "the request body is too large") from None

    async def _json(self, receive: Receive) -> Event:
        return json_object(await self._body(receive))

    # -- starting ------------------------------------------------------------------------------

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        check_origin(headers, self._origins)
        check_json(headers)
        owner = await self._who(scope)
        params = self._limits.check(await self._body(receive))
        generation = await self._relay.start(
            params, key=headers.get("idempotency-key"), owner=owner
        )
        if params.get("stream") is not True:
            await self._whole(generation, send)
            return
        follower = self._follow(generation, owner)
        departure = Departure(receive)
        try:
            await self._stream(scope, send, generation, follower, departure)
        finally:
            departure.close()
            await self._leave(follower, owner, generation if departure.left else None)

    async def _stream(
        self,
        scope: Scope,
        send: Send,
        generation: Generation,
        follower: Follower,
        departure: Departure,
    ) -> None:
        await follower.seek(None)
        failure = await self._first(follower, departure)
        if failure is not None:
            raise failure
        if not departure.left:
            location = f"{scope.get('root_path', '')}/v1/messages/{generation.id}".encode()
            named = [
                (b"location", location),
                (b"relay-id", generation.id.encode()),
                (b"request-id", f"relay_{generation.id}".encode()),
            ]
            await start_stream(send, named)
            await self._show(follower, DIALECTS["anthropic"], send, departure)

    async def _first(self, follower: Follower, departure: Departure) -> Refusal | None:
        """Wait a little for the first event, so that an early error can have its own status."""
        tail = follower.tail
        clock = asyncio.get_running_loop().time
        until = clock() + self._patience
        while not _begun(tail) and not tail.gone and not departure.left:
            left = until - clock()
            if left <= 0:
                return None
            future = tail.grown()
            timer = asyncio.get_running_loop().call_later(left, _settle, future)
            try:
                await departure.unless_left(future)
            finally:
                timer.cancel()
        end = tail.end
        if end is None or end.end != ERROR or _begun(tail) != END or end.events:
            return None
        error = end.error or {}
        status = error.get("status")
        kind, text = error.get("type"), error.get("message")
        return Refusal(status if isinstance(status, int) else 500, str(kind), str(text))

    async def _whole(self, generation: Generation, send: Send) -> None:
        """A request without `stream`: the message, when it is complete."""
        named = ((b"relay-id", generation.id.encode()),)
        try:
            message = await generation.message()
        except GenerationEndedError as error:
            found = error.error or {}
            status, kind = found.get("status", 500), str(found.get("type", "api_error"))
            await answer_error(send, status, kind, str(error), headers=named)
        else:
            await answer(send, 200, message, headers=named)

    # -- following -----------------------------------------------------------------------------

    async def _get(self, scope: Scope, receive: Receive, send: Send, id_: str) -> None:
        owner = await self._who(scope)
        make, after = _asked(scope)
        if after is AT_END:
            await answer(send, 204)
            return
        if self._relay.draining.is_set():
            await break_off(send, retry=_BACK_SOON)
            return
        try:
            follower = self._follow(await self._relay.find(id_, owner=owner), owner)
        except JournalUnavailableError:
            await break_off(send, retry=_BACK_SOON)
            return
        departure = Departure(receive)
        try:
            await self._begin(follower, make(), after, send)
            await self._show(follower, make, send, departure)
        except JournalUnavailableError:
            await break_off(send, retry=_BACK_SOON)
        finally:
            departure.close()
            await self._leave(follower, owner, None)

    async def _begin(
        self, follower: Follower, dialect: Dialect, after: Cursor | None, send: Send
    ) -> None:
        """Go to the place that was asked for, or say that it is gone, and begin the stream."""
        try:
            await follower.seek(after)
        except RewoundError:
            if dialect.reset is None:
                raise
            await start_stream(send, dialect.headers)
            await send({"type": "http.response.body", "body": dialect.reset, "more_body": True})
        else:
            await start_stream(send, dialect.headers)

    def _show(
        self, follower: Follower, make: Callable[[], Dialect], send: Send, departure: Departure
    ) -> Awaitable[None]:
        return show(
            follower,
            make,
            send,
            departure,
            draining=self._relay.draining,
            spread=self._spread,
            metrics=self._relay.metrics,
        )

    def _follow(self, generation: Generation, owner: str) -> Follower:
        if self._viewers[owner] >= self._owner_viewers:
            raise TooManyError(f"an owner may have {self._owner_viewers} viewers at once")
        self._viewers[owner] += 1
        return generation.follower()

    async def _leave(self, follower: Follower, owner: str, abandoned: Generation | None) -> None:
        self._viewers[owner] -= 1
        if not self._viewers[owner]:
            del self._viewers[owner]
        alone = follower.tail.followers == 1
        follower.close()
        if abandoned is not None and alone and self._on_disconnect == "cancel":
            try:
                await abandoned.cancel()
            except (RelayError, JournalUnavailableError):
                return

    # -- cancelling ----------------------------------------------------------------------------

    async def _cancel(self, scope: Scope, send: Send, id_: str) -> None:
        check_origin(headers_of(scope), self._origins)
        owner = await self._who(scope)
        generation = await self._relay.find(id_, owner=owner)
        cancelled = await generation.cancel()
        await answer(send, 200, {"id": id_, "cancelled": cancelled})


def _begun(tail: Tail) -> Offset | None:
    """Where the reply begins: the first entry that is no claim."""
    return next((entry.at for entry in tail.entries if not is_claim(entry.data)), None)


def _asked(scope: Scope) -> tuple[Callable[[], Dialect], Cursor | None]:
    """The dialect and the place that a reader asks for."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    make = DIALECTS.get(query.get("format", ["anthropic"])[0])
    if make is None:
        raise invalid(f"format must be one of {', '.join(DIALECTS)}")
    return make, cursor_of(headers_of(scope).get("last-event-id") or query.get("after", [""])[0])


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers by their lower-case names."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def cursor_of(text: str) -> Cursor | None:
    """The cursor a request names. Raises `Refusal` where it is none."""
    try:
        return parse_cursor(text) if text else None
    except ValueError as error:
        raise invalid(str(error)) from None


def _settle(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
