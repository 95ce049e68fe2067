"""Aids for tests, yours and ours: what Tailrace is tested with.

- `Simulator`: a Claude API over real HTTP, with scripts and faults (`tailrace.simulator`).
- `ScriptedWire`, `AsyncScriptedWire`, `Answer` and its acts: a client without a network, on a clock
  that only the script moves.
- `SimulatedWire`, `AsyncSimulatedWire`: the same, answered by the simulator. A client takes any of
  these as `http_client=`.
- `check_wire`: the contract that every transport keeps, for one of your own.

Each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailrace.relay.check import check_journal as check_journal
    from tailrace.simulator import Simulator as Simulator
    from tailrace.testing.simulated import AsyncSimulatedWire as AsyncSimulatedWire
    from tailrace.testing.simulated import SimulatedWire as SimulatedWire
    from tailrace.transports.check import WIRE_CHECKS as WIRE_CHECKS
    from tailrace.transports.check import check_wire as check_wire
    from tailrace.transports.check import run_on_asyncio as run_on_asyncio
    from tailrace.transports.memory import Answer as Answer
    from tailrace.transports.memory import AsyncScriptedWire as AsyncScriptedWire
    from tailrace.transports.memory import BadCertificate as BadCertificate
    from tailrace.transports.memory import ConnectRefused as ConnectRefused
    from tailrace.transports.memory import ConnectSilence as ConnectSilence
    from tailrace.transports.memory import End as End
    from tailrace.transports.memory import Lost as Lost
    from tailrace.transports.memory import Pause as Pause
    from tailrace.transports.memory import ScriptedWire as ScriptedWire
    from tailrace.transports.memory import Silence as Silence

_HOMES = {
    "relay.check": ("check_journal",),
    "simulator": ("Simulator",),
    "testing.simulated": ("AsyncSimulatedWire", "SimulatedWire"),
    "transports.check": ("WIRE_CHECKS", "check_wire", "run_on_asyncio"),
    "transports.memory": (
        "Answer",
        "AsyncScriptedWire",
        "BadCertificate",
        "ConnectRefused",
        "ConnectSilence",
        "End",
        "Lost",
        "Pause",
        "ScriptedWire",
        "Silence",
    ),
}
_WHERE = {name: (module, name) for module, names in _HOMES.items() for name in names}

__all__ = [*sorted(_WHERE)]  # pyright: ignore[reportUnsupportedDunderAll]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, there = _WHERE[name]
        value = globals()[name] = getattr(import_module(f"tailrace.{module}"), there)
        return value
