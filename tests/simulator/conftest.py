"""A raw HTTP client that shows the bytes of the wire, and requests to send with it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from tailrace.core.framing import EventStreamDecoder
from tailrace.simulator.acts import Act
from tailrace.simulator.ask import Ask
from tailrace.simulator.compose import compose
from tailrace.simulator.pace import Pace
from tailrace.simulator.pieces import Piece
from tailrace.simulator.simulator import Simulator

HEADERS = {
    "host": "sim",
    "x-api-key": "k",
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
}


@dataclass
class Answer:
    """What came back: the head, the body's chunks as HTTP framed them, and how it ended.

    `announced` is the length the last chunk claimed to have.
    """

    status: int
    headers: dict[str, str]
    chunks: list[bytes]
    announced: int
    ended: str  # "end" (the body is complete), "eof" or "reset" before that

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [one.json() for one in EventStreamDecoder().feed(self.body)]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def text(self) -> str:
        deltas = [event["delta"] for event in self.events if "delta" in event]
        return "".join(delta.get("text", "") for delta in deltas)


class Wire:
    """One connection, over which requests are sent by hand."""

    def __init__(self, sim: Simulator) -> None:
        self.socket = socket.create_connection((sim.host, sim.port), timeout=10)
        self.buffer = bytearray()
        self.ended = ""

    def send(self, body: Any = None, **options: Any) -> Wire:
        self.socket.sendall(encode_request(body, **options))
        return self

    def more(self) -> bool:
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            self.ended = "reset"
            return False
        self.ended = "" if data else "eof"
        self.buffer += data
        return bool(data)

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self.buffer and self.more():
            pass
        return bytes(self.buffer)

    def line(self, mark: bytes = b"\r\n") -> bytes | None:
        """What comes before the next mark, which is taken too."""
        self.read_until(mark)
        end = self.buffer.find(mark)
        if end < 0:
            return None
        line = bytes(self.buffer[:end])
        del self.buffer[: end + len(mark)]
        return line

    def take(self, size: int) -> bytes:
        while len(self.buffer) < size and self.more():
            pass
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def answer(self) -> Answer:
        """The next response, or what there is of it when the connection ends."""
        head = self.line(b"\r\n\r\n") or b""
        first, *lines = head.decode("latin-1").split("\r\n")
        named = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in named}
        status = int(first.split()[1]) if head else 0
        if headers.get("transfer-encoding") == "chunked":
            chunks, announced = self.chunks()
        else:
            announced = int(headers.get("content-length", 0))
            chunks = [self.take(announced)]
        return Answer(status, headers, chunks, announced, self.ended or "end")

    def chunks(self) -> tuple[list[bytes], int]:
        """The chunks; a last one that is cut short is given as far as it came."""
        chunks: list[bytes] = []
        size = 0
        while (line := self.line()) is not None:
            size = int(line, 16)
            chunk = self.take(size)
            if size:
                chunks.append(chunk)
            if len(self.take(2)) < 2 or not size:
                break
        return chunks, size

    def close(self) -> None:
        self.socket.close()


def encode_request(body: Any, *, path="/v1/messages", method="POST", **headers: str) -> bytes:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    named = {name: value for name, value in named.items() if value}
    named.setdefault("content-length", str(len(data)))
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def connect(sim: Simulator) -> Iterator[Callable[[], Wire]]:
    """Open a connection to the simulator."""
    wires: list[Wire] = []

    def open_one() -> Wire:
        wires.append(Wire(sim))
        return wires[-1]

    yield open_one
    for wire in wires:
        wire.close()


@pytest.fixture
def ask(connect: Callable[[], Wire]) -> Callable[..., Answer]:
    """Send one request on a connection of its own and read the answer."""

    def send(body: Any = None, **options: Any) -> Answer:
        return connect().send(says() if body is None else body, **options).answer()

    return send


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """A request's body."""
    return says


def says(text: str = "Hi", **fields: Any) -> dict[str, Any]:
    message = {"role": "user", "content": text}
    body = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": [message], "stream": True}
    return {name: value for name, value in {**body, **fields}.items() if value is not None}


@pytest.fixture
def composed() -> Callable[..., list[Piece]]:
    """The pieces of a script, without a network."""

    def run(*script: Act, pace: Pace | None = None, padding: bool = False, seed=0, **fields: Any):
        asked = Ask(says(**fields))
        return list(compose(script, asked, rng=Random(seed), pace=pace, padding=padding))

    return run


@pytest.fixture
def events(composed: Callable[..., list[Piece]]) -> Callable[..., list[dict[str, Any]]]:
    """The events of a script."""

    def run(*script: Act, **options: Any) -> list[dict[str, Any]]:
        data = b"".join(piece.data for piece in composed(*script, **options))
        return [one.json() for one in EventStreamDecoder().feed(data)]

    return run
