"""A journal in an SQLite file, shared by every process of one machine.

Theory of operation. One thread owns the connection. Callers put work into a queue; the thread takes
all that waits, runs it in one transaction and answers, so that a busy journal commits many appends
at once. The write lock is taken before the first comparison (`BEGIN IMMEDIATE`), which is what
makes compare-and-append one step among processes.

WAL mode, `synchronous=NORMAL`: what is committed survives `kill -9` of any process; a power failure
may cost the newest entries, which is the case `journal` calls a lost tail. SQLite compares blobs
byte by byte, so offsets are stored as 16 big-endian bytes: its own integers are signed and too
short. Other processes' commits are noticed by polling `PRAGMA data_version` while anyone watches.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .journal import Entry, JournalUnavailableError, Offset, check_append
from .watchers import Watchers

T = TypeVar("T")

_BUSY_SECONDS = 5.0
_OPENING_PAUSE = 0.02

_SCHEMA = """
create table if not exists logs (
  key text primary key, last blob not null, until real not null) without rowid;
create table if not exists entries (
  key text, at blob, data blob not null, primary key (key, at)) without rowid;
create table if not exists leases (key text primary key, until real not null) without rowid;
create index if not exists logs_until on logs (until);
"""


class _Job(NamedTuple):
    writes: bool
    work: Callable[[sqlite3.Connection], Any]
    done: Callable[[Any, BaseException | None], None]


class SQLiteJournal:
    """A `Journal` in the file at `path`, which is made if it is not there.

    `poll` is how often other processes' writes are looked for, in seconds, while anyone watches.
    `clock` is Unix time in seconds: it is compared with what other processes stored.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        poll: float = 0.03,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = Path(path)
        self._poll = poll
        self._clock = clock
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._watchers = Watchers()
        self._poller: asyncio.Task[None] | None = None
        self._version = -1

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

        def work(db: sqlite3.Connection) -> Offset | None:
            now = self._clock()
            last = _last(db, key, now)
            if last != after:
                return last
            if after is None:
                _forget(db, key, now)
            db.execute("insert into entries values (?, ?, ?)", (key, _blob(at), data))
            db.execute("replace into logs values (?, ?, ?)", (key, _blob(at), now + keep))
            if lease:
                db.execute("replace into leases values (?, ?)", (key, now + lease))
            return at

        last = await self._run(work, writes=True)
        if last == at:
            self._watchers.wake(key)
        return last

    async def read(self, key: str, after: Offset | None, *, limit: int = 256) -> list[Entry]:
        """As `Journal.read`."""

        def work(db: sqlite3.Connection) -> list[Entry]:
            if _last(db, key, self._clock()) is None:
                return []
            start = b"" if after is None else _blob(after)
            found = db.execute(
                "select at, data from entries where key = ? and at > ? order by at limit ?",
                (key, start, limit),
            )
            return [Entry(_offset(at), data) for at, data in found]

        return await self._run(work)

    @asynccontextmanager
    async def watch(self, key: str) -> AsyncGenerator[asyncio.Event]:
        """As `Journal.watch`."""
        event = self._watchers.add(key)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll_version())
        try:
            yield event
        finally:
            self._watchers.remove(key, event)

    async def lease(self, key: str, seconds: float) -> None:
        """As `Journal.lease`."""
        until = self._clock() + seconds
        await self._execute("replace into leases values (?, ?)", key, until)

    async def leased(self, key: str) -> bool:
        """As `Journal.leased`."""
        return await self._run(
            lambda db: bool(
                db.execute(
                    "select 1 from leases where key = ? and until > ?", (key, self._clock())
                ).fetchone()
            )
        )

    async def expire(self, key: str, seconds: float) -> None:
        """As `Journal.expire`."""
        now = self._clock()
        statement = "update logs set until = ? where key = ? and until > ?"
        await self._execute(statement, now + seconds, key, now)

    async def drop(self, key: str) -> None:
        """As `Journal.drop`."""
        await self._run(lambda db: _delete(db, key), writes=True)
        self._watchers.wake(key)

    async def close(self) -> None:
        """As `Journal.close`."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
            self._poller = None
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    # -- the thread ----------------------------------------------------------------------------

    async def _execute(self, statement: str, *values: object) -> None:
        await self._run(lambda db: db.execute(statement, values), writes=True)

    async def _run(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = False) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def done(result: Any, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop may be closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, name="tailrace-journal", daemon=True
            )
            self._thread.start()
        self._jobs.put(_Job(writes, work, done))
        return await future

    def _serve(self) -> None:
        db: sqlite3.Connection | None = None
        while True:
            jobs, more = _take(self._jobs)
            if jobs:
                try:
                    db = db or _connect(self._path)
                    answers = _transact(db, jobs)
                except sqlite3.Error as error:
                    failure = JournalUnavailableError(f"SQLite journal: {error}")
                    failure.__cause__ = error
                    answers = [(None, failure)] * len(jobs)
                for job, answer in zip(jobs, answers, strict=True):
                    job.done(*answer)
            if not more:
                break
        if db is not None:
            db.close()

    async def _poll_version(self) -> None:
        """Wake everyone when another process has committed something."""
        while self._watchers:
            await asyncio.sleep(self._poll)
            try:
                version = await self._run(_data_version)
            except JournalUnavailableError:
                continue
            if version != self._version:
                self._version = version
                self._watchers.wake_all()


def _take(jobs: queue.SimpleQueue[_Job | None]) -> tuple[list[_Job], bool]:
    """All that waits, and whether more may come."""
    taken: list[_Job] = []
    job = jobs.get()
    while job is not None:
        taken.append(job)
        if len(taken) >= 256 or jobs.empty():
            return taken, True
        job = jobs.get()
    return taken, False


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file, and make it what it has to be.

    While another process does the same, SQLite may refuse without the wait it was told to make:
    the two would wait for each other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return _open(path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_OPENING_PAUSE)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _transact(
    db: sqlite3.Connection, jobs: list[_Job]
) -> list[tuple[Any, JournalUnavailableError | None]]:
    """Run jobs as one transaction: all of them take place, or none."""
    db.execute("begin immediate" if any(job.writes for job in jobs) else "begin")
    try:
        answers: list[tuple[Any, JournalUnavailableError | None]] = [
            (job.work(db), None) for job in jobs
        ]
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
    return answers


def _data_version(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma data_version").fetchone()[0])


def _last(db: sqlite3.Connection, key: str, now: float) -> Offset | None:
    row = db.execute("select last from logs where key = ? and until > ?", (key, now)).fetchone()
    return None if row is None else _offset(row[0])


def _forget(db: sqlite3.Connection, key: str, now: float) -> None:
    """Make room for a new log, and delete some of what is past its time."""
    _delete(db, key)
    for (old,) in db.execute("select key from logs where until <= ? limit 32", (now,)).fetchall():
        _delete(db, old)
    db.execute("delete from leases where until <= ?", (now,))


def _delete(db: sqlite3.Connection, key: str) -> None:
    for table in ("entries", "logs", "leases"):
        db.execute(f"delete from {table} where key = ?", (key,))  # noqa: S608 - three constants


def _blob(at: Offset) -> bytes:
    return at.epoch.to_bytes(8) + at.seq.to_bytes(8)


def _offset(blob: bytes) -> Offset:
    return Offset(int.from_bytes(blob[:8]), int.from_bytes(blob[8:]))
