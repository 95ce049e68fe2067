"""The relay behind a real server: the official SDK, breaks on the wire, signals, relay.js."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.parts import program

import tailrace
from tailrace.core.chunked import body_of
from tailrace.core.heads import HeadReader
from tailrace.relay.relay import Relay

from .scripted import BEGINNING, ENDING, PARAMS, Script, delta, says

ROOT = Path(__file__).parents[2]
TEXT = [f"w{n} é€ " * 5 for n in range(250)]


class Served:
    """A relay behind uvicorn, in this event loop."""

    def __init__(self, *items) -> None:
        self.source = Script(*items)
        self.relay = Relay("memory:", source=self.source)
        self.relay.hooked = True

    async def __aenter__(self):
        app = Starlette(
            routes=[Mount("/claude", self.relay.app(owner=lambda request: "ada", spread=0.01))]
        )
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/claude"
        config = uvicorn.Config(app, log_level="critical", lifespan="off")
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server._serve(sockets=[sock]))
        while not self.server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *error) -> None:
        self.server.should_exit = self.server.force_exit = True
        await self.task
        await self.relay.close()


def slowly(texts):
    return [*BEGINNING, *(item for text in texts for item in (delta(text), 0.004)), *ENDING]


@pytest.mark.parametrize("sdk", ["anthropic", "tailrace"])
def test_the_sdks_use_it_unmodified(run, sdk) -> None:
    module = tailrace if sdk == "tailrace" else pytest.importorskip("anthropic")

    async def main() -> None:
        message = {**BEGINNING[0]["message"], "model": "m", "usage": {"output_tokens": 1}}
        start = {"type": "message_start", "message": {**message, "stop_reason": None}}
        params = {**PARAMS, "model": "claude-opus-4-6"}
        async with Served(start, *says("Hello", " there")[1:]) as site:
            client = module.AsyncAnthropic(base_url=site.url, api_key="any", max_retries=0)
            async with client.messages.stream(**params) as stream:
                assert await stream.get_final_text() == "Hello there"
            site.source.items = (ValueError("max_tokens: required"),)
            with pytest.raises(module.BadRequestError, match="max_tokens"):
                await client.messages.create(stream=True, **params)
            await client.close()

    run(main())


class Cutter:
    """A proxy that resets every connection after some bytes of the answer."""

    def __init__(self, port: int, sizes: list[int]) -> None:
        self.target = port
        self.sizes = sizes
        self.cuts = 0
        self.tasks: list[asyncio.Task] = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def accept(self, reader, writer) -> None:
        self.tasks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader, writer) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        left = self.sizes.pop(0) if self.sizes else 2**30

        async def forward() -> None:
            while data := await reader.read(65536):
                up_writer.write(data)
            up_writer.close()

        task = asyncio.create_task(forward())
        try:
            while left > 0 and (data := await up_reader.read(min(left, 700))):
                writer.write(data)
                await writer.drain()
                left -= len(data)
            self.cuts += left <= 0
        finally:
            task.cancel()
            writer.transport.abort()
            up_writer.transport.abort()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("dialect", ["anthropic", "text", "ui"])
def test_relay_js_heals_cut_connections(run, tmp_path, dialect) -> None:
    module = tmp_path / "relay.mjs"
    module.write_bytes((ROOT / "src/tailrace/relay/relay.js").read_bytes())

    async def main() -> None:
        async with Served(*slowly(TEXT)) as site:
            generation = await site.relay.start(PARAMS, owner="ada")
            # after the head, inside a character, inside an id, at once
            sizes = [900, 1111, 1502, 1, 803, 1205, 1007]
            async with Cutter(site.port, sizes) as proxy:
                path = f"/claude/v1/messages/{generation.id}?format={dialect}"
                url = f"http://127.0.0.1:{proxy.port}{path}"
                script = str(Path(__file__).parent / "heal.mjs")
                node = program("node", package="nodejs")
                process = await asyncio.create_subprocess_exec(
                    *(node, script, str(module), url, "{}"), stdout=asyncio.subprocess.PIPE
                )
                out, _ = await process.communicate()
                assert proxy.cuts >= 5
            found = json.loads(out)
            assert found["status"] == 200, found
            direct = await read(site.port, path)
            assert events_of(found["text"]) == events_of(direct)

    run(main())


async def read(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    head = HeadReader().feed(await reader.read())
    writer.close()
    assert head is not None
    body = body_of("GET", head.status, head.values("transfer-encoding"))
    text = body.feed(head.rest).decode()
    body.end()
    return text


def events_of(text: str) -> list[str]:
    blocks = text.split("\n\n")
    return [block for block in blocks if "data: " in block]


APP = """
import asyncio, os, sys
sys.path[:0] = [{src!r}, {tests!r}]
from starlette.applications import Starlette
from starlette.routing import Mount
from tailrace.relay.relay import Relay

async def source(params, so_far):
    yield {{"type": "message_start", "message": {{"id": "msg", "content": []}}}}
    for n in range(30):
        yield {{"type": "content_block_delta", "index": 0,
               "delta": {{"type": "text_delta", "text": f"{{n}},"}}}}
        await asyncio.sleep(0.05)

relay = Relay({where!r}, source=source, secret="s")
app = Starlette(
    routes=[Mount("/claude", relay.app(owner=lambda request: "ada", spread=0.1))],
    lifespan=relay.lifespan,
)
"""


def test_sigterm_breaks_the_viewers_and_lets_the_generation_end(run, tmp_path) -> None:
    where = str(tmp_path / "relay.db")
    text = APP.format(src=str(ROOT / "src"), tests=str(Path(__file__).parent), where=where)
    (tmp_path / "served.py").write_text(text)

    async def main() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uvicorn", "served:app", "--port", str(port)),
            cwd=tmp_path,
            stderr=asyncio.subprocess.DEVNULL,
        )
        reader, writer = await connect(port)
        body = json.dumps({**PARAMS, "stream": True}).encode()
        head = "POST /claude/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json"
        writer.write(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        seen = await reader.readuntil(b"5,")
        process.send_signal(signal.SIGTERM)
        seen += await reader.read()
        writer.close()
        assert not seen.endswith(b"0\r\n\r\n"), "broken, not ended"
        assert await process.wait() in (0, -signal.SIGTERM)
        found = next(line for line in seen.split(b"\r\n") if line.startswith(b"relay-id"))
        async with Relay(where, source=Script(), secret="s") as other:
            generation = await other.find(found.split()[1].decode(), owner="ada")
            assert await generation.ended() == "done"
            message = [event async for event in generation.follow()]
            assert sum(event["type"] == "content_block_delta" for event in message) >= 5

    run(main())


async def connect(port: int):
    for _ in range(500):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
    raise RuntimeError("the server did not come up")
