"""What every wire must do with an answer: hand it on as it comes, whole, or say that it is not."""

from __future__ import annotations

import gc
import gzip
import time
from threading import Event, Timer
from typing import Any

from tailrace.procedures.wire import ConnectionLost, Incoming, WaitTimedOut, Wire

from .check_server import PATIENCE, Peer, Script, Server
from .check_world import Stopwatch, World, asking, failing, fetched, opened, whole


def arrives_as_sent(world: World) -> None:
    """The first bytes are there before the rest is sent."""
    seen = Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.head("transfer-encoding: chunked")
        peer.chunk(b"first ")
        assert seen.wait(PATIENCE), "the first bytes were held back"
        peer.chunk(b"second")
        peer.last_chunk()
        peer.client_closed()

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            incoming = await opened(wire, server.url)
            assert await incoming.read(PATIENCE) == b"first "
            seen.set()
            assert await whole(incoming) == b"second"
            assert incoming.response.is_closed

    world.against(script, work)


_BODY = b"event: ping\ndata: {}\n\n" * 500


def _chunked(peer: Peer) -> None:
    peer.head("transfer-encoding: chunked")
    peer.chunk(*(_BODY[at : at + 22] for at in range(0, len(_BODY), 22)))
    peer.send(b"0;last=yes\r\nx-trailer: 1\r\n\r\n")


def _sized(peer: Peer) -> None:
    peer.answer(_BODY)


def _until_close(peer: Peer) -> None:
    peer.head("connection: close")
    peer.send(_BODY)
    peer.close()


def _dribbled(peer: Peer) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in head + b"22\r\n" + _BODY[:34] + b"\r\n0\r\n\r\n":
        peer.send(bytes([byte]))


def _compressed(peer: Peer) -> None:
    peer.answer(gzip.compress(_BODY), "content-encoding: gzip")


def _after_hints(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </style>\r\n\r\n")
    peer.answer(_BODY)


def _nothing(peer: Peer) -> None:
    peer.answer(b"")


def _no_content(peer: Peer) -> None:
    peer.head(status="204 No Content")


_WHOLE: tuple[tuple[Script, bytes], ...] = (
    (_chunked, _BODY),
    (_sized, _BODY),
    (_until_close, _BODY),
    (_dribbled, _BODY[:34]),
    (_compressed, _BODY),
    (_after_hints, _BODY),
    (_nothing, b""),
    (_no_content, b""),
)


def comes_whole(world: World) -> None:
    """However a body is delimited, chunked and cut up, it comes whole and ends properly."""
    for answer, expected in _WHOLE:
        _comes_whole(world, answer, expected)


def _comes_whole(world: World, answer: Script, expected: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        answer(peer)
        if answer is not _until_close:
            peer.client_closed()

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            assert await fetched(wire, server.url) == expected

    world.against(script, work)


def request_is_sent_as_it_is(world: World) -> None:
    """Method, path, query, headers and a large body arrive; compression is not asked for."""
    content = b"\x00prompt" * 400_000
    got: list[Any] = []

    def script(peer: Peer) -> None:
        got.append(peer.request())
        peer.answer(b"ok", "request-id: req_1", "x-twice: a", "x-twice: b", status="201 Created")
        peer.client_closed()

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            headers = {"x-api-key": "secret", "content-type": "application/json"}
            request = asking(server.url, content=content, headers=headers)
            request.url += "?beta=true&a=%20b"
            incoming = await wire.open(request, connect=PATIENCE, wait=PATIENCE)
            response = incoming.response
            assert await whole(incoming) == b"ok"
            assert (response.status_code, response.request_id) == (201, "req_1")
            assert response.headers.get_list("x-twice") == ["a", "b"]
            assert response.http_version == "HTTP/1.1"
            assert response.elapsed >= 0
            assert response.url == request.url

    world.against(script, work)
    asked = got[0]
    assert asked.line == "POST /v1/messages?beta=true&a=%20b HTTP/1.1"
    assert asked.headers["x-api-key"] == "secret"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["host"].startswith("127.0.0.1:")
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.body == content


def _half_chunk(peer: Peer) -> None:
    peer.head("transfer-encoding: chunked")
    peer.chunk(b"begun")
    peer.send(b"ff\r\nhalf")


def _no_last_chunk(peer: Peer) -> None:
    peer.head("transfer-encoding: chunked")
    peer.chunk(b"begun")


def _too_short(peer: Peer) -> None:
    peer.head("content-length: 100")
    peer.send(b"begun")


_BROKEN: tuple[Script, ...] = (_half_chunk, _no_last_chunk, _too_short)


def broken_ends_are_noticed(world: World) -> None:
    """A body that ends too early gives what came, then `ConnectionLost`, every time."""
    for ending in _BROKEN:
        _is_noticed(world, ending)


def _is_noticed(world: World, ending: Script) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        ending(peer)

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            await _begun_then_lost(await opened(wire, server.url))

    world.against(script, work)


async def _begun_then_lost(incoming: Incoming, after: Any = None) -> None:
    body = b""
    while not body.startswith(b"begun"):
        data = await incoming.read(PATIENCE)
        assert data, f"the body ended with {body!r} as if it were whole"
        body += data
    if after is not None:
        after()
    error = await failing(ConnectionLost, _read_to_end(incoming))
    assert "begun" not in str(error), "an error's text must not quote the body"
    await failing(ConnectionLost, incoming.read(PATIENCE))
    await incoming.close()
    assert incoming.response.is_closed


async def _read_to_end(incoming: Incoming) -> bytes:
    body = b""
    while data := await incoming.read(PATIENCE):
        body += data
    return body


def resets_are_noticed(world: World) -> None:
    """A reset in the middle of a body is `ConnectionLost`, also if the body has no given size."""
    for framing in ("transfer-encoding: chunked", "content-length: 100", "connection: close"):
        _breaking_is_noticed(world, framing, Peer.reset)


def malformed_chunks_are_noticed(world: World) -> None:
    """Bytes that are no chunk where one must be are `ConnectionLost`."""
    _breaking_is_noticed(world, "transfer-encoding: chunked", _send_no_chunk)


def _send_no_chunk(peer: Peer) -> None:
    peer.send(b"what?\r\n")
    peer.client_closed()


def _breaking_is_noticed(world: World, framing: str, breaking: Script) -> None:
    read = Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.head(framing)
        (peer.chunk if "chunked" in framing else peer.send)(b"begun")
        read.wait(PATIENCE)
        breaking(peer)

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            await _begun_then_lost(await opened(wire, server.url), read.set)

    world.against(script, work)


def losing_it_before_the_headers(world: World) -> None:
    """A connection that breaks before the headers is `ConnectionLost`; so is no HTTP at all."""
    for reply in (b"", b"HTTP/1.1 200 OK\r\ncontent-ty", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"):
        _lost_before_the_headers(world, reply)


def _lost_before_the_headers(world: World, reply: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(reply)

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            await failing(ConnectionLost, opened(wire, server.url))

    world.against(script, work)


def waits_end_in_time(world: World) -> None:
    """`WaitTimedOut` where headers or bytes do not come, in the time given to that wait."""

    def script(peer: Peer) -> None:
        peer.request()
        if peer.number > 1:
            peer.head("transfer-encoding: chunked")
            peer.chunk(b"begun")
        peer.client_closed()

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            watch = Stopwatch()
            await failing(WaitTimedOut, opened(wire, server.url, wait=0.06))
            watch.check(0.06)
            incoming = await opened(wire, server.url)
            assert await incoming.read(PATIENCE) == b"begun"
            watch = Stopwatch()
            await failing(WaitTimedOut, incoming.read(0.06))
            watch.check(0.06)
            await incoming.close()
            assert incoming.response.is_closed

    world.against(script, work)


def each_read_has_its_own_wait(world: World) -> None:
    """A read may wait longer than the headers were allowed to take, the next one shorter."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.head("transfer-encoding: chunked")
        time.sleep(0.3)
        peer.chunk(b"begun")
        peer.client_closed()

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            incoming = await opened(wire, server.url, wait=0.25)
            assert await incoming.read(None) == b"begun"
            watch = Stopwatch()
            await failing(WaitTimedOut, incoming.read(0.06))
            watch.check(0.06)
            await incoming.close()

    world.against(script, work)


def abort_wakes_a_read(world: World) -> None:
    """`abort` in another thread ends a read with `ConnectionLost`, and the connection with it."""
    for framing in ("transfer-encoding: chunked", "connection: close"):
        _abort_wakes_a_read(world, framing)


def _abort_wakes_a_read(world: World, framing: str) -> None:
    closed: list[bool] = []

    def script(peer: Peer) -> None:
        peer.request()
        peer.head(framing)
        closed.append(peer.client_closed())

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            incoming = await opened(wire, server.url)
            watch = Stopwatch()
            timer = Timer(0.05, incoming.abort)
            timer.start()
            await failing(ConnectionLost, incoming.read(PATIENCE))
            watch.check(0.04)
            timer.join()
            incoming.abort()
            await failing(ConnectionLost, incoming.read(PATIENCE))
            await incoming.close()
            await incoming.close()

    world.against(script, work)
    assert closed == [True], "an abort must close the connection"


def unread_answers_close_their_connection(world: World) -> None:
    """Closed, aborted or just dropped before its end: the server sees it at once."""
    closed: list[bool] = []

    def script(peer: Peer) -> None:
        peer.request()
        peer.head("transfer-encoding: chunked")
        peer.chunk(b"begun")
        closed.append(peer.client_closed())

    async def by_close(incoming: Incoming) -> Incoming | None:
        await incoming.close()
        return incoming

    async def by_abort(incoming: Incoming) -> Incoming | None:
        incoming.abort()
        return incoming

    async def by_dropping(incoming: Incoming) -> Incoming | None:
        return None

    async def work(server: Server) -> None:
        async with world.wire() as wire:
            for number, end in enumerate((by_close, by_abort, by_dropping, by_dropping), 1):
                incoming: Incoming | None = await opened(wire, server.url)
                assert incoming is not None
                if number < 4:
                    assert await incoming.read(PATIENCE) == b"begun"
                incoming = await end(incoming)
                gc.collect()
                await _until(wire, lambda number=number: len(closed) == number)
            assert server.connections == 4, "a connection in use was used again"

    world.against(script, work)
    assert closed == [True] * 4


async def _until(wire: Wire, done: Any) -> None:
    for _ in range(int(PATIENCE * 50)):
        if done():
            return
        await wire.sleep(0.01)
    raise AssertionError("the server did not see the connection close")


BODY_CHECKS = (
    arrives_as_sent,
    comes_whole,
    request_is_sent_as_it_is,
    broken_ends_are_noticed,
    resets_are_noticed,
    malformed_chunks_are_noticed,
    losing_it_before_the_headers,
    waits_end_in_time,
    each_read_has_its_own_wait,
    abort_wakes_a_read,
    unread_answers_close_their_connection,
)
