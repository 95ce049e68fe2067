"""Leaves an answer unread in one of several ways and ends: `python leaving.py wire way`."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

from tailrace.procedures.wire import Wire, settle
from tailrace.transports.check_server import PATIENCE, Peer, Server
from tailrace.transports.check_world import opened, whole


def script(peer: Peer) -> None:
    for number, _ in enumerate(peer.requests()):
        peer.head("transfer-encoding: chunked")
        peer.chunk(b"begun")
        if number == 0:
            peer.last_chunk()


class Cycle:
    """A cycle that has an answer in it."""

    def __init__(self, incoming: Any) -> None:
        self.itself = self
        self.incoming = incoming


KEPT: list[Any] = []


async def leave(wire: Wire, way: str) -> None:
    assert await whole(await opened(wire, server.url)) == b"begun"
    incoming = await opened(wire, server.url)
    assert await incoming.read(PATIENCE) == b"begun"
    if way == "cycle":
        Cycle(incoming)
        del incoming
        gc.collect()
    elif way == "kept":
        KEPT.append((wire, incoming))


server = Server(script).__enter__()
if sys.argv[1] == "urllib3":
    from tailrace.transports.over_urllib3 import Urllib3Wire

    settle(leave(Urllib3Wire(), sys.argv[2]))
else:
    from tailrace.transports.over_asyncio import AsyncioWire

    if sys.argv[1] == "careless":
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave(AsyncioWire(), sys.argv[2]))
    else:
        asyncio.run(leave(AsyncioWire(), sys.argv[2]))
print("left")
