"""How to get to an origin, and what a request says when it is sent that way."""

from __future__ import annotations

import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from tailrace.core.heads import request_head
from tailrace.core.http import Request

from .proxies import Proxies, Proxy
from .redirects import DEFAULT_PORTS, origin
from .tls import Verify, context

_OURS = ("host", "content-length", "transfer-encoding")  # said twice, they would contradict us
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})


class Route(NamedTuple):
    """How to get to an origin; `tls` is for the origin, the proxy, or both."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None
    tls: ssl.SSLContext | None

    @property
    def tunnelled(self) -> bool:
        """Whether a proxy passes the bytes on unread."""
        return self.proxy is not None and self.scheme == "https"

    @property
    def address(self) -> str:
        """Host and port, as they stand in a `CONNECT`."""
        return f"{_bracketed(self.host)}:{self.port}"


def route_to(url: str, proxies: Proxies, verify: Verify) -> Route:
    """How to get to a URL's origin. Raises `ValueError` or `OSError` for what cannot work."""
    scheme, host, port = origin(url)
    proxy = proxies.proxy_for(scheme, host, port)
    secure = scheme == "https" or (proxy is not None and proxy.scheme == "https")
    return Route(scheme, host, port, proxy, context(verify) if secure else None)


def head_of(route: Route, request: Request) -> bytes:
    """The head of a request; a forwarding proxy is told the whole URL (RFC 9112, section 3.2.2).

    Raises `ValueError` for a request that cannot be sent as it is.
    """
    parts = urlsplit(request.url)
    default = route.port == DEFAULT_PORTS[route.scheme]
    host = _bracketed(route.host) if default else route.address
    target = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
    fields = {"accept-encoding": "identity", **request.headers}
    for name in _OURS:
        fields.pop(name, None)
    if route.proxy is not None and not route.tunnelled:
        target = f"{route.scheme}://{host}{target}"
        fields |= authorization(route.proxy)
    length = len(request.content)
    sized = length if length or request.method not in _WITHOUT_BODY else None
    return request_head(request.method, target, host, fields.items(), sized)


def authorization(proxy: Proxy) -> dict[str, str]:
    """The header that tells a proxy who is asking, if its URL says so."""
    value = proxy.authorization
    return {} if value is None else {"proxy-authorization": value}


def _bracketed(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets, other names in ASCII."""
    if ":" in host:
        return f"[{host}]"
    return host if host.isascii() else host.encode("idna").decode("ascii")
