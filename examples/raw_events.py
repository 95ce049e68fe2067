"""Look at every event of a reply, as it comes over the wire.

Run it: `python examples/raw_events.py`.
"""

from __future__ import annotations

import time

import _upstream

import tailrace


def main() -> None:
    _upstream.ready()
    client = tailrace.Anthropic()
    began = time.monotonic()
    with client.messages.create(
        model="claude-sonnet-5-5",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Explain rate limiting in one paragraph."}],
        stream=True,
    ) as stream:
        for event in stream:
            print(f"{time.monotonic() - began:6.2f} s  {event.type:20}", end=" ")
            if event.type == "message_start":
                print(event.message.id, event.message.model)
            elif event.type == "content_block_start":
                print(event.index, event.content_block.type)
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                print(event.index, repr(event.delta.text))
            elif event.type == "message_delta":
                print(event.delta.stop_reason, event.usage.output_tokens)
            else:  # stops, and whatever the API will send next year
                print(event.to_json(indent=None))


if __name__ == "__main__":
    main()
