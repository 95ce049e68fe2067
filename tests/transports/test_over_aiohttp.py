"""The asynchronous wire, against the contract of all wires."""

from __future__ import annotations

import pytest

from tailrace.transports.check import WIRE_CHECKS, check_wire, run_on_asyncio
from tailrace.transports.over_aiohttp import AiohttpWire


@pytest.mark.parametrize("check", WIRE_CHECKS)
def test_wire(check: str) -> None:
    check_wire(AiohttpWire, run=run_on_asyncio, only=[check])
