"""Where the examples stream from: Claude with an API key, the built-in simulator without one.

This is plumbing for the examples; a program of yours does not need it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from tailrace.simulator import Cut, Error, Fail, Head, Pace, Reply, Simulator, Text


def ready() -> Simulator | None:
    """Without an API key, start a simulator in place of Claude and lead new clients to it."""
    if os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_AUTH_TOKEN"):
        return None
    simulator = Simulator(pace=Pace(tokens_per_second=60, first_token=0.2)).start()
    os.environ |= simulator.environment
    return simulator


FINAL = {"x-should-retry": "false"}  # the API's way to say: do not try again

FAULTS: dict[str, Sequence[Reply]] = {
    "overloaded at first: the client tries again by itself": [Fail(529), "Hello to you."],
    "too many requests": [Fail(429, retry_after=30, headers=FINAL)],
    "a request the API does not accept": [Fail(400, message="messages: too many of them")],
    "an error in the middle of the reply": [[Head(FINAL), Text("Half of a"), Error()]],
    "a reply that is cut": [[Text("Half of a"), Cut("close")]],
}


def faults(simulator: Simulator | None) -> Iterator[str]:
    """Name one fault after the other, each prepared for the next request.

    Claude cannot be told to fail: with an API key there is one ordinary request.
    """
    if simulator is None:
        yield "no fault"
        return
    for name, replies in FAULTS.items():
        simulator.script(*replies)
        yield name
