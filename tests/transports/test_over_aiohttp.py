"""The asynchronous wire, against the contract of all wires."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.transports.check import WIRE_CHECKS, check_wire
from tailrace.transports.check_world import Work
from tailrace.transports.over_aiohttp import AiohttpWire

uvloop: Any = pytest.importorskip("uvloop")


def strictly(factory: Callable[[], asyncio.AbstractEventLoop] | None, debug: bool) -> Any:
    """A way to run work on a loop, which fails if the loop hears a complaint."""

    def run(work: Work) -> None:
        complaints: list[object] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: complaints.append(context))
            await work()

        with asyncio.Runner(debug=debug, loop_factory=factory) as runner:
            runner.run(main())
        gc.collect()
        assert not complaints

    return run


LOOPS = {
    "asyncio": strictly(None, False),
    "debug": strictly(None, True),
    "uvloop": strictly(uvloop.new_event_loop, False),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("check", WIRE_CHECKS)
def test_wire(check: str, loop: str) -> None:
    check_wire(AiohttpWire, run=LOOPS[loop], only=[check])
