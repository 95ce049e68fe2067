"""Which proxy leads to a host: the one that was given, or what the environment says.

The environment is read as the standard library reads it: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`
and `NO_PROXY` in upper or lower case, on macOS and Windows the system's settings too.
"""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from .redirects import DEFAULT_PORTS


class Proxy(NamedTuple):
    """A proxy's address; `url` is the whole of it, with the name and password if it has them."""

    scheme: str
    host: str
    port: int
    url: str

    def __repr__(self) -> str:
        return f"<Proxy {self.scheme}://{self.host}:{self.port}>"

    @property
    def authorization(self) -> str | None:
        """The value for `proxy-authorization`, if the URL has a name and password."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return "Basic " + b64encode(pair.encode()).decode("ascii")


def parse_proxy(url: str) -> Proxy:
    """A proxy from its URL; `http` is assumed where no scheme is given.

    Raises `ValueError` for what is not a proxy's address, without quoting it.
    """
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the proxy's URL cannot be read: its host or port is wrong") from None
    if parts.scheme.startswith("socks"):
        raise ValueError(
            "SOCKS proxies are reached through httpx2 only: "
            "pass http_client=httpx2.Client(proxy=...) (an AsyncClient to an async client)"
        )
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("the proxy's URL must be like http://host:port or https://host:port")
    return Proxy(parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme], url)


class Proxies:
    """A wire's choice of proxies."""

    def __init__(self, proxy: str | None, trust_env: bool) -> None:
        self._fixed = None if proxy is None else parse_proxy(proxy)
        self._trust_env = trust_env
        self._found: dict[tuple[str, str, int], Proxy | None] = {}

    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy that leads to an origin, or `None`. Raises as `parse_proxy` does.

        The environment is asked once for each origin.
        """
        if self._fixed is not None or not self._trust_env:
            return self._fixed
        origin = (scheme, host, port)
        if origin not in self._found:
            self._found[origin] = _from_environment(*origin)
        return self._found[origin]


def _from_environment(scheme: str, host: str, port: int) -> Proxy | None:
    from urllib.request import getproxies, proxy_bypass  # slow to import, seldom needed

    proxies = getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or proxy_bypass(f"{host}:{port}"):
        return None
    return parse_proxy(url)
