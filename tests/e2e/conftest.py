"""Fixtures for tests over real sockets."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator

import pytest
from tests.corpus import STOP, body, ends, starts, text
from tests.e2e.stream_server import Play, StreamServer


@pytest.fixture
def server() -> Iterator[StreamServer]:
    """A server that repeats what it was told, unless an answer is queued."""
    with StreamServer(echo) as running:
        yield running


def echo(request: bytes) -> Play:
    """A whole reply that repeats the last message, in small pieces."""
    said = json.loads(request)["messages"][-1]["content"]
    return Play(body([starts(), *text(0, *said), ends(), STOP]), sizes=(50,))


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the garbage collector: reference counts alone must do."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
