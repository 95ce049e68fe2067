"""Ports that lead to whichever node is up: a load balancer of a page.

Theory of operation. A door joins each connection to a node, by turns, and passes bytes on without
a look at them. Where a node dies, the connections through it end in the middle of an answer, as
they would behind any balancer; the browser comes back, and is led to a node that is up. While there
is none it waits, for `patience` seconds.

There are several doors because a browser opens six HTTP/1.1 connections to one port, and every
viewer needs its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol

_PAUSE = 0.05
_CHUNK = 64 * 1024


class Node(Protocol):
    """Where a door may lead."""

    connections: int
    """How many connections lead there now."""

    @property
    def port(self) -> int | None:
        """The node's port on this machine, `None` while it is down."""
        ...


class Doors:
    """So many ports, all leading to the same nodes. `open` them, and `close` them."""

    def __init__(self, nodes: Sequence[Node], count: int, *, patience: float = 15.0) -> None:
        self._nodes = nodes
        self._count = count
        self._patience = patience
        self._turn = 0
        self._servers: list[asyncio.Server] = []
        self._joined: set[asyncio.Task[None]] = set()

    async def open(self) -> list[int]:
        """Listen on free ports of this machine; which they are."""
        for _ in range(self._count):
            self._servers.append(await asyncio.start_server(self._accept, "127.0.0.1", 0))
        return [int(server.sockets[0].getsockname()[1]) for server in self._servers]

    async def close(self) -> None:
        """Listen no more, and leave every connection."""
        for server in self._servers:
            server.close()
        tasks = list(self._joined)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed is let go of

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer))
        self._joined.add(task)
        task.add_done_callback(self._joined.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._patience):
                node, inner_reader, inner_writer = await self._lead()
        except TimeoutError:
            writer.close()
            return
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        node.connections += 1
        try:
            await _first_of(_pass(reader, inner_writer), _pass(inner_reader, writer))
        finally:
            node.connections -= 1
            inner_writer.close()
            writer.close()  # after what was read before the end

    async def _lead(self) -> tuple[Node, asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the next node that takes one."""
        while True:
            for _ in self._nodes:
                self._turn += 1
                node = self._nodes[self._turn % len(self._nodes)]
                if node.port is not None:
                    with suppress(OSError):
                        return node, *await asyncio.open_connection("127.0.0.1", node.port)
            await asyncio.sleep(_PAUSE)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
