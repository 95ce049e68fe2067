"""Let a runner do the turns: it runs the tools and goes on until Claude needs no more of them.

Run it: `python examples/tool_runner.py`. Both cities are looked up at the same time, each as soon
as its call is complete, while the reply still streams.
"""

from __future__ import annotations

import json
import time

import _upstream

import tailrace
from tailrace.simulator import Reply, Text, ToolUse

CELSIUS = {"Paris": 21, "Rome": 27}

SCRIPT: list[Reply] = [
    [
        Text("I will look both up."),
        ToolUse("get_weather", {"city": "Paris"}),
        ToolUse("get_weather", {"city": "Rome"}),
    ],
    "It is warmer in Rome: 27 °C, against 21 °C in Paris.",
]
"""What the simulator says in Claude's place."""


def get_weather(city: str) -> str:
    """Get the current weather of a city.

    Args:
        city: The city's name, in English.
    """
    time.sleep(0.2)  # as if it had to be asked for
    if city not in CELSIUS:
        raise tailrace.ToolError(f"There is no weather station in {city}.")
    return json.dumps({"city": city, "celsius": CELSIUS[city]})


def main() -> None:
    simulator = _upstream.ready()
    if simulator is not None:
        simulator.script(*SCRIPT)
    client = tailrace.Anthropic()
    with client.messages.tool_runner(
        model="claude-sonnet-5-5",
        max_tokens=1024,
        tools=[get_weather],
        messages=[{"role": "user", "content": "Where is it warmer, in Paris or in Rome?"}],
        stream=True,
        run_tools_eagerly=True,
        tool_timeout=10,
        max_iterations=5,
    ) as runner:
        for stream in runner:
            for text in stream.text_stream:
                print(text, end="", flush=True)
            print()
            # Runs what has not run yet; the loop would do it too.
            results = runner.generate_tool_call_response() or {"content": []}
            for result in results["content"]:
                print(f"  {result['content']}")
    # The history is JSON: stored, it goes on in another process, and no call is run twice.
    print(f"{len(json.loads(json.dumps(runner.messages)))} messages")


if __name__ == "__main__":
    main()
