"""Doors: by turns to whatever is up, and honest about what breaks."""

from __future__ import annotations

import asyncio
from typing import Any

from tailrace.web.doors import Doors


class Named:
    """A node that says its name, then breaks off or ends as told."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.port: int | None = None
        self.connections = 0
        self.heard = b""
        self.server: asyncio.Server | None = None

    async def open(self) -> Named:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def serve(self, reader: Any, writer: Any) -> None:
        writer.write(self.name)
        await writer.drain()
        self.heard += await reader.readline()
        writer.write(b"half an ans")
        writer.close()

    def close(self) -> None:
        assert self.server is not None
        self.server.close()


opened: list[asyncio.StreamWriter] = []


async def visit(port: int) -> tuple[Any, Any, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    opened.append(writer)
    return reader, writer, await asyncio.wait_for(reader.readexactly(1), 10)


def run(coroutine: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await coroutine
            for writer in opened:
                writer.close()
            opened.clear()
            await asyncio.sleep(0.02)  # closing is finished by the loop

    asyncio.run(main())


def test_by_turns_and_past_what_is_down() -> None:
    async def main() -> None:
        nodes = [await Named(name).open() for name in (b"a", b"b", b"c")]
        doors = Doors(nodes, 2)
        first, second = await doors.open()
        visits = [await visit(port) for port in (first, second, first)]
        assert sorted(name for _, _, name in visits) == [b"a", b"b", b"c"]
        assert [node.connections for node in nodes] == [1, 1, 1]
        nodes[0].port = None
        nodes[1].close()  # it says that it is up, and refuses
        assert {(await visit(second))[2] for _ in range(4)} == {b"c"}
        await doors.close()
        assert [node.connections for node in nodes] == [0, 0, 0]
        for node in (nodes[0], nodes[2]):
            node.close()

    run(main())


def test_bytes_go_both_ways_and_a_break_is_a_break() -> None:
    async def main() -> None:
        node = await Named(b"a").open()
        doors = Doors([node], 1)
        (port,) = await doors.open()
        reader, writer, _ = await visit(port)
        writer.write(b"hello\n")
        assert await reader.read() == b"half an ans"
        assert node.heard == b"hello\n"
        node.close()
        await doors.close()

    run(main())


def test_it_waits_for_a_node_but_not_for_ever() -> None:
    async def main() -> None:
        node = Named(b"a")
        doors, hasty = Doors([node], 1), Doors([node], 1, patience=0.01)
        (port,), (shut,) = await doors.open(), await hasty.open()
        reader, writer = await asyncio.open_connection("127.0.0.1", shut)
        assert await reader.read() == b""
        writer.close()
        waiting = asyncio.create_task(visit(port))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await node.open()
        assert (await waiting)[2] == b"a"
        node.close()
        await doors.close()
        await hasty.close()

    run(main())
