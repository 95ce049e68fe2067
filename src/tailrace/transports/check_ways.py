"""What every wire must do to get to a server, and to get there again."""

from __future__ import annotations

import os
import socket
import unittest
import warnings
from threading import Event, Thread
from typing import Any

from tailrace.procedures.wire import (
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    Wire,
)

from .check_server import PATIENCE, Asked, Peer, Server
from .check_world import Stopwatch, World, asking, failing, fetched, opened, whole


def polite(peer: Peer) -> None:
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

    world.against(polite, work)


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
            for url in ("ftp://127.0.0.1", "http://", "http://[::1"):
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
    with Server(polite) as server:
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
    with Server(polite) as server:
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

    world.against(polite, work)


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
    works_in_a_forked_child,
    works_in_a_forked_child_after_use,
    threads_can_share_it,
    closed_is_closed,
    closing_ends_answers,
    time_passes,
)
