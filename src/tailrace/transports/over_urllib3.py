"""The wire of a synchronous client: urllib3's connections, read without its response layer.

urllib3 makes the connection (TCP through `dial`, proxies, TLS), sends the request and reads the
head of the answer. The body is read by `BlockingIncoming`; urllib3 would give one chunk a call.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import time
import weakref
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER, parse_url

from tailrace.core.chunked import BodyError, body_of
from tailrace.core.http import Headers, Request, Response
from tailrace.procedures.wire import ConnectFailed, ConnectionLost, ConnectTimedOut

from .blocking import BlockingIncoming
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
from .inflate import inflate_for
from .leases import Lease, Origin, Pool
from .proxies import Proxies, Proxy
from .redirects import following, origin
from .sockets import dial
from .system import SystemTime, monotonic
from .tls import Verify, check_verify, context

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
    (http.client.InvalidURL, impossible),
    (http.client.HTTPException, lost),
    (BodyError, lambda error: ConnectionLost(f"the answer cannot be read: {error}")),
    (ValueError, impossible),
)
_LINE = 65_537  # bytes, the longest header line and one

_NOT_CONNECTED, _NOT_ANSWERED = kinds(_CONNECTING), kinds(_AWAITING)


class _Lines:
    """A file that remembers the last line it gave."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b""

    def readline(self, limit: int) -> bytes:
        """The next line."""
        self.last = self._file.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Answer(http.client.HTTPResponse):
    """An answer read as strictly as RFC 9112 asks, where `http.client` is lenient.

    Headers must end with an empty line, and every interim answer is skipped, not only 100.
    """

    def begin(self) -> None:
        """Read the head."""
        file: Any = self.fp
        self.fp = lines = cast("Any", _Lines(file))
        super().begin()
        self.fp = file
        if not lines.last:
            raise ConnectionResetError("the connection ended in the middle of the headers")

    def _read_status(self) -> tuple[str, int, str]:
        file: Any = self.fp
        while True:
            found: tuple[str, int, str] = cast("Any", super())._read_status()
            if not 102 <= found[1] < 200:
                return found
            while file.readline(_LINE) not in (b"\r\n", b"\n", b""):
                pass


class _Tuned:
    """What makes a connection of urllib3's one of ours."""

    def _new_conn(self: Any) -> socket.socket:
        """Make the TCP connection; urllib3's way would give each address the whole time."""
        return dial(self._dns_host, self.port, self.timeout)


class _Plain(_Tuned, HTTPConnection):
    response_class = _Answer


class _Secure(_Tuned, HTTPSConnection):
    response_class = _Answer


_KINDS: dict[str, type[_Plain | _Secure]] = {"http": _Plain, "https": _Secure}


class _Route(NamedTuple):
    """How to get to an origin."""

    key: Origin
    proxy: Proxy | None
    tls: ssl.SSLContext | None


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

        `wait` bounds sending, and then each read of the headers, which come in one read but from
        odd servers.
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
            route = self._route(origin(request.url))
        except (ValueError, OSError) as error:
            raise ConnectFailed(str(error), permanent=True) from error
        pool = self._own_pool()
        if pool.closed:
            raise ConnectFailed("the client is closed", permanent=True)
        lease = pool.lease(route.key, connect)
        if lease is None:
            raise ConnectTimedOut(
                f"all {self._limit} connections of this client are in use; "
                "close replies that are not read to their end, or raise max_connections"
            )
        try:
            connection = pool.take(route.key) or _connected(route, connect)
            lease.hold(connection, connection.sock)
            lease.busy = True
            return self._send(connection, route, lease, request, wait)
        except BaseException:
            lease.discard()
            raise
        finally:
            lease.busy = False

    def _route(self, key: Origin) -> _Route:
        """How to get to an origin. Raises `ValueError` or `OSError` for settings that do not do."""
        proxy = self._proxies.proxy_for(*key)
        secure = key[0] == "https" or (proxy is not None and proxy.scheme == "https")
        return _Route(key, proxy, context(self._verify) if secure else None)

    def _send(
        self,
        connection: HTTPConnection,
        route: _Route,
        lease: Lease,
        request: Request,
        wait: float | None,
    ) -> BlockingIncoming:
        began = monotonic()
        sock: Any = connection.sock
        connection.timeout = None if wait is None else max(wait, 0.001)
        sock.settimeout(connection.timeout)
        target, headers = _head(route, request)
        try:
            # The server may answer, and close, before it has read everything.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(request.method, target, request.content or None, headers)
            # urllib3's own `getresponse` would wrap the answer in the layer left out here.
            answer = http.client.HTTPConnection.getresponse(connection)
            lease.hold_file(answer)
            got = answer.headers
            codings, sizes = got.get_all("transfer-encoding", ()), got.get_all("content-length", ())
            body = body_of(request.method, answer.status, codings, sizes)
            inflate = inflate_for(got.get("content-encoding"))
        except _NOT_ANSWERED as error:
            raise crossed(error, _AWAITING) from error
        response = Response(
            answer.status,
            Headers(got.items()),
            request=request,
            http_version=f"HTTP/{answer.version / 10}",
            elapsed=monotonic() - began,
        )
        return BlockingIncoming(response, answer, body, inflate, lease, sock)


def _connected(route: _Route, connect: float | None) -> HTTPConnection:
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


def _connection(route: _Route) -> HTTPConnection:
    """A connection to an origin, or to the proxy that leads there; not connected yet."""
    scheme, host, port = route.key
    proxy = route.proxy
    options: dict[str, Any] = {} if route.tls is None else {"ssl_context": route.tls}
    if proxy is None:
        return _KINDS[scheme](host, port, **options)
    options["proxy"] = parse_url(proxy.url)
    options["proxy_config"] = ProxyConfig(route.tls, False, None, None)
    if scheme == "http":  # the proxy is told the whole URL
        return _KINDS[proxy.scheme](proxy.host, proxy.port, **options)
    connection = _Secure(proxy.host, proxy.port, **options)
    connection.set_tunnel(host, port, _authorization(proxy), scheme=proxy.scheme)
    return connection


def _head(route: _Route, request: Request) -> tuple[str, dict[str, str]]:
    """What the request line names, and the headers; a forwarding proxy is told the whole URL.

    urllib3 adds `host`, `content-length` and `accept-encoding: identity`.
    """
    headers = {"user-agent": SKIP_HEADER, **request.headers}
    parts = urlsplit(request.url)._replace(fragment="")
    if not parts.path:
        parts = parts._replace(path="/")
    if route.key[0] == "http" and route.proxy is not None:
        return parts.geturl(), {**headers, **_authorization(route.proxy)}
    return parts._replace(scheme="", netloc="").geturl(), headers


def _authorization(proxy: Proxy) -> dict[str, str]:
    value = proxy.authorization
    return {} if value is None else {"proxy-authorization": value}
