"""How a process of the relay is: its metrics and its health, as a raw ASGI application.

    GET  /metrics   Prometheus' text format
    GET  /healthz   200 while the process answers
    GET  /readyz    503 once it drains

For processes that have no site to mount these on, as workers. They tell nobody's secrets, but how
busy the process is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .asgi import App, Receive, Scope, Send, answer, answer_error
from .metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from .relay import Relay


def status_app(relay: Relay) -> App:
    """The application."""

    async def status(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] != "http":
            raise RuntimeError(f"the status answers HTTP, not {scope['type']}")
        ready = not relay.draining.is_set()
        match str(scope["path"]).removeprefix(str(scope.get("root_path", ""))):
            case "/metrics":
                data, kind = relay.metrics.text().encode(), CONTENT_TYPE.encode()
                await answer(send, 200, data, content_type=kind)
            case "/healthz":
                await answer(send, 200, {"ok": True})
            case "/readyz":
                await answer(send, 200 if ready else 503, {"ready": ready})
            case _:
                await answer_error(send, 404, "not_found_error", "there is nothing here")

    return status
