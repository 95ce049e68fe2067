"""A back end for the AI SDK's `useChat`.

    POST {path}                       ask; the answer is a UI message stream
    GET  {path}/{chat}/stream         the newest answer again, whole; 204 if there is nothing to see
    POST {path}/{chat}/stop           stop it, wherever it is produced

Theory of operation. Which generation a chat is at stands in a log of the journal: every question
appends the new id. Nothing is ever cleared, so there is no race between a finish and a reload: an
answer that ended less than `grace` seconds ago is replayed, for the page that was loading
meanwhile; an older one is in the application's own database by then.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from tailrace.core.accumulate import Accumulator
from tailrace.core.content import Message

from .asgi import Departure, Header, Receive, Scope, Send, answer, start_stream
from .cursors import AT_END, Cursor
from .endpoint import Endpoint, cursor_of, headers_of
from .errors import GenerationEndedError, GenerationNotFoundError, RelayError
from .generation import Generation
from .guard import check_json, check_origin, invalid
from .ids import chat_key
from .journal import Journal, Offset, new_epoch
from .records import Event
from .ui import HEADERS, UIDialect

if TYPE_CHECKING:
    from .relay import Relay

log = logging.getLogger("tailrace.relay")

_MOST_POINTERS = 20
_DAY = 86_400.0


class Ended(msgspec.Struct, frozen=True):
    """What `on_end` is told: a chat's answer is over.

    `end` is `"done"`, `"error"`, `"cancelled"` or `"interrupted"`; `message` is the answer, as far
    as it came unless `end` is `"done"`, and `None` if nothing had come.
    """

    owner: str
    chat: str
    generation: str
    end: str
    message: Message | None


Ask = Callable[[Event, str], Event | Awaitable[Event]]
"""From the request's body and the owner to parameters of the Messages API."""
OnEnd = Callable[[Ended], object]


class Pointers:
    """Which generation a chat is at."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def newest(self, key: str) -> str | None:
        """The id of the newest generation."""
        entries = await self._journal.read(key, None)
        return entries[-1].data.decode() if entries else None

    async def point(self, key: str, id: str) -> None:  # noqa: A002 - what it is
        """Make a generation the newest."""
        while True:
            entries = await self._journal.read(key, None)
            if len(entries) >= _MOST_POINTERS:
                await self._journal.drop(key)
                entries = []
            last = entries[-1].at if entries else None
            at = Offset(new_epoch(last, time.time(), 0), 0)
            if await self._journal.append(key, last, at, id.encode(), keep=_DAY) == at:
                return


class Chat(Endpoint):
    """The three endpoints."""

    def __init__(
        self,
        relay: Relay,
        ask: Ask,
        *,
        on_end: OnEnd | None,
        grace: float,
        **options: Any,
    ) -> None:
        super().__init__(relay, **options)
        self._ask = ask
        self._on_end = on_end
        self._grace = grace
        self._pointers = Pointers(relay.journal)

    def _route(
        self, scope: Scope, receive: Receive, send: Send, method: str, path: str
    ) -> Awaitable[None]:
        chat = scope.get("path_params", {}).get("chat")
        if method != "POST":
            return self._again(scope, receive, send, str(chat))
        if chat is None:
            return self._answer(scope, receive, send)
        return self._stop(scope, send, str(chat))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        check_origin(headers, self._origins)
        check_json(headers)
        owner = await self._who(scope)
        body = await self._json(receive)
        chat = body.get("id")
        if not isinstance(chat, str) or not chat or len(chat) > 200:
            raise invalid("id: the chat's id must be a string of at most 200 characters")
        try:
            params = self._ask(body, owner)
            params = await params if inspect.isawaitable(params) else params
        except ValueError as error:
            raise invalid(str(error)) from error
        key = headers.get("idempotency-key")
        generation = await self._relay.start(params, key=key, owner=owner)
        if generation.created:
            secret = await self._relay.secret()
            await self._pointers.point(chat_key(secret, owner, chat), generation.id)
            if self._on_end is not None:
                self._relay.spawn(self._tell(generation, owner, chat, self._on_end))
        here = str(scope["path"]).rstrip("/")
        location = f"{here}/{quote(chat, safe='')}/stream".encode("ascii")
        await self._play(generation, owner, None, receive, send, ((b"location", location),))

    async def _again(self, scope: Scope, receive: Receive, send: Send, chat: str) -> None:
        owner = await self._who(scope)
        after = cursor_of(headers_of(scope).get("last-event-id", ""))
        generation = None if after is AT_END else await self._newest(owner, chat)
        if generation is None or await generation.ended_before(time.time() - self._grace):
            await answer(send, 204)
            return
        await self._play(generation, owner, after, receive, send)

    async def _stop(self, scope: Scope, send: Send, chat: str) -> None:
        check_origin(headers_of(scope), self._origins)
        owner = await self._who(scope)
        generation = await self._newest(owner, chat)
        if generation is None:
            raise GenerationNotFoundError("there is no such generation")
        await answer(send, 200, {"cancelled": await generation.cancel()})

    async def _newest(self, owner: str, chat: str) -> Generation | None:
        secret = await self._relay.secret()
        found = await self._pointers.newest(chat_key(secret, owner, chat))
        if found is None:
            return None
        generation = await self._relay.find(found, owner=owner)
        return generation if await generation.exists() else None

    async def _play(
        self,
        generation: Generation,
        owner: str,
        after: Cursor | None,
        receive: Receive,
        send: Send,
        headers: Iterable[Header] = (),
    ) -> None:
        follower = self._follow(generation, owner)
        departure = Departure(receive)
        try:
            await follower.seek(after)
            named = [*HEADERS, (b"relay-id", generation.id.encode()), *headers]
            await start_stream(send, named)
            await self._show(follower, UIDialect, send, departure)
        finally:
            departure.close()
            await self._leave(follower, owner, generation if departure.left else None)

    async def _tell(self, generation: Generation, owner: str, chat: str, on_end: OnEnd) -> None:
        """Follow to the end, and say what came of it."""
        accumulator, how = Accumulator(), "done"
        try:
            async for event in generation.follow():
                accumulator.apply(event)
            accumulator.finish()
        except GenerationEndedError as error:
            how = error.end
        except RelayError:
            how = "interrupted"
        try:
            told = on_end(Ended(owner, chat, generation.id, how, accumulator.snapshot()))
            if inspect.isawaitable(told):
                await told
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("on_end failed")
