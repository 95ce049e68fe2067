"""What the terminal shows, as text: pure, so that it can be tested without one."""

from __future__ import annotations

import re

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


# C0 and C1 controls but tab and line feed, delete, and halves of surrogate pairs. Not what
# `str.isprintable` refuses: the joiners of emoji and Persian, the space of CJK text.
_DRIVES_A_TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """Text without the control characters that would drive the terminal; tabs and lines stay."""
    return _DRIVES_A_TERMINAL.sub("\N{REPLACEMENT CHARACTER}", text)
