"""The relay: starts generations, finds them again, and takes over where a producer died.

Theory of operation. Everything durable is in the journal; a relay is one process's view of it: a
hub for reading, and the productions that run here. Starting is one compare-and-append of a claim:
who gets it in produces, everyone else follows. There is no sweeper: a log without an end
and without a lease is repaired by the first who reads it, as its claim says (`on_crash`):

- `"interrupt"`: close it as interrupted; what there is stays, marked as incomplete;
- `"restart"`: claim it and ask again; what there was is void (bills twice);
- `"continue"`: claim it and go on from its events, where the source can (may bill twice).

With `workers=True` a claim is left for a worker to take over at once, in the same way.

A drain lets generations run to their end for a while, then interrupts them in good order.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from .addresses import open_journal
from .asgi import App, Receive, Scope, Send, answer
from .errors import DrainingError, GenerationNotFoundError, TooManyError
from .generation import Generation
from .ids import is_ours, keyed_id, log_key, seal_id
from .jobs import Jobs
from .journal import Journal, JournalUnavailableError, Offset
from .metrics import CONTENT_TYPE, MeasuredJournal, Metrics
from .producing import Producer
from .production import Tempo
from .records import Claim
from .recovery import Recovery
from .source import Claude, Source
from .tail import Hub, Pulse, Tail
from .writer import Writer

if TYPE_CHECKING:
    from starlette.routing import Route

    from tailrace.aio.client import AsyncAnthropic

    from .chat import Ask, OnEnd
    from .endpoint import Endpoint
    from .starlette import OwnerOf

OnCrash = Literal["interrupt", "restart", "continue"]

_SECRET_KEY = "secret"  # noqa: S105 - the name of a log
_SECRET_PLACE = Offset(1, 0)
_TEN_YEARS = 10 * 365 * 86_400.0


class Relay:
    """Generations that outlive the connections, pages and processes that follow them.

    `where` is an address as `addresses.open_journal` takes it, or a `Journal`. `client` asks Claude
    (made from the environment if not given); `source` replaces it. `secret` makes ids and log
    keys; by default one is made and kept in the journal, which all processes then share. `tempo`
    and `pulse` are the times and sizes of writing and following, `heartbeat` the seconds between
    signs of life to viewers. `owner_generations` bounds how many one owner may run in this process.

    With `workers=True` nothing is produced here: `tailrace relay worker` does it, in processes that
    open the same journal. A generation that none of them has taken `worker_wait` seconds after it
    was begun ends with an error, soon after.

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
        workers: bool = False,
        worker_wait: float = 10.0,
        owner_generations: int = 100,
        heartbeat: float = 10.0,
        tempo: Tempo | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        address = where is None or isinstance(where, (str, Path))
        opened = open_journal(cast("str | Path | None", where)) if address else where
        self.metrics = Metrics(
            running=lambda: len(self._running),
            viewers=lambda: self.hub.followers - len(self._counting),  # those are ourselves
            draining=lambda: self.draining.is_set(),
        )
        """What this relay counts: `metrics.text()` for Prometheus, `metrics.observe(meter)`."""
        self.journal: Journal = MeasuredJournal(cast("Journal", opened), self.metrics)
        if on_crash != "interrupt" and not store_request:
            raise ValueError(f"on_crash={on_crash!r} needs the request, so store_request=True")
        if workers and not store_request:
            raise ValueError("workers=True needs the request, so store_request=True")
        if worker_wait <= 0:
            raise ValueError(f"worker_wait must be positive, in seconds, not {worker_wait!r}")
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
        self._owners: Counter[str] = Counter()
        self._counting: set[asyncio.Task[None]] = set()
        self._workers = workers
        self._producer = Producer(self.journal, self.tempo, self.metrics)
        self._running = self._producer.running
        self.jobs = Jobs(self.journal)
        """What is to be produced by workers."""
        self.recovery = Recovery(
            self.journal,
            self._producer,
            self._source,
            tempo=self.tempo,
            metrics=self.metrics,
            jobs=self.jobs if workers else None,
            wait=worker_wait,
        )
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
        done = self._one_more(owner)  # at once: many may be starting at the same time
        try:
            generation = await self._start(params, key, owner, on_crash, done)
        except BaseException:
            done()
            raise
        if not generation.created:
            done()
        return generation

    async def _start(
        self,
        params: Mapping[str, Any],
        key: object,
        owner: str,
        on_crash: OnCrash | None,
        done: Callable[[], None],
    ) -> Generation:
        """`start`, once the owner may; `done` is called when the generation is over."""
        secret = await self.secret()
        if key is None:
            id = seal_id(secret, owner, secrets.token_bytes(16))  # noqa: A001
        else:
            id = keyed_id(secret, owner, key if isinstance(key, str) else repr(key))  # noqa: A001
        place = log_key(secret, owner, id)
        stored = dict(params) if self._store_request else None
        policy, queued = on_crash or self._on_crash, self._workers
        claim = Claim(params=stored, on_crash=policy, queued=queued)
        lease = self.recovery.question_lease if queued else None
        writer = self._producer.writer(place, None, lease=lease)
        created = await self._producer.claim(writer, claim)
        if created and queued:
            await self._leave_to_workers(place, writer, done)
        elif created:
            events = self._source(dict(params), ())
            self._producer.produce(place, writer, events, on_done=done)
        return self._handle(id, owner, place, created=created)

    async def _leave_to_workers(self, place: str, writer: Writer, done: Callable[[], None]) -> None:
        last = writer.last
        assert last is not None
        task = asyncio.create_task(self._count(self.hub.follow(place), done))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)
        with suppress(JournalUnavailableError):  # its log stands; `_count` has it asked again
            await self.recovery.ask_workers(place, last)

    async def _count(self, tail: Tail, done: Callable[[], None]) -> None:
        """Follow until a generation is over, for its owner's account; this also notices crashes."""
        try:
            while tail.end is None and not tail.gone:
                await tail.grown()
        finally:
            self.hub.leave(tail)
            self.recovery.forget(tail.key)
            done()

    def _one_more(self, owner: str) -> Callable[[], None]:
        """Count a generation of an owner, until what this returns is called, once or more often."""
        self._owners[owner] += 1
        counted = [owner]

        def done() -> None:
            if counted:
                self._owners[counted.pop()] -= 1
                self._owners += Counter()  # forgets owners that have none

        return done

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

    async def _recover(self, tail: Tail) -> None:
        """Repair a log whose producer is dead, unless somebody else has."""
        await self.recovery.repair(tail.key, draining=self.draining.is_set())

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

    def metrics_app(self) -> App:
        """An ASGI application that answers with the metrics in Prometheus' text format.

        It tells nobody's secrets, but how busy you are: mount it where only your scraper comes.
        """

        async def metrics_app(scope: Scope, receive: Receive, send: Send) -> None:
            del receive
            if scope["type"] != "http":
                raise RuntimeError(f"the metrics answer HTTP, not {scope['type']}")
            kind = CONTENT_TYPE.encode()
            await answer(send, 200, self.metrics.text().encode(), content_type=kind)

        return metrics_app

    def status_app(self) -> App:
        """An ASGI application with `/metrics`, `/healthz` and `/readyz`.

        For a process without a site; `app` has the latter two itself.
        """
        from .status import status_app

        return status_app(self)

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
        await self._producer.drain(seconds, self._spawned)

    async def close(self) -> None:
        """Stop at once: generations that run here count as crashed. `drain` first to end well."""
        self.draining.set()
        tasks = [*self._spawned, *self._counting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._producer.close()
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
