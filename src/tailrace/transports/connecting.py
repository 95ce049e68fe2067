"""Making a connection on an event loop: TCP, proxies, TLS.

The addresses of a host are tried as RFC 8305 ("happy eyeballs") says: the next one a quarter of a
second after the last, or as soon as that has failed, and the first that answers is taken. So an
address that swallows packets costs a moment, not the whole time.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from tailrace.core.heads import request_head

from .connection import Connection
from .lean_tls import begin_tls
from .moving_timer import MovingTimer
from .proxies import Proxy
from .routes import Route, authorization
from .sockets import made

ATTEMPT_DELAY = 0.25
"""Seconds until the next address is tried besides the one before (RFC 8305, section 5)."""


class ProxyRefusedError(OSError):
    """The proxy opened no tunnel."""


async def connected(route: Route) -> Connection:
    """A new connection. Raises `OSError` (`ssl.SSLError` among them); its time is the caller's."""
    loop = asyncio.get_running_loop()
    near: Proxy | Route = route.proxy or route
    sock = await dial(near.host, near.port)
    connection = Connection(loop)
    try:
        if near.scheme == "https" and route.tls is not None:
            await begin_tls(loop, connection, sock, route.tls, near.host)
        else:
            await loop.create_connection(lambda: connection, sock=sock)
    except BaseException:
        sock.close()
        raise
    if route.tunnelled:
        try:
            await _tunnel(connection, route, loop)
        except BaseException:
            connection.cut()
            raise
    return connection


async def _tunnel(connection: Connection, route: Route, loop: asyncio.AbstractEventLoop) -> None:
    """Have the proxy pass bytes on to the origin, and begin TLS with that (RFC 9110, 9.3.6)."""
    assert route.proxy is not None
    assert route.tls is not None
    assert connection.transport is not None
    timer = MovingTimer(loop, connection.expire)
    asked = authorization(route.proxy)
    head = await connection.ask(
        request_head("CONNECT", route.address, route.address, asked.items(), None),
        b"",
        timer,
        None,
    )
    if not 200 <= head.status < 300:
        raise ProxyRefusedError(errno.ECONNREFUSED, f"the proxy answered {head.status}")
    connection.begin_tunnel()
    connection.transport = await loop.start_tls(
        connection.transport, connection, route.tls, server_hostname=route.host
    )


async def dial(host: str, port: int) -> socket.socket:
    """A connected, tuned socket. Raises `OSError`: what the first address failed with."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(by_turns(found))
    if not addresses:
        raise OSError(errno.EADDRNOTAVAIL, "the host name has no address")
    if len(addresses) == 1:
        return await _dialled(addresses[0], loop)
    return await _race(addresses, loop)


def by_turns(addresses: Iterable[Any]) -> Iterable[Any]:
    """The entries of `getaddrinfo`, the families by turns (RFC 8305, section 4)."""
    families: dict[int, list[Any]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    for group in zip_longest(*families.values()):
        yield from (address for address in group if address is not None)


async def _race(addresses: list[Any], loop: asyncio.AbstractEventLoop) -> socket.socket:
    """The first socket that connects, the attempts begun one after the other."""
    waiting, running = list(addresses), set[asyncio.Task[socket.socket]]()
    failure: BaseException | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(loop.create_task(_dialled(waiting.pop(0), loop)))
            done, running = await asyncio.wait(
                running,
                timeout=ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            won: socket.socket | None = None
            for attempt in done:
                error = attempt.exception()
                if error is not None:
                    failure = failure or error
                elif won is None:
                    won = attempt.result()
                else:
                    attempt.result().close()
            if won is not None:
                return won
        assert failure is not None
        raise failure
    finally:
        for attempt in running:
            attempt.cancel()
            attempt.add_done_callback(_close_late)
        del failure  # its traceback refers to this frame


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    """Close a socket that connected after another had won."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _dialled(address: Any, loop: asyncio.AbstractEventLoop) -> socket.socket:
    sock = made(address)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address[4])
    except BaseException:
        sock.close()
        raise
    return sock
