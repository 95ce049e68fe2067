"""Draining begins with SIGTERM or SIGINT, before the server waits for its connections.

Servers wait for open streams first and run the lifespan's shutdown after, so the lifespan comes too
late to break the streams. The relay therefore puts itself before whatever handler there is, begins
to drain, and lets that handler go on. Only the main thread can do that; elsewhere, call
`relay.begin_drain()`.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .relay import Relay

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def break_on_signals(relay: Relay) -> None:
    """Begin to drain when the process is told to stop; does nothing the second time."""
    if relay.hooked:
        return
    relay.hooked = True
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        before: Any = signal.getsignal(number)
        if callable(before):
            signal.signal(number, _chain(relay, loop, before))


def _chain(relay: Relay, loop: asyncio.AbstractEventLoop, before: Any) -> Any:
    def handle(number: int, frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the loop may be closed already
            loop.call_soon_threadsafe(relay.begin_drain)
        before(number, frame)

    return handle
