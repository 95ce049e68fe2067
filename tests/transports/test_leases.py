"""The pool of blocking connections, with connections that are none."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from tailrace.transports import leases
from tailrace.transports.leases import KEPT, Lease, Pool
from tailrace.transports.sockets import IDLE_CONNECTION_SECONDS

KEY = ("https", "host", 443)


class Fake:
    def __init__(self) -> None:
        self.is_connected = True
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(leases, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    far.settimeout(5)
    with near, far:
        yield near, far


def leased(pool: Pool) -> Lease:
    lease = pool.lease(KEY, 0.0)
    assert lease is not None
    return lease


def test_the_connection_used_last_is_taken_first() -> None:
    pool = Pool(9)
    first, second = Fake(), Fake()
    pool.keep(KEY, first)
    pool.keep(KEY, second)
    assert pool.take(("http", "host", 80)) is None
    assert pool.take(KEY) is second
    assert pool.take(KEY) is first
    assert pool.take(KEY) is None


def test_a_connection_that_died_is_not_taken() -> None:
    pool = Pool(9)
    alive, dead = Fake(), Fake()
    pool.keep(KEY, alive)
    pool.keep(KEY, dead)
    dead.is_connected = False
    assert pool.take(KEY) is alive
    assert dead.closed == 1


def test_a_connection_that_waited_long_is_not_taken(clock: list[float]) -> None:
    pool = Pool(9)
    old = Fake()
    pool.keep(KEY, old)
    clock[0] = IDLE_CONNECTION_SECONDS + 1
    assert pool.take(KEY) is None
    assert old.closed == 1


def test_keeping_one_closes_those_that_waited_long(clock: list[float]) -> None:
    pool = Pool(9)
    old, new = Fake(), Fake()
    pool.keep(KEY, old)
    clock[0] = IDLE_CONNECTION_SECONDS + 1
    pool.keep(KEY, new)
    assert (old.closed, new.closed) == (1, 0)


def test_only_so_many_are_kept() -> None:
    pool = Pool(9)
    kept = [Fake() for _ in range(KEPT + 2)]
    for connection in kept:
        pool.keep(KEY, connection)
    assert [connection.closed for connection in kept] == [1, 1] + [0] * KEPT


def test_only_so_many_are_in_use_at_once() -> None:
    pool = Pool(2)
    first, _ = leased(pool), leased(pool)
    assert pool.lease(KEY, 0.0) is None
    first.discard()
    first.discard()
    assert pool.lease(KEY, 0.0) is not None
    assert pool.lease(KEY, 0.0) is None


def test_a_lease_ends_once(pair: tuple[socket.socket, socket.socket]) -> None:
    pool = Pool(1)
    connection, file = Fake(), Fake()
    lease = leased(pool)
    lease.hold(connection, pair[0])
    lease.hold_file(file)
    lease.give_back()
    lease.discard()
    lease.abort()
    assert (connection.closed, file.closed, lease.aborted) == (0, 1, False)
    assert not pool.leases
    assert pool.take(KEY) is connection
    pair[0].send(b"still open")
    assert pair[1].recv(99) == b"still open"


def test_discarding_shuts_and_closes(pair: tuple[socket.socket, socket.socket]) -> None:
    lease = leased(Pool(1))
    connection, file = Fake(), Fake()
    lease.hold(connection, pair[0])
    lease.hold_file(file)
    lease.discard()
    lease.give_back()
    assert (connection.closed, file.closed) == (1, 1)
    assert pair[1].recv(1) == b""


def test_a_busy_connection_is_shut_but_left_to_its_thread(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    pool = Pool(1)
    lease = leased(pool)
    connection = Fake()
    lease.hold(connection, pair[0])
    lease.busy = True
    lease.abort()
    assert pair[1].recv(1) == b""
    assert (connection.closed, lease.aborted, pool.leases) == (0, True, {lease})
    lease.busy = False
    lease.discard()
    assert (connection.closed, pool.leases) == (1, set())


def test_closing_closes_all(pair: tuple[socket.socket, socket.socket]) -> None:
    pool = Pool(2)
    idle, used, late = Fake(), Fake(), Fake()
    pool.keep(KEY, idle)
    lease = leased(pool)
    lease.hold(used, pair[0])
    pool.close()
    assert (idle.closed, used.closed, lease.aborted) == (1, 1, True)
    pool.keep(KEY, late)
    assert late.closed == 1


def test_another_process_closes_its_own_copy_and_leaves_the_connection_alone(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = leased(Pool(1))
    connection = Fake()
    lease.hold(connection, pair[0])
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    lease.discard()
    lease.abort()
    assert connection.closed == 1  # its copy; a shutdown would have cut off the parent
    pair[0].send(b"still open")
    assert pair[1].recv(99) == b"still open"
