"""The synchronous wire, against the contract of all wires."""

from __future__ import annotations

import gc
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from tailrace.procedures.wire import ConnectFailed, ConnectionLost, ConnectTimedOut, settle
from tailrace.transports.check import WIRE_CHECKS, check_wire
from tailrace.transports.check_server import Peer, Server
from tailrace.transports.check_world import asking, failing, fetched, opened, whole
from tailrace.transports.over_asyncio import AsyncioWire
from tailrace.transports.over_urllib3 import Urllib3Wire


@pytest.mark.parametrize("check", WIRE_CHECKS)
def test_wire(check: str) -> None:
    check_wire(Urllib3Wire, only=[check])


def answering(peer: Peer) -> None:
    for asked in peer.requests():
        peer.answer(asked.body)


def test_beyond_its_connections_a_wire_waits_for_one() -> None:
    def work(server: Server) -> None:
        wire = Urllib3Wire(max_connections=1)
        request = asking(server.url, content=b"x" * 9)
        first = settle(wire.open(request, connect=5.0, wait=5.0))
        second = wire.open(request, connect=0.02, wait=5.0)
        error = settle(failing(ConnectTimedOut, second))
        assert "all 1 connections" in str(error)
        settle(first.close())
        settle(wire.open(request, connect=5.0, wait=5.0))
        settle(wire.close())

    with Server(answering) as server:
        work(server)


def test_failed_tries_use_up_no_connections() -> None:
    wire = Urllib3Wire(max_connections=1)
    for _ in range(3):
        error = settle(failing(ConnectFailed, opened(wire, "http://127.0.0.1:9")))
        assert not isinstance(error, ConnectTimedOut)
    settle(wire.close())


def test_a_certificate_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("nothing")
    wire = Urllib3Wire(verify=str(path))
    error = settle(failing(ConnectFailed, opened(wire, "https://127.0.0.1:9")))
    assert error.permanent


def test_a_bad_proxy_in_the_environment_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:secret@proxy")
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    error = settle(failing(ConnectFailed, opened(Urllib3Wire(), "http://host")))
    assert error.permanent
    assert "http_client=httpx2.Client" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"verify": "/no/such/file"}, FileNotFoundError),
        ({"verify": 1}, TypeError),
        ({"proxy": "http://:1"}, ValueError),
        ({"max_connections": 0}, ValueError),
    ],
)
@pytest.mark.parametrize("kind", [Urllib3Wire, AsyncioWire])
def test_settings_that_cannot_work_are_refused(
    kind: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        kind(**options)


def test_one_after_the_other_share_a_connection() -> None:
    with Server(answering) as server:
        wire = Urllib3Wire()
        for _ in range(3):
            assert settle(fetched(wire, server.url)) == b"{}"
        assert server.connections == 1
        assert not wire._pool.leases
        settle(wire.close())


def test_dropping_the_wire_closes_what_is_idle() -> None:
    gone = Event()

    def script(peer: Peer) -> None:
        answering(peer)
        gone.set()

    with Server(script) as server:
        wire: Urllib3Wire | None = Urllib3Wire()
        assert wire is not None
        late = settle(opened(wire, server.url))
        assert settle(fetched(wire, server.url)) == b"{}"
        wire = None
        gc.collect()
        assert gone.wait(5)
        gone.clear()
        assert settle(whole(late)) == b"{}"
        assert gone.wait(5)


def test_closing_ends_another_threads_read() -> None:
    def script(peer: Peer) -> None:
        for _ in peer.requests():
            peer.head("transfer-encoding: chunked")

    with Server(script) as server:
        wire = Urllib3Wire()
        incoming = settle(opened(wire, server.url))
        timer = Timer(0.05, lambda: settle(incoming.close()))
        timer.start()
        settle(failing(ConnectionLost, incoming.read(5.0)))
        timer.join()
        assert not wire._pool.leases, "the connection was not given up"
        settle(wire.close())
