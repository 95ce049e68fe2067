"""What the terminal shows."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.cli.render import printable, summary
from tailrace.core.content import Message


def reply(stop_reason: str | None = "end_turn", certainty: str = "exact") -> Message:
    usage = {"input_tokens": 8, "output_tokens": 60}
    message = Message({"content": [], "usage": usage, "stop_reason": stop_reason})
    message.usage._certainty = certainty  # type: ignore[assignment]
    return message


@pytest.mark.parametrize(
    ("message", "times", "line"),
    [
        (
            reply(),
            {"first_token": 0.5, "elapsed": 2.0},
            "8 tokens in · 60 out · first after 0.50 s · 30 tokens/s",
        ),
        (reply(), {"first_token": None, "elapsed": 2.0}, "8 tokens in · 60 out"),
        (
            reply(),
            {"first_token": 0.5, "elapsed": 0.5},
            "8 tokens in · 60 out · first after 0.50 s",
        ),
        (
            reply("refusal"),
            {"first_token": None, "elapsed": 1.0},
            "8 tokens in · 60 out · stopped: refusal",
        ),
        (
            reply(certainty="lower_bound"),
            {"first_token": None, "elapsed": 1.0},
            "8 tokens in · at least 60 out",
        ),
    ],
)
def test_the_last_line(message: Message, times: dict[str, Any], line: str) -> None:
    assert summary(message, **times) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße 👋", "Grüße 👋"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\x1b[31m", "a\ufffd[31m"),
        ("a\rb\x07\x9b", "a\ufffdb\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        ("東京\u3000駅\u00a0👨\u200d👩\u200d👧", "東京\u3000駅\u00a0👨\u200d👩\u200d👧"),
    ],
)
def test_nothing_drives_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
