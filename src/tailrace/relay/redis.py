"""A journal in Redis or Valkey Streams, shared by any number of machines.

Theory of operation. A log is a stream whose entry ids are the offsets; compare-and-append is a
script of a few lines, run as one step by the server. Each entry's one field is named after its key,
so that an answer that got into the wrong hands is noticed and never shown.

Two connections, whatever the number of streams and readers. Callers put commands into a queue; one
task takes all that wait and sends them as one pipeline. The other connection subscribes to the
channels of watched logs; a message on it is only a hint, and after a reconnection every watcher is
woken. No caller ever touches a connection: a cancelled request cannot leave half an answer behind
for the next one, and since redis-py reconnects within any command, two callers that did so at once
would read each other's answers.

Used are `EVAL XADD XRANGE XREVRANGE PUBLISH SUBSCRIBE SET EXISTS PEXPIRE DEL`: Redis 5 and later,
Valkey. The server should have `appendonly yes` and `maxmemory-policy noeviction`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from .journal import Entry, JournalError, JournalUnavailableError, Offset, check_append
from .watchers import Watchers

log = logging.getLogger("tailrace.relay")

_APPEND = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local last = newest[1] and newest[1][1] or ''
if last ~= ARGV[1] then return last end
redis.call('XADD', KEYS[1], ARGV[2], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if ARGV[6] ~= '0' then redis.call('SET', KEYS[2], '1', 'PX', ARGV[6]) end
redis.call('PUBLISH', KEYS[1], '')
return ARGV[2]
"""

_RETRY_SECONDS = 0.2
_AGAIN_SECONDS = 0.05
_BATCH = 512


class _Command:
    __slots__ = ("args", "future")

    def __init__(self, args: tuple[Any, ...], future: asyncio.Future[Any]) -> None:
        self.args = args
        self.future = future


class RedisJournal:
    """A `Journal` on the server at `url`, as redis-py takes it (`redis://`, `rediss://`, `unix://`).

    `prefix` begins every key, so that several relays can share a server. `timeout` is how long one
    answer may take, in seconds, before the journal counts as unavailable.
    """

    def __init__(self, url: str, *, prefix: str = "relay", timeout: float = 5.0) -> None:
        self._prefix = prefix
        options: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 0),  # callers repeat: they know what they wanted
            "protocol": 2,
        }
        make = cast("Any", Redis).from_url
        self._client: Any = make(url, max_connections=1, **options)
        options["socket_timeout"] = None  # a subscriber waits for as long as it is quiet
        self._listening: Any = make(url, health_check_interval=10, **options)
        self._commands: list[_Command] = []
        self._waiting = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._connect_seconds = timeout
        self._watchers = Watchers()
        self._watched = asyncio.Event()

    # -- the journal ---------------------------------------------------------------------------

    async def append(
        self,
        key: str,
        after: Offset | None,
        at: Offset,
        data: bytes,
        *,
        keep: float,
        lease: float = 0.0,
    ) -> Offset | None:
        """As `Journal.append`."""
        check_append(after, at)
        keys = (self._log_key(key), self._lease_key(key))
        values = ("" if after is None else _id(after), _id(at), _tag(key), data)
        times = (_milliseconds(keep), _milliseconds(lease) if lease else 0)
        last = await self._send("EVAL", _APPEND, 2, *keys, *values, *times)
        return _offset(last) if last else None

    async def read(self, key: str, after: Offset | None, *, limit: int = 256) -> list[Entry]:
        """As `Journal.read`."""
        start = "-"
        if after is not None:
            later = _next(after)
            if later is None:
                return []
            start = _id(later)
        found = await self._send("XRANGE", self._log_key(key), start, "+", "COUNT", limit)
        return [Entry(_offset(at), _own(key, fields)) for at, fields in found or ()]

    @asynccontextmanager
    async def watch(self, key: str) -> AsyncGenerator[asyncio.Event]:
        """As `Journal.watch`."""
        event = self._watchers.add(key)
        self._watched.set()
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        try:
            yield event
        finally:
            self._watchers.remove(key, event)
            self._watched.set()

    async def lease(self, key: str, seconds: float) -> None:
        """As `Journal.lease`."""
        name = self._lease_key(key)
        if seconds > 0:
            await self._send("SET", name, "1", "PX", _milliseconds(seconds))
        else:
            await self._send("DEL", name)

    async def leased(self, key: str) -> bool:
        """As `Journal.leased`."""
        return bool(await self._send("EXISTS", self._lease_key(key)))

    async def expire(self, key: str, seconds: float) -> None:
        """As `Journal.expire`."""
        await self._send("PEXPIRE", self._log_key(key), _milliseconds(seconds))

    async def drop(self, key: str) -> None:
        """As `Journal.drop`."""
        await self._send("DEL", self._log_key(key), self._lease_key(key))
        await self._send("PUBLISH", self._log_key(key), "")

    async def close(self) -> None:
        """As `Journal.close`."""
        await _cancel(task for task in (self._worker, self._listener) if task is not None)
        self._worker = self._listener = None
        for command in self._commands:
            command.future.cancel()
        self._commands.clear()
        await self._client.aclose()
        await self._listening.aclose()

    @property
    def _hub(self) -> str:
        return f"{self._prefix}:hub"

    def _log_key(self, key: str) -> str:
        return f"{self._prefix}:{{{key}}}:log"  # the braces keep both keys in one cluster slot

    def _lease_key(self, key: str) -> str:
        return f"{self._prefix}:{{{key}}}:lease"

    # -- commands ------------------------------------------------------------------------------

    async def _send(self, *args: Any) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._commands.append(_Command(args, future))
        self._waiting.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        answer = await future
        if isinstance(answer, Exception):
            raise JournalUnavailableError(f"Redis journal: {answer}") from answer
        return answer

    async def _work(self) -> None:
        """Send what waits, as one pipeline, again and again."""
        while True:
            await self._waiting.wait()
            batch, self._commands = self._commands[:_BATCH], self._commands[_BATCH:]
            if not self._commands:
                self._waiting.clear()
            try:
                answers = await self._exchange(batch)
            except asyncio.CancelledError:
                for command in batch:
                    command.future.cancel()
                raise
            for command, answer in zip(batch, answers, strict=True):
                if not command.future.done():
                    command.future.set_result(answer)

    async def _exchange(self, batch: list[_Command]) -> list[Any]:
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for command in batch:
                    pipeline.execute_command(*command.args)
                answers: list[Any] = await pipeline.execute(raise_on_error=False)
                return answers
        except Exception as error:  # whatever it was, nobody may wait for ever
            return [error] * len(batch)

    # -- hints ---------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Turn messages into hints, on one connection after the other."""
        while True:
            pubsub = self._listening.pubsub()
            try:
                async with asyncio.timeout(self._connect_seconds):
                    await pubsub.subscribe(self._hub)
                self._watchers.wake_all()
                await _first_of(self._hear(pubsub), self._subscribe(pubsub))
            except Exception as error:
                log.debug("the journal's subscription broke: %s", error)
            finally:
                with suppress(Exception):
                    await pubsub.aclose()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _hear(self, pubsub: Any) -> None:
        """Wake who watches a log when it grows, and when the server has begun to tell of it."""
        start = len(self._log_key("")) - len("}:log")
        async for message in pubsub.listen():
            if message["type"] in ("message", "subscribe"):
                self._watchers.wake(message["channel"].decode()[start:-5])

    async def _subscribe(self, pubsub: Any) -> None:
        """Keep what is subscribed to the same as what is watched."""
        have: set[str] = set()
        while True:
            self._watched.clear()
            want = set(map(self._log_key, self._watchers))
            if want - have:
                await pubsub.subscribe(*(want - have))
            if have - want:
                await pubsub.unsubscribe(*(have - want))
            have = want
            await self._watched.wait()


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run them until one of them ends, as it ended; the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(tasks)
    for task in done:
        task.result()


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: redis-py sends in `asyncio.wait_for`, which before Python 3.12 forgets a
    cancel that comes in the moment in which the sending is done.
    """
    all_of_them = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    await asyncio.gather(*all_of_them, return_exceptions=True)  # what they failed with is known


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _tag(key: str) -> str:
    return key[:8]


def _own(key: str, fields: dict[bytes, bytes]) -> bytes:
    data = fields.get(_tag(key).encode())
    if data is None:
        raise JournalError("Redis journal: an entry does not belong to the log it was read from")
    return data


def _id(at: Offset) -> str:
    return f"{at.epoch}-{at.seq}"


def _offset(raw: bytes) -> Offset:
    epoch, _, seq = raw.partition(b"-")
    return Offset(int(epoch), int(seq))


def _next(at: Offset) -> Offset | None:
    """The smallest offset after this one; exclusive ranges need Redis 6.2."""
    limit = 2**64 - 1
    if at.seq < limit:
        return Offset(at.epoch, at.seq + 1)
    return None if at.epoch == limit else Offset(at.epoch + 1, 0)
