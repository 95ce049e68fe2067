"""Let the model call a function of yours: one turn to ask for the call, one to use its result.

Run it: `python examples/tool_use.py`.
"""

from __future__ import annotations

import json

import _upstream

import tailrace
from tailrace.types import MessageParam, ToolParam, ToolResultBlockParam

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "Get the current weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def get_weather(city: str) -> str:
    return json.dumps({"city": city, "celsius": 21, "sky": "clear"})


def turn(client: tailrace.Anthropic, messages: list[MessageParam]) -> tailrace.types.Message:
    """Stream one reply, showing its text and the input of its tool calls while they grow."""
    with client.messages.stream(
        model="claude-sonnet-5-5", max_tokens=1024, tools=[WEATHER], messages=messages
    ) as stream:
        for event in stream:
            if event.type == "text":
                print(event.text, end="", flush=True)
            elif event.type == "content_block_start" and event.content_block.type == "tool_use":
                print(f"\n{event.content_block.name} ", end="")
            elif event.type == "input_json":
                print(event.partial_json, end="", flush=True)
        print()
        return stream.get_final_message()


def result(block: tailrace.types.ToolUseBlock) -> ToolResultBlockParam:
    """Run the function a block calls, and put what it returned into the shape the API wants."""
    if block.input_error is not None:  # the model wrote something that is not JSON
        content, failed = f"the input is not valid JSON: {block.input_error}", True
    else:
        content, failed = get_weather(**block.input), False
    return {
        "type": "tool_result",
        "tool_use_id": block.id,
        "content": content,
        "is_error": failed,
    }


def main() -> None:
    _upstream.ready()
    client = tailrace.Anthropic()
    messages: list[MessageParam] = [{"role": "user", "content": "What is the weather in Paris?"}]
    message = turn(client, messages)
    while message.stop_reason == "tool_use":
        # The reply goes back exactly as it came, then the results of all its calls.
        results = [result(block) for block in message.content if block.type == "tool_use"]
        messages.append(message.to_param())
        messages.append({"role": "user", "content": results})
        message = turn(client, messages)


if __name__ == "__main__":
    main()
