"""The ways to read a reply, each an HTTP client under Tailrace, all with one face.

A `Reader` is given answers to be played and gives back what came of reading each: it hides which
of them are synchronous, and which event loop the others run on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import pytest
from tests.e2e.stream_server import Play, StreamServer

from tailrace import Anthropic, AsyncAnthropic


def saying(text: str) -> dict[str, Any]:
    """The parameters of a call that says something."""
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": messages}


ASKED = saying("Hi")
NAMES = ("urllib3", "asyncio", "httpx2", "httpx2-asyncio", "httpx2-trio")
DEFAULTS = NAMES[:2]
OTHERS = NAMES[2:]

# Where a body is not read to its end httpx2 leaves a generator of its own suspended; trio says so.
SUSPENDED = pytest.mark.filterwarnings("ignore:Async generator 'httpcore2:ResourceWarning")


def parameters(names: Iterable[str]) -> list[Any]:
    """The names as parameters of a test or fixture."""
    return [pytest.param(one, marks=SUSPENDED if "trio" in one else ()) for one in names]


How = Literal["events", "raw", "text"]
"""By iterating `stream()`, by iterating `create(stream=True)`, or with `text_stream` alone."""


class Outcome(NamedTuple):
    """What came of reading one reply: its items, and its message or the error."""

    items: list[Any]
    message: Any
    error: Exception | None


class Reader(NamedTuple):
    """One way to read. `read(plays, how)` plays one answer after the other over one client."""

    name: str
    read: Callable[[Iterable[Play], How], list[Outcome]]


@contextmanager
def reader(name: str, server: StreamServer) -> Iterator[Reader]:
    """One of `NAMES`, reading from `server`. Skips the test where its HTTP client is missing."""
    options: dict[str, Any] = {"base_url": server.url, "api_key": "k", "max_retries": 0}
    if name == "urllib3":
        with Anthropic(**options) as client:
            yield Reader(name, lambda plays, how: _read(client, server, plays, how))
        return
    if name == "asyncio":
        with asyncio.Runner() as runner:
            aclient = AsyncAnthropic(**options)
            yield Reader(name, lambda plays, how: runner.run(_aread(aclient, server, plays, how)))
            runner.run(aclient.close())
        return
    httpx2 = pytest.importorskip("httpx2")
    if name == "httpx2":
        with httpx2.Client() as http, Anthropic(http_client=http, **options) as client:
            yield Reader(name, lambda plays, how: _read(client, server, plays, how))
        return
    run = asyncio.run if name == "httpx2-asyncio" else _run_in_trio

    async def once(plays: Iterable[Play], how: How) -> list[Outcome]:
        async with httpx2.AsyncClient() as http, AsyncAnthropic(http_client=http, **options) as one:
            return await _aread(one, server, plays, how)

    yield Reader(name, lambda plays, how: run(once(plays, how)))


def _read(
    client: Anthropic, server: StreamServer, plays: Iterable[Play], how: How
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for play in plays:
        server.play(play)
        items: list[Any] = []
        message, failure = None, None
        try:
            if how == "raw":
                with client.messages.create(stream=True, **ASKED) as stream:
                    items.extend(stream)
            else:
                with client.messages.stream(**ASKED) as stream:
                    for item in stream if how == "events" else stream.text_stream:
                        items.append(item)
                    message = stream.get_final_message()
        except Exception as error:
            failure = error
        outcomes.append(Outcome(items, message, failure))
    return outcomes


async def _aread(
    client: AsyncAnthropic, server: StreamServer, plays: Iterable[Play], how: How
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for play in plays:
        server.play(play)
        items: list[Any] = []
        message, failure = None, None
        try:
            if how == "raw":
                async with await client.messages.create(stream=True, **ASKED) as stream:
                    async for item in stream:
                        items.append(item)
            else:
                async with client.messages.stream(**ASKED) as stream:
                    async for item in stream if how == "events" else stream.text_stream:
                        items.append(item)
                    message = await stream.get_final_message()
        except Exception as error:
            failure = error
        outcomes.append(Outcome(items, message, failure))
    return outcomes


def _run_in_trio(coroutine: Any) -> list[Outcome]:
    trio = pytest.importorskip("trio")

    async def main() -> list[Outcome]:
        return await coroutine

    result: list[Outcome] = trio.run(main)
    return result
