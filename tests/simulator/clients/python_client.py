"""The course in Python, sync and async, with the official SDK or any package that has its names.

`python_client.py PACKAGE URL` prints one JSON object: what each way of asking got.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

package: Any = importlib.import_module(sys.argv[1])
url = sys.argv[2]

TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}


def asked(text: str) -> dict[str, Any]:
    message = {"role": "user", "content": text}
    return {"model": "claude-sonnet-5-5", "max_tokens": 2048, "messages": [message]}


def get_weather(city: str, days: int) -> str:
    """The weather in a city.

    Args:
        city: Its name.
        days: How many days.
    """
    return f"{days} days of rain in {city}"


async def get_weather_soon(city: str, days: int) -> str:
    """The weather in a city.

    Args:
        city: Its name.
        days: How many days.
    """
    await asyncio.sleep(0)
    return get_weather(city, days)


def told(message: Any) -> dict[str, Any]:
    """What every client can say of a message."""
    content = [block.to_dict() for block in message.content]
    return {"content": content, "stop_reason": message.stop_reason}


def left_of(stream: Any, error: Any) -> Any:
    """What had come before the error: Tailrace's errors have it, the official stream keeps it."""
    return getattr(error, "partial", None) or stream.current_message_snapshot


def failed(error: Any) -> dict[str, Any]:
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"kinds": kinds, "status": getattr(error, "status_code", None), "says": str(error)}


def sync_course() -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with package.Anthropic(base_url=url, api_key="k", max_retries=1) as client:
        with client.messages.stream(**asked("Speak.")) as stream:
            seen["pieces"] = list(stream.text_stream)
            seen["text"] = told(stream.get_final_message())
        with client.messages.create(**asked("Speak."), stream=True) as events:
            seen["raw"] = [event.type for event in events]
        seen["whole"] = told(client.messages.create(**asked("Speak.")))
        with client.messages.stream(**asked("Think.")) as stream:
            seen["thoughts"] = [event.thinking for event in stream if event.type == "thinking"]
            seen["thinking"] = told(stream.get_final_message())
        with client.messages.stream(**asked("The weather?"), tools=[TOOL]) as stream:
            parts = [event.partial_json for event in stream if event.type == "input_json"]
            seen["parts"] = parts
            seen["tools"] = told(stream.get_final_message())
        runner = client.beta.messages.tool_runner(
            **asked("The weather?"), tools=[package.beta_tool(get_weather)], stream=True
        )
        seen["runner"] = [told(stream.get_final_message()) for stream in runner]
        try:
            client.messages.create(**asked("Be overloaded."), stream=True)
        except package.APIError as error:
            seen["overloaded"] = failed(error)
        with client.messages.stream(**asked("Be busy.")) as stream:
            seen["busy"] = stream.get_final_text()
        once = client.with_options(max_retries=0)
        with once.messages.stream(**asked("Break off.")) as stream:
            try:
                stream.until_done()
            except package.APIError as error:
                seen["broken off"] = failed(error)
                seen["broken"] = told(left_of(stream, error))
    return seen


async def async_course() -> dict[str, Any]:
    seen: dict[str, Any] = {}
    async with package.AsyncAnthropic(base_url=url, api_key="k", max_retries=1) as client:
        async with client.messages.stream(**asked("Speak.")) as stream:
            seen["pieces"] = [text async for text in stream.text_stream]
            seen["text"] = told(await stream.get_final_message())
        events = await client.messages.create(**asked("Speak."), stream=True)
        seen["raw"] = [event.type async for event in events]
        seen["whole"] = told(await client.messages.create(**asked("Speak.")))
        async with client.messages.stream(**asked("Think.")) as stream:
            seen["thoughts"] = [
                event.thinking async for event in stream if event.type == "thinking"
            ]
            seen["thinking"] = told(await stream.get_final_message())
        async with client.messages.stream(**asked("The weather?"), tools=[TOOL]) as stream:
            seen["parts"] = [
                event.partial_json async for event in stream if event.type == "input_json"
            ]
            seen["tools"] = told(await stream.get_final_message())
        tool = package.beta_async_tool(get_weather_soon, name="get_weather")
        runner = client.beta.messages.tool_runner(
            **asked("The weather?"), tools=[tool], stream=True
        )
        seen["runner"] = [told(await stream.get_final_message()) async for stream in runner]
        try:
            await client.messages.create(**asked("Be overloaded."), stream=True)
        except package.APIError as error:
            seen["overloaded"] = failed(error)
        async with client.messages.stream(**asked("Be busy.")) as stream:
            seen["busy"] = await stream.get_final_text()
        once = client.with_options(max_retries=0)
        async with once.messages.stream(**asked("Break off.")) as stream:
            try:
                await stream.until_done()
            except package.APIError as error:
                seen["broken off"] = failed(error)
                seen["broken"] = told(left_of(stream, error))
    return seen


print(json.dumps({"sync": sync_course(), "async": asyncio.run(async_course())}))
