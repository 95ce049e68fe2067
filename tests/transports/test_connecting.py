"""How a connection is made on an event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from tailrace.transports import connecting
from tailrace.transports.connecting import by_turns, dial

V4, V6 = socket.AF_INET, socket.AF_INET6


def test_families_take_turns() -> None:
    found = [(V6, 1), (V6, 2), (V6, 3), (V4, 4), (V4, 5)]
    assert list(by_turns(found)) == [(V6, 1), (V4, 4), (V6, 2), (V4, 5), (V6, 3)]
    assert list(by_turns([])) == []


class Resolved:
    """Stands in for the resolver: every host has these addresses."""

    def __init__(self, *ports: int) -> None:
        self.found = [(V4, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    async def getaddrinfo(self, host: str, port: int, **options: Any) -> list[Any]:
        return self.found


def dialled(monkeypatch: pytest.MonkeyPatch, *ports: int) -> int:
    """The port of the address that was taken."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", Resolved(*ports).getaddrinfo)
        with await dial("anything", 1) as sock:
            peer: int = sock.getpeername()[1]
            return peer

    return asyncio.run(main())


@pytest.fixture
def listening() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_an_address_that_refuses_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, listening: int, closed: int
) -> None:
    monkeypatch.setattr(connecting, "ATTEMPT_DELAY", 60.0)
    assert dialled(monkeypatch, closed, listening) == listening


def test_an_address_that_swallows_packets_costs_a_moment(
    monkeypatch: pytest.MonkeyPatch, listening: int
) -> None:
    # A listener whose backlog is full answers nobody.
    monkeypatch.setattr(connecting, "ATTEMPT_DELAY", 0.01)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        crowd = [socket.socket() for _ in range(8)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(address)
        time.sleep(0.05)
        assert dialled(monkeypatch, address[1], listening) == listening
        for one in crowd:
            one.close()


def test_where_nobody_answers_the_first_failure_is_raised(
    monkeypatch: pytest.MonkeyPatch, closed: int
) -> None:
    with pytest.raises(ConnectionRefusedError):
        dialled(monkeypatch, closed, closed)
    with pytest.raises(OSError, match="no address"):
        dialled(monkeypatch)
