"""What the terminal shows, as text: pure, so that it can be tested without one."""

from __future__ import annotations

from tailrace.core.content import Message


def summary(message: Message, *, first_token: float | None, elapsed: float) -> str:
    """The last line of a reply: tokens, times in seconds, and why it stopped if not at its end."""
    usage = message.usage
    about = "" if usage.certainty == "exact" else "at least "
    parts = [f"{usage.input_tokens} tokens in", f"{about}{usage.output_tokens} out"]
    if first_token is not None:
        parts.append(f"first after {first_token:.2f} s")
    if elapsed > 0 and first_token is not None and elapsed > first_token:
        parts.append(f"{(usage.output_tokens or 0) / elapsed:.0f} tokens/s")
    if message.stop_reason not in ("end_turn", None):
        parts.append(f"stopped: {message.stop_reason}")
    return " · ".join(parts)


def printable(text: str) -> str:
    """Text without the control characters that would drive the terminal; tabs and lines stay."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )
