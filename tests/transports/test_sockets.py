"""TCP sockets: tuned, dialled, shut."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tailrace.transports import sockets


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


Resolve = Callable[..., list[Any]]


def resolving(*addresses: tuple[str, int]) -> Resolve:
    def resolve(host: str, port: int, family: int, kind: int) -> list[Any]:
        return [(socket.AF_INET, kind, 0, "", address) for address in addresses]

    return resolve


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def test_a_socket_is_tuned(listener: socket.socket) -> None:
    with sockets.dial("127.0.0.1", listener.getsockname()[1], 5.0) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert 0 < (sock.gettimeout() or 0) <= 5.0


def test_without_a_timeout_there_is_none(listener: socket.socket) -> None:
    with sockets.dial("127.0.0.1", listener.getsockname()[1], None) as sock:
        assert sock.gettimeout() is None


def test_the_next_address_is_tried(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = listener.getsockname()
    resolve = resolving(("127.0.0.1", closed_port()), live)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with sockets.dial("host", 80, 5.0) as sock:
        assert sock.getpeername() == live


def test_the_last_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving(("127.0.0.1", closed_port())))
    with pytest.raises(ConnectionRefusedError):
        sockets.dial("host", 80, 5.0)
    monkeypatch.setattr(socket, "getaddrinfo", resolving())
    with pytest.raises(OSError, match="no address"):
        sockets.dial("host", 80, 5.0)


def test_each_address_gets_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    clock = [100.0]

    class Silent:
        def settimeout(self, seconds: float) -> None:
            shares.append(seconds)

        def connect(self, address: object) -> None:
            clock[0] += shares[-1]
            raise TimeoutError("timed out")

        def close(self) -> None:
            pass

    monkeypatch.setattr(sockets, "made", lambda address: Silent())
    monkeypatch.setattr(sockets, "monotonic", lambda: clock[0])
    monkeypatch.setattr(socket, "getaddrinfo", resolving(*[("192.0.2.1", 80)] * 4))
    with pytest.raises(TimeoutError):
        sockets.dial("host", 80, 8.0)
    assert shares == pytest.approx([2.0, 2.0, 2.0, 2.0])
    assert clock[0] == pytest.approx(108.0)


def test_shutting_wakes_both_ends_and_keeps_the_descriptor() -> None:
    near, far = socket.socketpair()
    with near, far:
        sockets.shut(near)
        assert (near.recv(1), far.recv(1)) == (b"", b"")
        assert near.fileno() >= 0


def test_shutting_what_is_closed_does_nothing() -> None:
    near, far = socket.socketpair()
    near.close()
    far.close()
    sockets.shut(near)
