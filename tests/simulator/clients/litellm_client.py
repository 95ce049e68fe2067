"""The course with LiteLLM: `litellm_client.py URL` prints what python_client.py does, one way."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks the internet when imported

import litellm

litellm.telemetry = False
OPTIONS: dict[str, Any] = {
    "model": "anthropic/claude-sonnet-5-5",
    "api_base": sys.argv[1],
    "api_key": "k",
    "max_tokens": 2048,
    "num_retries": 0,
    "stream": True,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def read(**options: Any) -> list[Any]:
    return list(litellm.completion(**OPTIONS, **options))


def pieces(chunks: list[Any], name: str = "content") -> list[str]:
    found = (getattr(chunk.choices[0].delta, name, None) for chunk in chunks)
    return [piece for piece in found if piece]


def failed(error: Any) -> dict[str, Any]:
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"kinds": kinds, "status": getattr(error, "status_code", None), "says": str(error)}


async def soon() -> list[str]:
    stream = await litellm.acompletion(**OPTIONS, messages=user("Speak."))
    return pieces([chunk async for chunk in stream])


def tools(seen: dict[str, Any]) -> None:
    chunks = read(messages=user("The weather?"), tools=[TOOL])
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    seen["parts"] = [call.function.arguments for call in calls]
    seen["name"] = "".join(call.function.name or "" for call in calls)
    seen["stop"] = chunks[-1].choices[0].finish_reason
    whole: Any = litellm.stream_chunk_builder(chunks)
    answer = json.loads("".join(seen["parts"]))
    said = whole.choices[0].message
    result = {
        "role": "tool",
        "tool_call_id": said.tool_calls[0].id,
        "content": f"{answer['days']} days of rain in {answer['city']}",
    }
    messages = [*user("The weather?"), said.model_dump(exclude_none=True), result]
    seen["after"] = "".join(pieces(read(messages=messages, tools=[TOOL])))


def course() -> dict[str, Any]:
    chunks = read(messages=user("Speak."))
    seen: dict[str, Any] = {"pieces": pieces(chunks), "stop": chunks[-1].choices[0].finish_reason}
    thinking = read(messages=user("Think."))
    seen["thoughts"] = pieces(thinking, "reasoning_content")
    seen["thinking"] = "".join(pieces(thinking))
    seen["tools"] = {}
    tools(seen["tools"])
    try:
        read(messages=user("Be overloaded."))
    except Exception as error:  # its errors have no base of their own
        seen["overloaded"] = failed(error)
    try:
        seen["broken"] = []
        for chunk in litellm.completion(**OPTIONS, messages=user("Break off.")):
            seen["broken"] += pieces([chunk])
    except Exception as error:
        seen["broken off"] = failed(error)
    seen["async pieces"] = asyncio.run(soon())
    return seen


print(json.dumps(course()))
