"""A TCP proxy that breaks connections the ways networks do, on command.

`cut(times, most)` resets the next `times` connections that say something, each after a random
number of bytes of the answer (up to `most`; those under way count from now). `stall()` leaves every
connection there is open and silent for ever, as a half-open one is: neither side learns anything.
New ones are fine.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable


class Chaos:
    """The proxy, in a thread of its own; a context manager."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self.target = target
        self.cuts = 0
        """How many connections were cut."""
        self._dice = random.Random(seed)
        self._left, self._most = 0, 1
        self._pipes: set[_Pipe] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Chaos:
        self._thread.start()
        self._server = self._call(self._listen)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *error: object) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, times: int, most: int) -> None:
        """Reset this many connections, each within so many bytes."""

        async def plan() -> None:
            self._left, self._most = times, most

        self._call(plan)

    def stall(self) -> int:
        """Go silent on all connections there are; how many there were."""

        async def silence() -> int:
            for pipe in self._pipes:
                pipe.silent = True
            return len(self._pipes)

        return self._call(silence)

    def doom(self, pipe: _Pipe) -> None:
        """Give a connection its last bytes, if more are to be cut."""
        if self._left and pipe.left is None:
            self._left -= 1
            pipe.left = self._dice.randrange(1, self._most)

    def _call(self, work: Callable):
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _listen(self):
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        for _ in range(3):
            await asyncio.sleep(0)  # who was accepted last has begun, and so closes what it has
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = _Pipe(self, reader, writer)
        self._pipes.add(pipe)
        try:
            await pipe.run()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._pipes.discard(pipe)
            writer.transport.abort()


class _Pipe:
    """One connection and the one behind it."""

    def __init__(self, chaos: Chaos, reader, writer) -> None:
        self.chaos, self.reader, self.writer = chaos, reader, writer
        self.left: int | None = None
        self.silent = False

    async def run(self) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.chaos.target)
        ways = [
            asyncio.create_task(self._forward(self.reader, up_writer)),
            asyncio.create_task(self._back(up_reader)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            up_writer.transport.abort()

    async def _forward(self, reader, writer) -> None:
        while data := await reader.read(65536):
            await self._unless_silent()
            writer.write(data)
            await writer.drain()

    async def _back(self, reader) -> None:
        while data := await reader.read(65536):
            await self._unless_silent()
            self.chaos.doom(self)
            last = self.left is not None and self.left <= len(data)
            self.writer.write(data[: self.left] if last else data)
            await self.writer.drain()
            if last:
                self._reset()
                return
            if self.left is not None:
                self.left -= len(data)

    async def _unless_silent(self) -> None:
        if self.silent:
            await asyncio.Event().wait()

    def _reset(self) -> None:
        self.chaos.cuts += 1
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
