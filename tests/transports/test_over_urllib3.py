"""The synchronous wire, against the contract of all wires."""

from __future__ import annotations

import pytest

from tailrace.transports.check import WIRE_CHECKS, check_wire
from tailrace.transports.over_urllib3 import Urllib3Wire


@pytest.mark.parametrize("check", WIRE_CHECKS)
def test_wire(check: str) -> None:
    check_wire(Urllib3Wire, only=[check])
