"""A node of the show: a web server with the relay, in a process of its own.

    python -m tailrace.web.node < settings

The first line of its input says what it is to do, as JSON; its first line of output is the port it
listens on. It ends when its input does, so that no node outlives the program that started it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.routing import Mount

from tailrace.relay import Pulse, Relay, Tempo

from .story import Teller

TEMPO = Tempo(flush=0.04, lease=1.5)
PULSE = Pulse(grace=0.4)


def node_app(
    journal: str, *, token: str, origin: str, pace: float, viewers: int = 100
) -> Starlette:
    """The relay at `/claude`, for the page at `origin` and whoever has the token.

    `viewers` is how many may follow here at once.
    """

    def owner(request: Request) -> str | None:
        given = request.query_params.get("token", "")
        return "show" if secrets.compare_digest(given.encode(), token.encode()) else None

    relay = Relay(
        journal,
        source=Teller(pace),
        secret=token,
        on_crash="continue",
        tempo=TEMPO,
        pulse=PULSE,
    )
    return Starlette(
        routes=[Mount("/claude", relay.app(owner=owner, owner_viewers=viewers))],
        middleware=[Middleware(CORSMiddleware, allow_origins=[origin])],
        lifespan=relay.lifespan,
    )


def main() -> None:
    """Serve, as the input says, until it ends."""
    settings: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    bound = socket.create_server(("127.0.0.1", 0))
    app = node_app(**settings)
    sys.stdout.write(f"{bound.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([bound])


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
