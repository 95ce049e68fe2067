"""Tell apart what can go wrong, and keep what had arrived.

Run it: `python examples/error_handling.py`.
"""

from __future__ import annotations

import _upstream

import tailrace


def ask(client: tailrace.Anthropic, prompt: str) -> None:
    try:
        with client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=1024,
            messages=[{"role": "user", "content": prompt}],
        ) as stream:
            for text in stream.text_stream:
                print(text, end="", flush=True)
        print()
    except tailrace.RateLimitError as error:
        wait = error.response.headers.get("retry-after", "some")
        print(f"Too many requests: try again in {wait} seconds.")
    except tailrace.OverloadedError as error:
        # Before the reply, or (status_code 200) in the middle of it.
        print(f"\nClaude is overloaded; {kept(error)}.")
    except tailrace.APIStatusError as error:
        print(f"The API said no ({error.status_code}, {error.type}): {error.api_message}")
    except tailrace.APITimeoutError as error:
        print(f"\nThe {error.clock} clock ran out; {kept(error)}.")
    except tailrace.StreamTruncatedError as error:
        print(f"\nThe reply was cut; {kept(error)}.")
    except tailrace.APIConnectionError as error:
        print(f"Claude could not be reached: {error}")


def kept(error: tailrace.APIError) -> str:
    """Every error that ends a stream carries the message as far as it had arrived."""
    if error.partial is None:
        return "nothing had arrived"
    text = "".join(block.text for block in error.partial.content if block.type == "text")
    return f"{text!r} had arrived"


def report(attempt: tailrace.Attempt) -> None:
    print(f"(try {attempt.number} failed: {attempt.reason}; again in {attempt.wait or 0:.1f} s)")


def main() -> None:
    simulator = _upstream.ready()
    client = tailrace.Anthropic(on_retry=report)
    for fault in _upstream.faults(simulator):
        print(f"-- {fault}")
        ask(client, "Hello")


if __name__ == "__main__":
    main()
