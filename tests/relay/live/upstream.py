"""Claude in a process of its own: the simulator, telling stories that are known beforehand.

    python upstream.py ADDRESS_FILE LOG_FILE

What is asked for is what the user says: `story 7 of 300 words at 60` (pieces per second), `tools`,
`refuse`, `break`. Past its middle a `held story …` waits for a file `go7` (or `go`) beside the
address: what is to happen in mid-reply does, however slow the machine. The log gets a line when a
request arrives and one when its answer has ended.
"""

from __future__ import annotations

import random
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tailrace.simulator import (
    Cut,
    Fail,
    Pace,
    ServerTool,
    Simulator,
    Text,
    Thinking,
    ToolUse,
)

ODD = ("é€", "👋🏽", '"\\"', "\r\n", "\n\n", "data: x\n\n", "\u2028", "id: end\n", "</pre>", "𝒳")
TOOLS = [
    Thinking("Let me see.", "c2lnbmF0dXJl"),
    Text(
        "It is ",
        citations=[
            {
                "type": "web_search_result_location",
                "cited_text": "so",
                "encrypted_index": "x",
                "title": "A page",
                "url": "https://example.com/page",
            }
        ],
    ),
    ServerTool("web_search", {"query": "weather"}, result=[]),
    ToolUse("get_weather", {"city": "Zürich", "days": [1, 2]}, id="toolu_1", fragment=3),
]


def story(number: int, words: int) -> str:
    """A text of numbered words, strange characters between them."""
    dice = random.Random(number)
    return " ".join(
        f"{n}" + (dice.choice(ODD) if dice.random() < 0.2 else "") for n in range(words)
    )


class Held(Pace, frozen=True):
    """A pace that stops after some pieces until a file is there."""

    middle: int = 0
    gate: str = ""

    def gaps(self, rng: random.Random) -> Iterator[float]:
        for n, gap in enumerate(super().gaps(rng)):
            gates = (Path(self.gate), Path(self.gate).with_name("go"))
            while n == self.middle and not any(gate.exists() for gate in gates):
                time.sleep(0.01)  # nothing else is asked of this process meanwhile
            yield gap


def answer(ask):
    asked = re.fullmatch(r"(held )?story (\d+) of (\d+) words at (\d+)", ask.user)
    if asked:
        number, words, speed = map(int, asked.groups()[1:])
        size = 7 if words < 10_000 else 500
        pieces = re.findall(f".{{1,{size}}}", story(number, words), re.DOTALL)
        gate = str(Path(sys.argv[1]).with_name(f"go{number}"))
        held = Held(tokens_per_second=speed, middle=len(pieces) // 2, gate=gate)
        return [Text(pieces=pieces, pace=held if asked[1] else Pace(tokens_per_second=speed))]
    return {
        "tools": TOOLS,
        "refuse": [Fail(400, message="messages: no")],
        "break": [Text("Half of "), Cut("reset")],
    }[ask.user]


def main(address: str, log: str) -> None:
    with Path(log).open("a", buffering=1) as lines:

        def note(request) -> None:
            lines.write(f"{request.number} {request.ended or 'asked'}\n")

        with Simulator(answer, on_request=note, validate=False) as sim:
            Path(address + "~").write_text(sim.url)
            Path(address + "~").rename(address)
            threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
