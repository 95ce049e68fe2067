"""Print a reply as it is written, then what it cost.

Run it: `python examples/basic_stream.py`.
"""

from __future__ import annotations

import _upstream

import tailrace


def main() -> None:
    _upstream.ready()
    client = tailrace.Anthropic()
    with client.messages.stream(
        model="claude-sonnet-5-5",
        max_tokens=1024,
        messages=[{"role": "user", "content": "Write a short poem about APIs."}],
    ) as stream:
        for text in stream.text_stream:
            print(text, end="", flush=True)

    # The reply was read to its end, so the whole message is at hand after the block too.
    message = stream.get_final_message()
    print(f"\n\n{message.usage.input_tokens} tokens in, {message.usage.output_tokens} out")
    print(f"stopped because of: {message.stop_reason}")


if __name__ == "__main__":
    main()
