"""How a connection is made on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
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


def test_an_address_that_swallows_packets_costs_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ATTEMPT_DELAY", 0.001)
    given_up: list[bool] = []
    near, far = socket.socketpair()

    async def dialled(address: Any, loop: Any) -> socket.socket:
        if address[4][1] == 2:
            return near
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append(True)
            raise
        raise AssertionError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", Resolved(1, 2).getaddrinfo)
        assert await dial("anything", 1) is near
        await asyncio.sleep(0)
        assert given_up == [True]

    monkeypatch.setattr(connecting, "_dialled", dialled)
    with near, far:
        asyncio.run(main())


def test_one_that_answers_after_another_has_won_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "ATTEMPT_DELAY", 0.001)
    pairs = {port: socket.socketpair() for port in (1, 2)}

    async def dialled(address: Any, loop: Any) -> socket.socket:
        port = address[4][1]
        if port == 1:
            with contextlib.suppress(asyncio.CancelledError):  # it had just connected
                await asyncio.Event().wait()
        return pairs[port][0]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", Resolved(1, 2).getaddrinfo)
        assert await dial("anything", 1) is pairs[2][0]
        while pairs[1][0].fileno() != -1:
            await asyncio.sleep(0)

    monkeypatch.setattr(connecting, "_dialled", dialled)
    asyncio.run(main())
    for pair in pairs.values():
        for one in pair:
            one.close()


def test_where_nobody_answers_the_first_failure_is_raised(
    monkeypatch: pytest.MonkeyPatch, closed: int
) -> None:
    with pytest.raises(ConnectionRefusedError):
        dialled(monkeypatch, closed, closed)
    with pytest.raises(OSError, match="no address"):
        dialled(monkeypatch)
