"""Each journal keeps the contract; each check of the contract can fail."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Callable

import pytest

from tailrace.relay.check import CHECKS, check_journal
from tailrace.relay.journal import END, Entry, Journal, JournalUnavailableError, Offset, new_epoch
from tailrace.relay.memory import MemoryJournal
from tailrace.relay.sqlite import SQLiteJournal


@pytest.fixture(params=["memory", "sqlite", "redis"])
def make_journal(request, tmp_path) -> Callable[[], Journal]:
    if request.param == "memory":
        journal = MemoryJournal()
        return lambda: journal
    if request.param == "sqlite":
        return lambda: SQLiteJournal(tmp_path / "relay.db")
    url = request.getfixturevalue("redis").url
    from tailrace.relay.redis import RedisJournal

    return lambda: RedisJournal(url)


def test_the_contract(make_journal, run) -> None:
    run(check_journal(make_journal))


class Broken(MemoryJournal):
    """A journal that does not keep one part of the contract."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    async def append(self, key, after, at, data, *, keep, lease=0.0):
        if self.fault == "ignores after":
            log = self._log(key)
            after = log.entries[-1].at if log else None
            if after is not None and at <= after:
                return after
        if self.fault == "ends early":
            keep = min(keep, 0.4)
        if self.fault == "reopens" and (log := self._log(key)) and log.entries[-1].at == END:
            log.entries.pop()
        if self.fault == "leases anyway" and lease:
            await self.lease(key, lease)
        return await super().append(key, after, at, data, keep=keep, lease=lease)

    async def read(self, key, after, *, limit=256):
        if self.fault == "reads create":
            self._logs.setdefault(key, type(self._logs.get(key))()) if key in self._logs else None
            await super().append(key, None, Offset(1, 0), b"", keep=9)
        entries = await super().read(key, after, limit=limit)
        if self.fault == "inclusive" and after is not None:
            entries = [Entry(after, b""), *entries]
        if self.fault == "text":
            entries = [Entry(one.at, one.data.replace(b"\r\n", b"\n")) for one in entries]
        return entries

    def watch(self, key):
        return super().watch(key + "x" if self.fault == "deaf" else key)


FAULTS = {
    "ignores after": "appends_are_ordered_and_repeatable",
    "ends early": "logs_end",
    "reopens": "the_end_is_final",
    "leases anyway": "leases_end",
    "reads create": "absent_logs_stay_absent",
    "inclusive": "appends_are_ordered_and_repeatable",
    "text": "any_bytes_come_back",
    "deaf": "watchers_are_woken",
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_contract_notices(fault, run, monkeypatch) -> None:
    monkeypatch.setattr("tailrace.relay.check._SOON", 0.2)
    check = {check.__name__: check for check in CHECKS}[FAULTS[fault]]
    journal = Broken(fault)
    with pytest.raises((AssertionError, TimeoutError)):
        run(check(journal, journal, "key"))
    sound = MemoryJournal()
    run(check(sound, sound, "key"))


def test_epochs_only_grow_and_differ() -> None:
    now = 1_790_000_000.0
    assert new_epoch(None, now, 1) != new_epoch(None, now, 2)
    assert new_epoch(None, now, 0xFFFF) < new_epoch(None, now + 0.001, 0)
    ahead = new_epoch(None, now + 3600, 0)
    assert new_epoch(Offset(ahead, 5), now, 7) == ahead + 1
    assert new_epoch(None, now + 10**9, 0) < END.epoch


def test_a_file_that_is_no_database(tmp_path, run) -> None:
    path = tmp_path / "relay.db"
    path.write_bytes(b"not a database" * 100)

    async def main() -> None:
        journal = SQLiteJournal(path)
        try:
            await journal.read("key", None)
        finally:
            await journal.close()

    with pytest.raises(JournalUnavailableError, match="not a database"):
        run(main())


def test_a_locked_file_is_unavailable_and_later_fine(tmp_path, run, monkeypatch) -> None:
    path = tmp_path / "relay.db"
    real = sqlite3.connect
    monkeypatch.setattr(
        "tailrace.relay.sqlite.sqlite3.connect",
        lambda *args, **kw: real(*args, **{**kw, "timeout": 0.05}),
    )

    async def main() -> None:
        journal = SQLiteJournal(path)
        assert await journal.append("key", None, Offset(7, 0), b"", keep=60) == Offset(7, 0)
        other = real(path, isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(JournalUnavailableError):
            await journal.append("key", Offset(7, 0), Offset(7, 1), b"", keep=60)
        assert len(await journal.read("key", None)) == 1
        other.execute("rollback")
        other.close()
        assert await journal.append("key", Offset(7, 0), Offset(7, 1), b"", keep=60) == (7, 1)
        await journal.close()

    run(main())


def test_a_file_that_another_is_making_is_waited_for(tmp_path, run, monkeypatch) -> None:
    refusals = [sqlite3.OperationalError("database is locked") for _ in range(3)]
    for refusal in refusals:
        refusal.sqlite_errorcode = sqlite3.SQLITE_BUSY
    left, real = list(refusals), sqlite3.connect

    def connect(*args, **kw):
        if left:
            raise left.pop()
        return real(*args, **kw)

    monkeypatch.setattr("tailrace.relay.sqlite.sqlite3.connect", connect)

    async def main() -> None:
        journal = SQLiteJournal(tmp_path / "relay.db")
        assert await journal.append("key", None, Offset(7, 0), b"", keep=60) == Offset(7, 0)
        await journal.close()

    run(main())
    assert not left


def test_expired_logs_are_deleted_from_the_file(tmp_path, run) -> None:
    path = tmp_path / "relay.db"
    now = [1000.0]

    async def main() -> None:
        journal = SQLiteJournal(path, clock=lambda: now[0])
        for n in range(10):
            await journal.append(f"key{n}", None, Offset(7, 0), b"", keep=5, lease=5)
        now[0] += 10
        await journal.append("new", None, Offset(7, 0), b"", keep=5)
        await journal.close()

    run(main())
    db = sqlite3.connect(path)
    assert db.execute("select key from entries").fetchall() == [("new",)]
    assert db.execute("select count(*) from leases").fetchone() == (0,)
    db.close()


def test_a_redis_that_is_down_is_unavailable_and_later_fine(
    redis_binary, redis_module, tmp_path, run
) -> None:
    from tailrace.relay.redis import RedisJournal

    from .conftest import Server  # pyright: ignore

    server = Server(redis_binary, tmp_path)

    async def main() -> None:
        journal = RedisJournal(server.url, timeout=1)
        with pytest.raises(JournalUnavailableError):
            await journal.read("key", None)
        server.start()
        assert await journal.append("key", None, Offset(7, 0), b"", keep=60) == Offset(7, 0)
        async with journal.watch("key") as hint:
            await asyncio.sleep(0.2)
            server.kill()
            server.start()
            await asyncio.sleep(0.5)
            hint.clear()
            assert await journal.append("key", Offset(7, 0), Offset(7, 1), b"", keep=60) == (7, 1)
            async with asyncio.timeout(5):
                await hint.wait()
        await journal.close()

    try:
        run(main())
    finally:
        server.kill()


def test_watching_outlasts_broken_connections(redis_binary, redis_module, tmp_path, run) -> None:
    """Whoever begins to watch while the subscription reconnects neither fails nor waits."""
    from tailrace.relay.redis import RedisJournal

    from .conftest import Server  # pyright: ignore

    server = Server(redis_binary, tmp_path)

    async def watch(journal: Journal, number: int, done: asyncio.Event) -> None:
        while not done.is_set():
            async with asyncio.timeout(10), journal.watch(f"key{number}"):
                await asyncio.sleep(0.001)

    async def main() -> None:
        journal, done = RedisJournal(server.url), asyncio.Event()
        watching = [asyncio.create_task(watch(journal, n, done)) for n in range(16)]
        for _ in range(10):
            server.kill()
            await asyncio.to_thread(server.start)
            await asyncio.sleep(0.1)
        done.set()
        await asyncio.gather(*watching)
        async with journal.watch("key") as hint:
            await asyncio.wait_for(hint.wait(), 10)  # it is subscribed
            hint.clear()
            assert await journal.append("key", None, Offset(7, 0), b"", keep=60) == Offset(7, 0)
            await asyncio.wait_for(hint.wait(), 10)
        await journal.close()

    server.start()
    try:
        run(main())
    finally:
        server.kill()


@pytest.mark.parametrize("steps", range(25))
def test_it_closes_at_whatever_step_of_an_exchange(steps, make_journal, run) -> None:
    """Also where a library forgets that it was cancelled, as redis-py does while it sends."""

    async def main() -> None:
        journal = make_journal()
        await journal.append("warm", None, Offset(7, 0), b"", keep=60)
        place, before = f"log {steps}", None
        for seq in range(7):
            at = Offset(7, seq)
            storing = asyncio.create_task(journal.append(place, before, at, b"text", keep=60))
            before = at
            if seq % 2:
                await storing
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.wait_for(journal.close(), 10)
        storing.cancel()
        await asyncio.gather(storing, return_exceptions=True)

    run(main())


def test_works_that_fail_together_leave_nobody_complaining(redis_module, run) -> None:
    from tailrace.relay.redis import _first_of

    complaints: list[dict[str, object]] = []

    async def fails() -> None:
        raise ConnectionError("broken")

    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionError("broken, too")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: complaints.append(context))
        for other in (fails, fails_when_cancelled):
            with pytest.raises(ConnectionError):
                await _first_of(fails(), other())
        gc.collect()

    run(main())
    assert not complaints
