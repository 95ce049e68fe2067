"""A uvicorn server inside a program that handles signals itself."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn


class UnsignalledServer(uvicorn.Server):
    """Leaves SIGINT and SIGTERM alone; set `should_exit` to end it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def unsignalled(app: Any, **settings: Any) -> UnsignalledServer:
    """A server for an ASGI application; `serve(sockets)` it."""
    return UnsignalledServer(uvicorn.Config(app, log_level="warning", **settings))
