"""The relay: starts generations, finds them again, and takes over where a producer died.

Theory of operation. Everything durable is in the journal; a relay is one process's view of it: a
hub for reading, and the productions that run here. Starting is one compare-and-append of a claim:
who gets it in produces, everyone else follows. There is no sweeper: a log without an end and
without a lease is repaired by the first who reads it, as its claim says (`on_crash`):

- `"interrupt"`: close it as interrupted; what there is stays, marked as incomplete;
- `"restart"`: claim it and ask again; what there was is void (bills twice);
- `"continue"`: claim it and go on from its events, for sources that can.

A drain lets generations run to their end for a while, then interrupts them in good order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from .addresses import open_journal
from .errors import DrainingError, GenerationNotFoundError, TooManyError
from .generation import Generation
from .ids import is_ours, keyed_id, log_key, seal_id
from .journal import END, Entry, Journal, JournalUnavailableError, Offset, new_epoch
from .measured import MeasuredJournal
from .metrics import Metrics
from .production import Production, Tempo
from .records import (
    INTERRUPTED,
    Claim,
    End,
    Event,
    current,
    encode_record,
    events_of,
    first_claim,
)
from .source import Claude, Source
from .tail import Hub, Pulse, Tail
from .writer import OvertakenError, Writer

if TYPE_CHECKING:
    from starlette.routing import Route

    from tailrace.aio.client import AsyncAnthropic

    from .chat import Ask, OnEnd
    from .endpoint import Endpoint
    from .exposition import MetricsApp
    from .starlette import OwnerOf

log = logging.getLogger("tailrace.relay")

OnCrash = Literal["interrupt", "restart", "continue"]

_SECRET_KEY = "secret"  # noqa: S105 - the name of a log
_SECRET_PLACE = Offset(1, 0)
_TEN_YEARS = 10 * 365 * 86_400.0
_TRIES = 3
_RETRY_SECONDS = 0.2


class Relay:
    """Generations that outlive the connections, pages and processes that follow them.

    `where` is an address as `addresses.open_journal` takes it, or a `Journal`. `client` asks Claude
    (made from the environment if not given); `source` replaces it. `secret` makes ids and log
    keys; by default one is made and kept in the journal, which all processes then share. `tempo`
    and `pulse` are the times and sizes of writing and following, `heartbeat` the seconds between
    signs of life to viewers. `owner_generations` bounds how many one owner may run in this process.

    Use one relay per process and event loop; `await close()` it, or use `async with`.
    """

    def __init__(
        self,
        where: str | Path | Journal | None = None,
        *,
        client: AsyncAnthropic | None = None,
        source: Source | None = None,
        secret: bytes | str | None = None,
        on_crash: OnCrash = "interrupt",
        store_request: bool = True,
        owner_generations: int = 100,
        heartbeat: float = 10.0,
        tempo: Tempo | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        address = where is None or isinstance(where, (str, Path))
        opened = open_journal(cast("str | Path | None", where)) if address else where
        self.metrics = Metrics()
        """What happened here since the relay was made."""
        self.journal: Journal = MeasuredJournal(cast("Journal", opened), self.metrics)
        if on_crash != "interrupt" and not store_request:
            raise ValueError(f"on_crash={on_crash!r} needs the request, so store_request=True")
        self.tempo = tempo or Tempo()
        self.heartbeat = heartbeat
        self.draining = asyncio.Event()
        """Set when this process is about to stop."""
        self.hub = Hub(self.journal, self._recover, pulse=pulse or Pulse(), heartbeat=heartbeat)
        self.hooked = False
        """Whether the process's signals begin a drain."""
        self._claude = Claude(client) if source is None else None
        self._source: Source = cast("Source", source or self._claude)
        self._secret = secret.encode() if isinstance(secret, str) else secret
        self._on_crash: OnCrash = on_crash
        self._store_request = store_request
        self._owner_generations = owner_generations
        self._running: dict[str, tuple[Production, asyncio.Task[None]]] = {}
        self._owners: Counter[str] = Counter()
        self._beating: asyncio.Task[None] | None = None
        self._spawned: set[asyncio.Task[None]] = set()

    # -- generations ---------------------------------------------------------------------------

    async def start(
        self,
        params: Mapping[str, Any],
        *,
        key: object = None,
        owner: str = "",
        on_crash: OnCrash | None = None,
    ) -> Generation:
        """Ask Claude, unless this was asked before: the Messages API's parameters in, a handle out.

        With `key` (anything whose `repr` says what it is: a string, a tuple of them), all starts of
        one owner and key, in whatever process, are one generation. Raises `DrainingError`,
        `TooManyError`, and `JournalUnavailableError`.
        """
        if self.draining.is_set():
            raise DrainingError("this process is about to stop")
        if self._owners[owner] >= self._owner_generations:
            raise TooManyError(f"an owner may run {self._owner_generations} generations at once")
        secret = await self.secret()
        if key is None:
            id = seal_id(secret, owner, secrets.token_bytes(16))  # noqa: A001
        else:
            id = keyed_id(secret, owner, key if isinstance(key, str) else repr(key))  # noqa: A001
        place = log_key(secret, owner, id)
        policy = on_crash or self._on_crash
        claim = Claim(params=dict(params) if self._store_request else None, on_crash=policy)
        writer = self._writer(place, None)
        created = await self._claim(writer, claim)
        if created:
            self.metrics.started += 1
            self._produce(place, writer, self._source(dict(params), ()), owner)
        return self._handle(id, owner, place, created=created)

    async def find(self, id: str, *, owner: str = "") -> Generation:  # noqa: A002
        """The handle of a generation by its id, as any process can have it.

        Raises `GenerationNotFoundError` for an id the relay has not made for this owner. Whether
        its log is still there shows when it is used.
        """
        secret = await self.secret()
        if not is_ours(secret, owner, id):
            raise GenerationNotFoundError("there is no such generation")
        return self._handle(id, owner, log_key(secret, owner, id))

    def _handle(self, id: str, owner: str, place: str, *, created: bool = False) -> Generation:  # noqa: A002
        return Generation(
            id,
            owner,
            key=place,
            journal=self.journal,
            hub=self.hub,
            tempo=self.tempo,
            created=created,
        )

    async def secret(self) -> bytes:
        """The relay's secret: the one given, or the one in the journal, made by who came first."""
        if self._secret is None:
            made = secrets.token_bytes(32)
            await self.journal.append(_SECRET_KEY, None, _SECRET_PLACE, made, keep=_TEN_YEARS)
            self._secret = (await self.journal.read(_SECRET_KEY, None, limit=1))[0].data
        return self._secret

    # -- producing -----------------------------------------------------------------------------

    def _writer(self, place: str, found: list[Entry] | None) -> Writer:
        last = found[-1].at if found else None
        epoch = new_epoch(last, time.time(), secrets.randbits(16))
        keep, lease = self.tempo.keep_running, self.tempo.lease
        return Writer(self.journal, place, epoch, found=found or (), keep=keep, lease=lease)

    async def _claim(self, writer: Writer, claim: Claim) -> bool:
        """Try to become the producer."""
        writer.add(encode_record(claim))
        for left in reversed(range(_TRIES)):
            try:
                await writer.store()
                return True
            except OvertakenError:
                return False
            except JournalUnavailableError:
                if not left:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
        raise AssertionError("the last try returns or raises")

    def _produce(
        self,
        place: str,
        writer: Writer,
        events: AsyncIterator[Event],
        owner: str | None,
        *,
        stopped: bool = False,
    ) -> None:
        by = secrets.token_hex(8)
        production = Production(
            self.journal, place, writer, events, tempo=self.tempo, by=by, stopped=stopped
        )
        task = asyncio.create_task(self._run(production, owner))
        self._running[place] = (production, task)
        if owner is not None:
            self._owners[owner] += 1
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())

    async def _run(self, production: Production, owner: str | None) -> None:
        try:
            end = await production.run()
            self.metrics.ended["overtaken" if end is None else end.end] += 1
        except Exception:
            self.metrics.ended["failed"] += 1
            log.exception("a production of the relay failed")
        finally:
            running = self._running.get(production.key)
            if running is not None and running[0] is production:
                del self._running[production.key]
            if owner is not None:
                self._owners[owner] -= 1
                self._owners += Counter()  # forgets owners that have none

    async def _beat(self) -> None:
        """Renew the leases and the time of the logs that are written here."""
        tempo = self.tempo
        while self._running:
            await asyncio.sleep(tempo.lease / 3)
            places = list(self._running)
            renewals = [self.journal.lease(place, tempo.lease) for place in places]
            renewals += [self.journal.expire(place, tempo.keep_running) for place in places]
            await asyncio.gather(*renewals, return_exceptions=True)

    # -- recovery ------------------------------------------------------------------------------

    async def _recover(self, tail: Tail) -> None:
        """Repair a log whose producer is dead, unless somebody else has."""
        place = tail.key
        if place in self._running:
            return
        found = await self._read_all(place)
        claim = first_claim(found)
        if claim is None or found[-1].at == END:
            return
        policy = claim.on_crash if claim.params is not None else "interrupt"
        log.info("the producer of a generation is gone; policy %s", policy)
        if policy == "interrupt" or self.draining.is_set():
            end = End(INTERRUPTED, found[-1].at, by=secrets.token_hex(8), when=time.time())
            keep = self.tempo.keep_ended
            last = await self.journal.append(
                place, found[-1].at, END, encode_record(end), keep=keep
            )
            self.metrics.recoveries["interrupted" if last == END else "lost"] += 1
            return
        restart = policy == "restart"
        writer = self._writer(place, found)
        again = Claim(prev=found[-1].at, on_crash=policy, restart=restart)
        if not await self._claim(writer, again):
            self.metrics.recoveries["lost"] += 1
        else:
            self.metrics.recoveries["restarted" if restart else "continued"] += 1
            so_far = [] if restart else events_of(current(found))
            stopped = any(event.get("type") == "message_stop" for event in so_far)
            events = self._source(dict(claim.params or {}), so_far)
            self._produce(place, writer, events, None, stopped=stopped)

    async def _read_all(self, place: str) -> list[Entry]:
        found: list[Entry] = []
        while more := await self.journal.read(place, found[-1].at if found else None):
            found += more
        return found

    # -- on the web ----------------------------------------------------------------------------

    def app(self, *, owner: OwnerOf, **options: Any) -> Endpoint:
        """A resumable Claude endpoint, to be mounted: `app.mount("/claude", relay.app(owner=…))`.

        `owner` is given each request and says whose it is; generations are visible to their owner
        alone. Options: `limits` (a `guard.Limits`: parameters, models, tokens), `origins` (whose
        pages may call it besides its own), `on_disconnect` (`"detach"`, or `"cancel"` to cancel
        when the last viewer here leaves), `owner_viewers`, `patience` and `spread` (as in
        `endpoint.Endpoint`). Needs Starlette.
        """
        from .starlette import messages_app

        return messages_app(self, owner, **options)

    def chat(
        self,
        path: str,
        ask: Ask,
        *,
        owner: OwnerOf,
        on_end: OnEnd | None = None,
        grace: float = 15.0,
        **options: Any,
    ) -> list[Route]:
        """Routes of a back end for `useChat`: `app.routes.extend(relay.chat("/api/chat", …))`.

        `ask` makes the Messages API's parameters from the request's body and the owner; a
        `ValueError` of it is a 400. `on_end` is called once with an `Ended`, in the process that
        took the question, after the answer is over, however it ended. For `grace` seconds after
        that a reload still replays the answer. Options as for `app`. Needs Starlette.
        """
        from .starlette import chat_routes

        return chat_routes(self, path, ask, owner, on_end=on_end, grace=grace, **options)

    def metrics_app(self, *, token: str | None) -> MetricsApp:
        """The metrics for Prometheus, to be mounted: `app.mount("/metrics", relay.metrics_app(…))`.

        Whoever reads them must send `token` as `Authorization: Bearer`. With `None` there is no
        such check: then serve them on a port or path that only Prometheus reaches.
        """
        from .exposition import MetricsApp

        return MetricsApp(self, token)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something until it is done or the relay is closed; a drain waits for it."""
        task = asyncio.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    # -- the end -------------------------------------------------------------------------------

    @property
    def running(self) -> int:
        """How many generations are produced in this process."""
        return len(self._running)

    def begin_drain(self) -> None:
        """Start nothing new, and send viewers elsewhere; what runs goes on."""
        self.draining.set()
        self.hub.wake_all()

    async def drain(self, seconds: float = 20.0) -> None:
        """Start nothing new, send viewers elsewhere, and let generations end.

        Those that have not after `seconds` are ended as interrupted.
        """
        self.begin_drain()
        tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for production, _ in list(self._running.values()):
            production.interrupt()
        tasks += self._spawned
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)

    async def close(self) -> None:
        """Stop at once: generations that run here count as crashed. `drain` first to end well."""
        self.draining.set()
        tasks = [*(task for _, task in self._running.values()), *self._spawned]
        if self._beating is not None:
            tasks.append(self._beating)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.hub.close()
        await self.journal.close()
        if self._claude is not None:
            await self._claude.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None]:
        """For `FastAPI(lifespan=relay.lifespan)`: drains when the server shuts down."""
        del app
        try:
            yield
        finally:
            with suppress(JournalUnavailableError):
                await self.drain()
            await self.close()
