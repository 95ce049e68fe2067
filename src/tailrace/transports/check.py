"""The contract of a wire, to be run against any: does it keep what `procedures.wire` promises?

    @pytest.mark.parametrize("check", WIRE_CHECKS)
    def test_wire(check):
        check_wire(MyWire, only=[check])

An asynchronous wire says how its coroutines are run: `check_wire(MyWire, run=run_on_asyncio)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from .check_bodies import BODY_CHECKS
from .check_secure import SECURE_CHECKS
from .check_ways import WAY_CHECKS
from .check_world import MakeWire, Run, Work, World, settled

WIRE_CHECKS: Mapping[str, Callable[[World], None]] = MappingProxyType(
    {check.__name__: check for check in (*BODY_CHECKS, *WAY_CHECKS, *SECURE_CHECKS)}
)
"""Every check by its name, which says what must hold."""


def check_wire(
    make_wire: MakeWire,
    *,
    run: Run = settled,
    only: Iterable[str] | None = None,
    skip: Iterable[str] = (),
) -> None:
    """Check that a kind of wire keeps its contract, against a real server on this machine.

    `make_wire` makes one; it is called with some of the options `verify` (as for `Urllib3Wire`),
    `proxy` and `trust_env`. `run` takes a function that returns a coroutine and runs that to its
    end; the default is for synchronous wires. `only` and `skip` choose among `WIRE_CHECKS`.

    Raises `AssertionError` where the wire does not keep the contract, `unittest.SkipTest` where
    this machine cannot check it (pytest skips the test then), `KeyError` for a name that is none.
    """
    left_out = {_known(name) for name in skip}
    for name in WIRE_CHECKS if only is None else only:
        if _known(name) not in left_out:
            WIRE_CHECKS[name](World(make_wire, run))


def run_on_asyncio(work: Work) -> None:
    """How an asynchronous wire's work is run on asyncio."""
    asyncio.run(work())


def _known(name: str) -> str:
    if name not in WIRE_CHECKS:
        raise KeyError(f"there is no wire check {name!r}; WIRE_CHECKS has all their names")
    return name
