"""TLS with small buffers on asyncio, and as it comes everywhere else."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tailrace.transports import lean_tls as module
from tailrace.transports.check_server import Peer, Server, certificate, serving
from tailrace.transports.connection import Connection
from tailrace.transports.lean_tls import BUFFER, begin_tls, lean_class, lean_tls

LONG = b"x" * 500_000


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    with certificate() as path:
        yield path


class Collecting(asyncio.Protocol):
    """Asks once, and keeps what comes until the end."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        self.parts.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(exc)


def long_winded(peer: Peer) -> None:
    for _ in peer.requests():
        peer.sock.sendall(LONG)
        return


async def read_all(server: Server, trusted: Path) -> list[bytes]:
    loop, protocol = asyncio.get_running_loop(), Collecting()
    context = ssl.create_default_context(cafile=trusted)
    sock = socket.create_connection(("127.0.0.1", server.port))
    sock.setblocking(False)
    await begin_tls(loop, protocol, sock, context, "127.0.0.1")
    await protocol.over
    return protocol.parts


@pytest.mark.parametrize("factory", [None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_all_bytes_come_and_on_asyncio_in_small_pieces(factory: Any, made: Path) -> None:
    with (
        Server(long_winded, tls=serving(made)) as server,
        asyncio.Runner(loop_factory=factory, debug=True) as runner,
    ):
        parts = runner.run(read_all(server, made))
    assert b"".join(parts) == LONG
    if factory is None:
        assert max(map(len, parts)) <= BUFFER


def between() -> Any:
    loop = asyncio.get_running_loop()
    return lean_tls(loop, Connection(loop), ssl.create_default_context(), "a.test")


def test_it_holds_a_small_buffer() -> None:
    async def main() -> int:
        protocol, _ = between()
        size = len(protocol.get_buffer(-1))
        protocol.connection_lost(None)
        return size

    assert asyncio.run(main()) == BUFFER


def test_other_loops_and_other_pythons_do_it_their_own_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> Any:
        return between()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) is None

    monkeypatch.setattr(module, "lean_class", lambda: object)
    assert asyncio.run(main()) is None, "its arguments are others"
    find = lean_class.__wrapped__
    assert find().max_size == BUFFER
    monkeypatch.setattr(sslproto, "SSLProtocol", object)
    assert find() is None, "its buffer has no such size"
    monkeypatch.delattr(sslproto, "SSLProtocol")
    assert find() is None, "it is elsewhere"


def test_it_works_where_the_class_is_another(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lean_class", lambda: None)
    with Server(long_winded, tls=serving(made)) as server:
        assert b"".join(asyncio.run(read_all(server, made))) == LONG


def test_a_handshake_that_is_given_up_closes_the_socket() -> None:
    complaints: list[Any] = []

    def greeted(silent: socket.socket) -> socket.socket:
        peer, _ = silent.accept()
        assert peer.recv(1), "the handshake has begun, and nobody answers"
        return peer

    async def main(silent: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: complaints.append(context))
        sock = socket.create_connection(silent.getsockname())
        sock.setblocking(False)
        work = begin_tls(loop, Connection(loop), sock, ssl.create_default_context(), "a.test")
        task = asyncio.create_task(work)
        with await asyncio.to_thread(greeted, silent):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.sleep(0)
        assert sock.fileno() == -1

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(silent), debug=True)
    assert not complaints
