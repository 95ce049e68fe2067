"""The wire of a synchronous client: urllib3's connections, used without its request layer.

urllib3 makes the connection (TCP through `dial`, proxies, TLS). What is said on it is ours, as on
the asynchronous wire: the head of the answer (`core.heads`), and the body, which urllib3 would give
one chunk a call.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import time
import weakref
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from tailrace.core.chunked import BodyError
from tailrace.core.heads import Head, HeadError, HeadReader, packets
from tailrace.core.http import Request
from tailrace.procedures.wire import ConnectFailed, ConnectTimedOut

from .answers import answer_of, unreadable
from .blocking import READ_SIZE, BlockingIncoming
from .failures import (
    Border,
    connecting_took_too_long,
    crossed,
    impossible,
    kinds,
    lost,
    no_connection,
    nothing_came,
)
from .leases import Lease, Pool
from .proxies import Proxies
from .redirects import following
from .routes import Route, authorization, head_of, route_to
from .sockets import dial
from .system import SystemTime, monotonic
from .tls import Verify, check_verify

DEFAULT_MAX_CONNECTIONS = 1000
"""How many connections a wire has in use at once unless told otherwise."""


_CONNECTING: Border = (
    (ssl.SSLCertVerificationError, no_connection),
    (TimeoutError, connecting_took_too_long),
    (OSError, no_connection),
    (http.client.HTTPException, no_connection),
    (HTTPError, no_connection),
    (ValueError, impossible),
)
_AWAITING: Border = (
    (TimeoutError, nothing_came),
    (OSError, lost),
    (HeadError, unreadable),
    (BodyError, unreadable),
    (ValueError, impossible),
)
_NOT_CONNECTED, _NOT_ANSWERED = kinds(_CONNECTING), kinds(_AWAITING)


class _Tuned:
    """What makes a connection of urllib3's one of ours."""

    def _new_conn(self: Any) -> socket.socket:
        """Make the TCP connection; urllib3's way would give each address the whole time."""
        return dial(self._dns_host, self.port, self.timeout)


class _Plain(_Tuned, HTTPConnection):
    pass


class _Secure(_Tuned, HTTPSConnection):
    pass


_KINDS: dict[str, type[_Plain | _Secure]] = {"http": _Plain, "https": _Secure}


class Urllib3Wire(SystemTime):
    """A wire over urllib3, for synchronous clients; threads may share it.

    `verify` says which certificates to trust, `proxy` is the URL of the proxy to use; without one,
    `trust_env` has the environment's used. At most `max_connections` are in use at once; beyond
    that `open` waits for one, as long as for connecting. Raises `TypeError`, `ValueError` or
    `FileNotFoundError` for settings that cannot work.
    """

    def __init__(
        self,
        *,
        verify: Verify = True,
        proxy: str | None = None,
        trust_env: bool = True,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
    ) -> None:
        check_verify(verify)
        if max_connections < 1:
            raise ValueError(f"max_connections must be at least 1, not {max_connections}")
        self._verify: Verify = verify
        self._proxies = Proxies(proxy, trust_env)
        self._limit = max_connections
        self._pool = self._new_pool()

    async def open(
        self, request: Request, *, connect: float | None, wait: float | None
    ) -> BlockingIncoming:
        """Send a request and return the answer once its headers are there; see `Wire`.

        `wait` bounds sending and waiting for the headers together.
        """

        async def exchange(request: Request) -> BlockingIncoming:
            return self._exchange(request, connect, wait)

        return await following(exchange, request)

    async def sleep(self, seconds: float) -> None:
        """Pause for a time in seconds."""
        time.sleep(seconds)  # noqa: ASYNC251 - the wire blocks; see `settle`

    async def close(self) -> None:
        """Close every connection, those in use too. May be called again."""
        self._own_pool().close()

    def _new_pool(self) -> Pool:
        pool = Pool(self._limit)
        weakref.finalize(self, pool.retire)
        return pool

    def _own_pool(self) -> Pool:
        """This process's pool: a forked child makes its own the first time it asks."""
        pool = self._pool
        if pool.pid != os.getpid():
            inherited = pool
            pool = self._pool = self._new_pool()
            pool.closed = inherited.closed
            inherited.close_idle()
        return pool

    def _exchange(
        self, request: Request, connect: float | None, wait: float | None
    ) -> BlockingIncoming:
        try:
            route = route_to(request.url, self._proxies, self._verify)
            head = head_of(route, request)
        except (ValueError, OSError) as error:
            raise ConnectFailed(str(error), permanent=True) from error
        pool = self._own_pool()
        if pool.closed:
            raise ConnectFailed("the client is closed", permanent=True)
        lease = pool.lease(route, connect)
        if lease is None:
            raise ConnectTimedOut(
                f"all {self._limit} connections of this client are in use; "
                "close replies that are not read to their end, or raise max_connections"
            )
        try:
            connection = pool.take(route) or _connected(route, connect)
            lease.hold(connection, connection.sock)
            lease.busy = True
            return _asked(connection, lease, request, head, wait)
        except BaseException:
            lease.discard()
            raise
        finally:
            lease.busy = False


def _asked(
    connection: HTTPConnection, lease: Lease, request: Request, head: bytes, wait: float | None
) -> BlockingIncoming:
    """Send a request, and read the head of its answer."""
    began = monotonic()
    until = None if wait is None else began + wait
    sock: Any = connection.sock
    sock.settimeout(None if wait is None else max(wait, 0.001))
    try:
        # The server may answer, and close, before it has read everything.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for packet in packets(head, request.content):
                sock.sendall(packet)
        found = _read_head(sock, until)
        answer = answer_of(request, found, monotonic() - began)
    except _NOT_ANSWERED as error:
        raise crossed(error, _AWAITING) from error
    return BlockingIncoming(answer, lease, sock)


def _read_head(sock: Any, until: float | None) -> Head:
    """The head of an answer. Raises `HeadError` or `OSError`, `TimeoutError` among them."""
    reader = HeadReader()
    while True:
        if until is not None:
            sock.settimeout(max(until - monotonic(), 0.001))
        raw = sock.recv(READ_SIZE)
        if not raw:
            reader.end()
        found = reader.feed(raw)
        if found is not None:
            return found


def _connected(route: Route, connect: float | None) -> HTTPConnection:
    """A new connection that stands within `connect` seconds."""
    try:
        connection = _connection(route)
        connection.timeout = None if connect is None else max(connect, 0.001)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
    except _NOT_CONNECTED as error:
        raise crossed(error, _CONNECTING) from error
    return connection


def _connection(route: Route) -> HTTPConnection:
    """A connection to an origin, or to the proxy that leads there; not connected yet."""
    scheme, host, port, proxy, tls = route
    options: dict[str, Any] = {} if tls is None else {"ssl_context": tls}
    if proxy is None:
        return _KINDS[scheme](host, port, **options)
    options["proxy"] = parse_url(proxy.url)
    options["proxy_config"] = ProxyConfig(tls, False, None, None)
    if scheme == "http":  # the proxy is told the whole URL
        return _KINDS[proxy.scheme](proxy.host, proxy.port, **options)
    connection = _Secure(proxy.host, proxy.port, **options)
    connection.set_tunnel(host, port, authorization(proxy), scheme=proxy.scheme)
    return connection
