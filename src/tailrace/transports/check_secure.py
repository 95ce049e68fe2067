"""What every wire must do about certificates, TLS and proxies."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
from collections.abc import Generator
from threading import Thread
from typing import Any

from tailrace.procedures.wire import ConnectFailed, ConnectionLost

from .check_server import PATIENCE, Asked, Peer, Server, certificate, serving
from .check_ways import polite
from .check_world import World, failing, fetched, opened


def certificates_are_checked(world: World) -> None:
    """An unknown certificate is refused for good; with `verify=path` it is trusted."""

    async def work(url: str, path: str) -> None:
        async with world.wire() as wire:
            error = await failing(ConnectFailed, opened(wire, url))
            assert error.permanent, "a bad certificate does not get better"
            assert "certificate" in str(error)
        for verify in (path, False):
            async with world.wire(verify=verify) as wire:
                for _ in range(2):
                    assert await fetched(wire, url) == b"{}"

    with certificate() as path, Server(polite, tls=serving(path)) as server:
        world.run(lambda: work(server.url, str(path)))


def a_cut_tls_connection_is_lost(world: World) -> None:
    """Over TLS too, a body that ends too early is `ConnectionLost`, and a read can be aborted."""

    def script(peer: Peer) -> None:
        for _ in peer.requests():
            peer.head("transfer-encoding: chunked")
            peer.chunk(b"begun")
            if peer.number == 1:
                peer.reset()
                return

    async def work(url: str, path: str) -> None:
        async with world.wire(verify=path) as wire:
            incoming = await opened(wire, url)
            with contextlib.suppress(ConnectionLost):
                while await incoming.read(PATIENCE):
                    pass
                raise AssertionError("the body ended as if it were whole")
            await incoming.close()
            incoming = await opened(wire, url)
            assert await incoming.read(PATIENCE) == b"begun"
            thread = Thread(target=incoming.abort)
            thread.start()
            await failing(ConnectionLost, incoming.read(PATIENCE))
            thread.join()
            await incoming.close()

    with certificate() as path, Server(script, tls=serving(path)) as server:
        world.run(lambda: work(server.url, str(path)))


class _Proxy(Server):
    """A proxy: `CONNECT` opens a tunnel, a whole URL is forwarded."""

    def __init__(self, *, refuse: bool = False, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._serve, tls=tls)
        self.asked: list[Asked] = []
        self._refuse = refuse

    def _serve(self, peer: Peer) -> None:
        asked = peer.request()
        if asked is None:
            return
        self.asked.append(asked)
        if self._refuse:
            peer.answer(b"", status="407 Proxy Authentication Required")
            return
        method, target, _ = asked.line.split()
        host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
        with socket.create_connection((host, int(port)), PATIENCE) as far:
            if method == "CONNECT":
                peer.head(status="200 Connection established")
            else:
                far.sendall(_forwarded(asked))
            _relay(peer.sock, far)


def _forwarded(asked: Asked) -> bytes:
    fields = [f"{name}: {value}" for name, value in asked.headers.items()]
    return "\r\n".join([asked.line, *fields, "", ""]).encode("latin-1") + asked.body


def _relay(near: socket.socket, far: socket.socket) -> None:
    """Pass bytes on in both directions until one end closes, in one thread as TLS needs it."""
    other = {near: far, far: near}
    while True:
        ready = [near] if isinstance(near, ssl.SSLSocket) and near.pending() else []
        for source in ready or select.select(list(other), (), (), PATIENCE)[0]:
            data = source.recv(65_536)
            if not data:
                return
            other[source].sendall(data)


@contextlib.contextmanager
def _environment(**variables: str) -> Generator[None, None, None]:
    """Only these proxy variables, for a while."""
    names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD")
    kept = {key: os.environ.pop(key) for key in list(os.environ) if key.lower() in names}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(kept)


def proxies_come_from_the_environment(world: World) -> None:
    """`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` hold; `http` is forwarded, `https` tunnelled."""

    async def work(server: Server, **options: Any) -> None:
        async with world.wire(**options) as wire:
            for _ in range(2):
                assert await fetched(wire, server.url) == b"{}"

    with _Proxy() as proxy, Server(polite) as server:
        address = proxy.url.replace("http://", "http://user:p%40ss@")
        with _environment(HTTP_PROXY=address):
            world.run(lambda: work(server))
            lines = [asked.line for asked in proxy.asked]
            assert lines == [f"POST {server.url}/v1/messages HTTP/1.1"]
            # user:p@ss, in base64
            assert proxy.asked[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"
            world.run(lambda: work(server, trust_env=False))
        with _environment(ALL_PROXY=address, NO_PROXY="127.0.0.1"):
            world.run(lambda: work(server))
        assert proxy.connections == 1

    with certificate() as path, _Proxy() as proxy, Server(polite, tls=serving(path)) as server:
        with _environment(HTTPS_PROXY=proxy.url):
            world.run(lambda: work(server, verify=str(path)))
        assert [asked.line for asked in proxy.asked] == [
            f"CONNECT 127.0.0.1:{server.port} HTTP/1.{asked.line[-1]}" for asked in proxy.asked
        ]
        assert (proxy.connections, server.connections) == (1, 1)
        world.run(lambda: work(server, verify=str(path), proxy=proxy.url))
        assert proxy.connections == 2


def proxies_can_be_secure(world: World) -> None:
    """A proxy may itself be reached over TLS, and a tunnel through it holds TLS within TLS."""

    async def work(server: Server, **options: Any) -> None:
        async with world.wire(**options) as wire:
            for _ in range(2):
                assert await fetched(wire, server.url) == b"{}"

    with certificate() as path, _Proxy(tls=serving(path)) as proxy:
        options = {"verify": str(path), "proxy": proxy.url}
        with Server(polite) as server:
            world.run(lambda: work(server, **options))
        with Server(polite, tls=serving(path)) as server:
            world.run(lambda: work(server, **options))
        assert proxy.connections == 2


def a_refusing_proxy_is_a_connect_failure(world: World) -> None:
    """A proxy that opens no tunnel is `ConnectFailed`."""

    async def work(proxy: Server) -> None:
        async with world.wire(proxy=proxy.url) as wire:
            await failing(ConnectFailed, opened(wire, "https://127.0.0.1:9"))

    with _Proxy(refuse=True) as proxy:
        world.run(lambda: work(proxy))


SECURE_CHECKS = (
    certificates_are_checked,
    a_cut_tls_connection_is_lost,
    proxies_come_from_the_environment,
    proxies_can_be_secure,
    a_refusing_proxy_is_a_connect_failure,
)
