"""What every wire must do to get to a server, and to get there again."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import unittest
import warnings
from collections.abc import Generator
from threading import Event, Thread
from typing import Any

from tailrace.procedures.wire import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    Wire,
)

from .check_server import PATIENCE, Asked, Peer, Server, certificate, serving
from .check_world import Stopwatch, World, asking, failing, fetched, opened, whole


def _polite(peer: Peer) -> None:
    """Answer every request with its own body, in chunks and in one piece by turns."""
    for number, asked in enumerate(peer.requests()):
        if number % 2:
            peer.answer(asked.body)
        else:
            peer.head("transfer-encoding: chunked")
            peer.chunk(asked.body)
            peer.last_chunk()


def whole_answers_leave_the_connection(world: World) -> None:
    """A connection whose answer was read to its end serves the next request."""

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            for _ in range(4):
                assert await fetched(wire, server.url) == b"{}"
            assert server.connections == 1, "a finished connection was not used again"

    world.against(_polite, work)


def broken_answers_do_not(world: World) -> None:
    """A connection whose answer was left early is never used again."""

    def script(peer: Peer) -> None:
        for _ in peer.requests():
            peer.head("transfer-encoding: chunked")
            peer.chunk(b"begun")

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            for number in (1, 2, 3):
                incoming = await opened(wire, server.url)
                assert await incoming.read(PATIENCE) == b"begun"
                if number > 1:
                    incoming.abort()
                if number < 3:
                    await incoming.close()
            assert server.connections == 3

    world.against(script, work)


def a_connection_the_server_closed_is_noticed(world: World) -> None:
    """An idle connection that the server has closed is not used for the next request."""
    closed = Event()

    def script(peer: Peer) -> None:
        asked = peer.request()
        if asked is not None:
            peer.answer(asked.body)
        peer.close()
        closed.set()

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            for _ in range(2):
                closed.clear()
                assert await fetched(wire, server.url) == b"{}"
                assert closed.wait(PATIENCE)
                await wire.sleep(0.02)
            assert server.connections == 2

    world.against(script, work)


def redirects_stay_at_home(world: World) -> None:
    """307 and 308 repeat the request on the same origin; other redirects are answers."""
    seen: list[Asked] = []

    def script(peer: Peer) -> None:
        for asked in peer.requests():
            seen.append(asked)
            path = asked.line.split()[1]
            status, location = {
                "/v1/messages": ("307 Temporary Redirect", "/moved"),
                "/moved": ("308 Permanent Redirect", "there?a=1"),
                "/see": ("303 See Other", "/there"),
                "/away": ("307 Temporary Redirect", "http://127.0.0.1:9/there"),
                "/loop": ("307 Temporary Redirect", "/loop"),
            }.get(path, ("200 OK", ""))
            peer.answer(asked.body, f"location: {location}", status=status)

    async def status(wire: Wire, url: str, path: str) -> int:
        request = asking(url, content=b"prompt", headers={"x-api-key": "secret"})
        request.url = url + path
        incoming = await wire.open(request, connect=PATIENCE, wait=PATIENCE)
        assert await whole(incoming) == b"prompt"
        await incoming.close()
        return incoming.response.status_code

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            assert await status(wire, server.url, "/v1/messages") == 200
            assert seen[-1].line == "POST /there?a=1 HTTP/1.1"
            assert (seen[-1].body, seen[-1].headers["x-api-key"]) == (b"prompt", "secret")
            for path, expected in (("/see", 303), ("/away", 307), ("/loop", 307)):
                assert await status(wire, server.url, path) == expected
            assert len(seen) < 20

    world.against(script, work)


def refusals_are_connect_failures(world: World) -> None:
    """Nobody listening is `ConnectFailed`, worth another try; an impossible URL is not."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    async def work() -> None:
        async with world.wire() as wire:
            error = await failing(ConnectFailed, opened(wire, f"http://127.0.0.1:{port}"))
            assert not error.permanent
            assert not isinstance(error, ConnectTimedOut)
            assert error.__cause__ is not None, "the client's own error must be the cause"
            for url in ("ftp://127.0.0.1", "http://", "http://127.0.0.1:9/\n", "http://[::1"):
                error = await failing(ConnectFailed, opened(wire, url))
                assert error.permanent, f"trying {url} again cannot help"

    world.run(work)


def connecting_ends_in_time(world: World) -> None:
    """A server that does not answer the TLS handshake is `ConnectTimedOut`."""

    def script(peer: Peer) -> None:
        while not peer.client_closed():
            pass

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            watch = Stopwatch()
            url = server.url.replace("http:", "https:")
            opening = wire.open(asking(url), connect=0.06, wait=PATIENCE)
            await failing(ConnectTimedOut, opening)
            watch.check(0.06)

    world.against(script, work)


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

    with certificate() as path, Server(_polite, tls=serving(path)) as server:
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

    with _Proxy() as proxy, Server(_polite) as server:
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

    with certificate() as path, _Proxy() as proxy, Server(_polite, tls=serving(path)) as server:
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
        with Server(_polite) as server:
            world.run(lambda: work(server, **options))
        with Server(_polite, tls=serving(path)) as server:
            world.run(lambda: work(server, **options))
        assert proxy.connections == 2


def a_refusing_proxy_is_a_connect_failure(world: World) -> None:
    """A proxy that opens no tunnel is `ConnectFailed`."""

    async def work(proxy: Server) -> None:
        async with world.wire(proxy=proxy.url) as wire:
            await failing(ConnectFailed, opened(wire, "https://127.0.0.1:9"))

    with _Proxy(refuse=True) as proxy:
        world.run(lambda: work(proxy))


def works_in_a_forked_child(world: World) -> None:
    """A wire that was made before a fork works in the child and in the parent."""
    _fork(world, used_before=False)


def works_in_a_forked_child_after_use(world: World) -> None:
    """Also if it had been used: the child does not touch its parent's connections."""
    _fork(world, used_before=True)


def _fork(world: World, *, used_before: bool) -> None:
    fork: Any = getattr(os, "fork", None)
    if fork is None:
        raise unittest.SkipTest("this system does not fork")
    with Server(_polite) as server:
        wire = world.make_wire()

        async def use() -> None:
            assert await fetched(wire, server.url) == b"{}"
            assert await fetched(wire, server.url) == b"{}"

        if used_before:
            world.run(use)
        with warnings.catch_warnings():
            # Python 3.12 warns of forking with threads; the server's are not needed in the child.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = fork()
        if not child:
            status = 1
            try:
                world.run(use)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0, "the child could not use the wire"
        world.run(use)
        world.run(wire.close)


def threads_can_share_it(world: World) -> None:
    """Many threads at once each get their own answers."""
    with Server(_polite) as server:
        wire = world.make_wire()
        failures: list[BaseException] = []

        def one(number: int) -> None:
            content = f"thread {number}".encode()

            async def work() -> None:
                for _ in range(5):
                    request = asking(server.url, content=content)
                    incoming = await wire.open(request, connect=PATIENCE, wait=PATIENCE)
                    assert await whole(incoming) == content
                    await incoming.close()

            try:
                world.run(work)
            except BaseException as error:
                failures.append(error)

        threads = [Thread(target=one, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        world.run(wire.close)
        if failures:
            raise failures[0]
        assert server.connections <= 12


def closed_is_closed(world: World) -> None:
    """A closed wire opens nothing more, and may be closed again."""

    async def work(server: Server) -> None:
        wire = world.make_wire()
        assert await fetched(wire, server.url) == b"{}"
        await wire.close()
        error = await failing(ConnectFailed, opened(wire, server.url))
        assert error.permanent
        await wire.close()
        await world.make_wire().close()

    world.against(_polite, work)


def closing_ends_answers(world: World) -> None:
    """Closing the wire closes the connections in use as well."""

    def script(peer: Peer) -> None:
        for _ in peer.requests():
            peer.head("connection: close")
            peer.send(b"begun")

    async def work(server: Server) -> None:
        wire = world.make_wire()
        incoming = await opened(wire, server.url)
        assert await incoming.read(PATIENCE) == b"begun"
        await wire.close()
        await failing(ConnectionLost, incoming.read(PATIENCE))
        await incoming.close()

    world.against(script, work)


def time_passes(world: World) -> None:
    """The clocks go on, a sleep takes its time, and chance is a number from 0 up to 1."""

    async def work() -> None:
        async with world.wire() as wire:
            began = wire.monotonic()
            await wire.sleep(0.02)
            assert wire.monotonic() - began >= 0.019
            assert wire.wall() > 1_700_000_000
            numbers = [wire.chance() for _ in range(50)]
            assert all(0 <= number < 1 for number in numbers)
            assert len(set(numbers)) > 40

    world.run(work)


WAY_CHECKS = (
    whole_answers_leave_the_connection,
    broken_answers_do_not,
    a_connection_the_server_closed_is_noticed,
    redirects_stay_at_home,
    refusals_are_connect_failures,
    connecting_ends_in_time,
    certificates_are_checked,
    a_cut_tls_connection_is_lost,
    proxies_come_from_the_environment,
    proxies_can_be_secure,
    a_refusing_proxy_is_a_connect_failure,
    works_in_a_forked_child,
    works_in_a_forked_child_after_use,
    threads_can_share_it,
    closed_is_closed,
    closing_ends_answers,
    time_passes,
)
