"""The chat page's application: a few files, who is asking, and the relay.

Whoever opens the page gets a random name in a cookie, which no script can read, and sees the
generations of that name alone. Everything else is the relay's endpoint.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tailrace.relay import Limits, Relay

from .files import page_file

COOKIE = "tailrace_chat"
_NAME = re.compile(r"[A-Za-z0-9_-]{22,64}")
_YEAR = 365 * 86_400

_FILES = ("chat.css", "chat.js", "markdown.js", "theme.css")


def chat_app(
    relay: Relay, *, model: str, max_tokens: int = 4096, name: str | None = None
) -> Starlette:
    """The page at `/`, and what it needs, on a relay of yours; it may be mounted anywhere.

    `model` is what it asks, for at most `max_tokens` tokens an answer, and `name` what the page
    calls it (its own name if not given). The relay is drained and closed with the application.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")

    def settings(request: Request) -> Response:
        return JSONResponse({"model": model, "maxTokens": max_tokens, "name": name or model})

    limits = Limits(models=(model,), max_tokens=max_tokens)
    return Starlette(
        routes=[
            Route("/", _file("chat.html")),
            *(Route(f"/{name}", _file(name)) for name in _FILES),
            Route("/settings", settings),
            Mount("/claude", relay.app(owner=visitor, limits=limits)),
        ],
        lifespan=relay.lifespan,
    )


def visitor(request: Request) -> str | None:
    """Who is asking: the name in the cookie, `None` without one."""
    name = request.cookies.get(COOKIE, "")
    return name if _NAME.fullmatch(name) else None


def _file(name: str) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        response = page_file(name)
        if visitor(request) is None:
            response.set_cookie(
                COOKIE,
                secrets.token_urlsafe(24),
                max_age=_YEAR,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return response

    return serve
