"""What the head of an answer says of the rest, for the wires that read it themselves."""

from __future__ import annotations

from typing import NamedTuple

from tailrace.core.chunked import Body, OpenBody, body_of
from tailrace.core.heads import Head
from tailrace.core.http import Headers, Request, Response
from tailrace.procedures.wire import ConnectionLost

from .inflate import Inflate, inflate_for


class Answer(NamedTuple):
    """An answer whose body is still to come; `rest` is what has come of it with the head."""

    response: Response
    body: Body
    inflate: Inflate | None
    rest: bytes
    reusable: bool
    """Whether the connection may serve another request when the body is complete."""


def answer_of(request: Request, head: Head, elapsed: float) -> Answer:
    """What came after `elapsed` seconds. Raises `BodyError` where the body cannot be read."""
    body = body_of(
        request.method,
        head.status,
        head.values("transfer-encoding"),
        head.values("content-length"),
    )
    response = Response(
        head.status,
        Headers(head.fields),
        request=request,
        http_version=f"HTTP/{head.version}",
        elapsed=elapsed,
    )
    return Answer(
        response,
        body,
        inflate_for(next(iter(head.values("content-encoding")), None)),
        head.rest,
        head.keeps_connection() and not isinstance(body, OpenBody),
    )


def unreadable(error: Exception) -> ConnectionLost:
    """The head or the framing makes no sense."""
    return ConnectionLost(f"the answer cannot be read: {error}")


def broken_off(error: Exception) -> ConnectionLost:
    """The body ended too early, or its framing makes no sense."""
    return ConnectionLost(f"the body broke off: {error}")
