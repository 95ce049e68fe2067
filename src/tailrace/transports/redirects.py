"""Redirects: followed only where that can neither change the request nor carry the key elsewhere.

307 and 308 repeat the request as it is (RFC 9110, sections 15.4.8 and 15.4.9), and only to the same
origin. Every other redirect is an answer like any other, for the caller to see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from tailrace.core.http import Request
from tailrace.procedures.wire import Incoming

MAX_REDIRECTS = 5
"""How many redirects are followed before the next one is handed over as the answer."""

DEFAULT_PORTS = {"http": 80, "https": 443}
"""The port of a URL that names none."""

AnIncoming = TypeVar("AnIncoming", bound=Incoming)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL. Raises `ValueError` unless it is one of `http` or `https`."""
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("the URL must begin with http:// or https:// and name a host")
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]


def redirected(request: Request, status: int, location: str | None) -> Request | None:
    """The request to make instead, or `None` if the answer is to be handed over."""
    if status not in (307, 308) or not location:
        return None
    url = urljoin(request.url, location).partition("#")[0]
    try:
        if origin(url) != origin(request.url):
            return None
    except ValueError:
        return None
    return Request(request.method, url, request.headers, request.content)


async def following(
    exchange: Callable[[Request], Awaitable[AnIncoming]], request: Request
) -> AnIncoming:
    """Make a request, follow its redirects, and return the answer."""
    for _ in range(MAX_REDIRECTS):
        incoming = await exchange(request)
        response = incoming.response
        further = redirected(request, response.status_code, response.headers.get("location"))
        if further is None:
            return incoming
        await incoming.close()
        request = further
    return await exchange(request)
