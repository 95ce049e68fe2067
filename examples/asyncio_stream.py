"""Stream one reply to the screen with asyncio while another is written in the background.

Run it: `python examples/asyncio_stream.py`.
"""

from __future__ import annotations

import asyncio

import _upstream

import tailrace


async def show(client: tailrace.AsyncAnthropic, prompt: str) -> None:
    async with client.messages.stream(
        model="claude-sonnet-5-5",
        max_tokens=1024,
        messages=[{"role": "user", "content": prompt}],
    ) as stream:
        async for text in stream.text_stream:
            print(text, end="", flush=True)
    message = await stream.get_final_message()
    print(f"\n{message.usage.output_tokens} tokens")


async def collect(client: tailrace.AsyncAnthropic, prompt: str) -> str:
    async with client.messages.stream(
        model="claude-sonnet-5-5",
        max_tokens=1024,
        messages=[{"role": "user", "content": prompt}],
    ) as stream:
        return await stream.get_final_text()


async def main() -> None:
    _upstream.ready()
    async with tailrace.AsyncAnthropic() as client:
        meanwhile = asyncio.create_task(collect(client, "What is a tailrace?"))
        await show(client, "Write a short poem about APIs.")
        print(f"\nMeanwhile: {await meanwhile}")


if __name__ == "__main__":
    asyncio.run(main())
