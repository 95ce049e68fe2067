"""The wires over a user's httpx2 client, against the contract of all wires."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
import trio
import uvloop

from tailrace.transports.check import WIRE_CHECKS, check_wire, run_on_asyncio
from tailrace.transports.check_world import Work
from tailrace.transports.over_httpx2 import AsyncHttpx2Wire, Httpx2Wire
from tailrace.transports.tls import context


def make_sync(**options: Any) -> Httpx2Wire:
    options["verify"] = context(options.get("verify", True))
    return Httpx2Wire(httpx2.Client(**options), owned=True)


def make_async(**options: Any) -> AsyncHttpx2Wire:
    options["verify"] = context(options.get("verify", True))
    return AsyncHttpx2Wire(httpx2.AsyncClient(**options), owned=True)


def run_on_trio(work: Work) -> None:
    trio.run(work)


def run_on_uvloop(work: Work) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


# An httpx2 client shares its connections with a forked child.
SYNC = [check for check in WIRE_CHECKS if check != "works_in_a_forked_child_after_use"]

# An httpx2.AsyncClient belongs to the first event loop it was used on.
ASYNC = [check for check in SYNC if check not in {"threads_can_share_it", "works_in_a_forked_child"}]
LOOPS = {"asyncio": run_on_asyncio, "trio": run_on_trio, "uvloop": run_on_uvloop}


@pytest.mark.parametrize("check", SYNC)
def test_sync_wire(check: str) -> None:
    check_wire(make_sync, only=[check])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("check", ASYNC)
def test_async_wire(check: str, loop: str) -> None:
    check_wire(make_async, run=LOOPS[loop], only=[check])
