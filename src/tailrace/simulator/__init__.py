"""A Claude API of one's own: scripted replies and recordings over real HTTP, with faults.

    from tailrace.simulator import Simulator, Text, Cut

    with Simulator() as sim:
        sim.script([Text("Hello"), Cut("reset")])
        client = Anthropic(base_url=sim.url, api_key="any")

Importing this loads nothing but this; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "API_KEY",
    "Act",
    "Ask",
    "Block",
    "BrokenReplyError",
    "Bytes",
    "Case",
    "Comment",
    "Cut",
    "Error",
    "Event",
    "Fail",
    "Fate",
    "Garbage",
    "Head",
    "Match",
    "Message",
    "Pace",
    "Ping",
    "Quota",
    "Received",
    "Recorder",
    "Recording",
    "RedactedThinking",
    "Refuse",
    "Replay",
    "Reply",
    "Scenario",
    "ScenarioError",
    "Script",
    "ServerTool",
    "Simulator",
    "SimulatorApp",
    "SlowHeaders",
    "Split",
    "Stall",
    "Stop",
    "Tape",
    "TapeError",
    "Template",
    "Text",
    "Thinking",
    "Together",
    "ToolUse",
    "Usage",
    "Wait",
    "canned",
    "echo",
    "load_scenario",
    "load_tapes",
    "parse_scenario",
    "recordings",
]

if TYPE_CHECKING:
    from tailrace.simulator.acts import (
        Act,
        Block,
        Bytes,
        Comment,
        Cut,
        Error,
        Event,
        Fail,
        Fate,
        Garbage,
        Head,
        Message,
        Ping,
        Recording,
        RedactedThinking,
        Refuse,
        Script,
        ServerTool,
        SlowHeaders,
        Split,
        Stall,
        Stop,
        Template,
        Text,
        Thinking,
        Together,
        ToolUse,
        Usage,
        Wait,
    )
    from tailrace.simulator.answers import (
        Reply,
        canned,
        echo,
        recordings,
    )
    from tailrace.simulator.asgi import BrokenReplyError, SimulatorApp
    from tailrace.simulator.ask import Ask
    from tailrace.simulator.grammar import ScenarioError, load_scenario, parse_scenario
    from tailrace.simulator.pace import Pace
    from tailrace.simulator.quota import Quota
    from tailrace.simulator.received import Received
    from tailrace.simulator.record import Recorder
    from tailrace.simulator.replay import Replay, load_tapes
    from tailrace.simulator.scenario import (
        Case,
        Match,
        Scenario,
    )
    from tailrace.simulator.simulator import API_KEY, Simulator
    from tailrace.simulator.tape import Tape, TapeError

_NAMES = {
    "acts": (
        "Act Block Bytes Comment Cut Error Event Fail Fate Garbage Head Message Ping Recording "
        "RedactedThinking Refuse Script ServerTool SlowHeaders Split Stall Stop Template Text "
        "Thinking Together ToolUse Usage Wait"
    ),
    "answers": "Reply canned echo recordings",
    "asgi": "BrokenReplyError SimulatorApp",
    "ask": "Ask",
    "grammar": "ScenarioError load_scenario parse_scenario",
    "pace": "Pace",
    "quota": "Quota",
    "received": "Received",
    "record": "Recorder",
    "replay": "Replay load_tapes",
    "scenario": "Case Match Scenario",
    "simulator": "API_KEY Simulator",
    "tape": "Tape TapeError",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
