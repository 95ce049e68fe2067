"""Every cell of the fault matrix, over real sockets, through every transport."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.e2e.readers import ASKED, NAMES, SUSPENDED
from tests.e2e.stream_server import Play, StreamServer
from tests.faults.matrix import (
    PATIENT,
    SECONDS,
    SENT,
    WHOLE,
    WHOLE_TEXT,
    Cell,
    cells,
    markdown,
    play,
)

import tailrace
from tailrace import Anthropic, AsyncAnthropic, Timeout

ROOT = Path(__file__).parents[2]


class Found(NamedTuple):
    """What a client made of a fault."""

    text: str
    message: Any
    error: Exception | None


def options(server: StreamServer, max_retries: int, clocks: dict[str, float]) -> dict[str, Any]:
    return {
        "base_url": server.url,
        "api_key": "k",
        "max_retries": max_retries,
        "timeout": Timeout(connect=30, **clocks),
    }


def read(
    name: str, server: StreamServer, max_retries: int, clocks: dict[str, float] = PATIENT
) -> Found:
    """Ask once through a transport, reading events."""
    given = options(server, max_retries, clocks)
    if name == "urllib3":
        with Anthropic(**given) as client:
            return sync_read(client)
    if name == "asyncio":
        return asyncio.run(async_read(AsyncAnthropic(**given)))
    httpx2 = pytest.importorskip("httpx2")
    if name == "httpx2":
        with httpx2.Client() as http, Anthropic(http_client=http, **given) as client:
            return sync_read(client)

    async def main() -> Found:
        async with httpx2.AsyncClient() as http:
            return await async_read(AsyncAnthropic(http_client=http, **given))

    if name == "httpx2-asyncio":
        return asyncio.run(main())
    found: Found = pytest.importorskip("trio").run(main)
    return found


def sync_read(client: Anthropic) -> Found:
    text, message, failure = "", None, None
    try:
        with client.messages.stream(**ASKED) as stream:
            for event in stream:
                text += event.text if event.type == "text" else ""
            message = stream.get_final_message()
    except Exception as error:  # whatever is raised is what is looked at
        failure = error
    return Found(text, message, failure)


async def async_read(client: AsyncAnthropic) -> Found:
    text, message, failure = "", None, None
    async with client:
        try:
            async with client.messages.stream(**ASKED) as stream:
                async for event in stream:
                    text += event.text if event.type == "text" else ""
                message = await stream.get_final_message()
        except Exception as error:
            failure = error
    return Found(text, message, failure)


@pytest.fixture(params=[pytest.param(n, marks=SUSPENDED if "trio" in n else ()) for n in NAMES])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def check_failure(cell: Cell, found: Found) -> None:
    assert type(found.error).__name__ == cell.error, repr(found.error)
    error: Any = found.error
    assert isinstance(error, tailrace.APIError)
    if cell.clocks:
        assert error.clock in cell.clocks
        assert error.seconds == SECONDS[error.clock]
    assert found.message is None
    arrived = SENT[cell.moment][1]
    assert found.text == arrived
    if arrived:
        assert error.partial.content[0].text == arrived
        assert not error.partial.complete
    assert error.attempts[-1].wait is None


def check_whole(found: Found, text: str) -> None:
    assert found.error is None
    assert found.message.complete
    assert found.text == text


@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_without_retries(cell: Cell, name: str) -> None:
    with StreamServer() as server:
        server.play(play(cell))
        found = read(name, server, 0, SECONDS if cell.clocks else PATIENT)
        if cell.error is None:
            whole = WHOLE_TEXT if cell.moment not in ("in_tool_input", "in_thinking") else ""
            check_whole(found, whole)
        else:
            check_failure(cell, found)
        assert len(server.bodies) == 1
        assert server.wait_until(lambda: server.open == 0)


@pytest.mark.parametrize("cell", [cell for cell in cells() if cell.error], ids=str)
def test_with_a_try_left(cell: Cell, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace.transports.system.SystemTime.chance", lambda _: 0.001)
    with StreamServer() as server:
        server.play(play(cell), WHOLE)
        found = read(name, server, 1, SECONDS if cell.clocks else PATIENT)
        if cell.again:
            check_whole(found, WHOLE_TEXT)
            assert [attempt.reason for attempt in found.message.attempts][1:] == ["ok"]
            assert len(server.bodies) == 2
        else:
            check_failure(cell, found)
            assert len(server.bodies) == 1
        assert server.wait_until(lambda: server.open == 0)


def test_refused_connections_are_repeated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace.transports.system.SystemTime.chance", lambda _: 0.001)
    with StreamServer() as server:
        pass  # its port is closed again
    found = read(name, server, max_retries=2)
    assert type(found.error) is tailrace.APIConnectionError
    assert [attempt.reason for attempt in found.error.attempts] == ["connection"] * 3


def test_the_page_shows_this_table() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert markdown() in page


def test_a_whole_reply_is_whole(name: str) -> None:
    with StreamServer() as server:
        server.play(Play(WHOLE.body, sizes=(1,)))
        check_whole(read(name, server, 0), WHOLE_TEXT)
