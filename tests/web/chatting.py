"""`tailrace chat-web` as a process, and what one does on its page."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

POEM = "what I could not reach is delivered by you."


class Site:
    """`tailrace chat-web` as a process, which can be killed and started again.

    On its own simulator, or with `live` on a Claude API at that address.
    """

    def __init__(self, folder: Path, live: str | None = None) -> None:
        self._source = ["--live"] if live else ["--tokens-per-second", "100"]
        self._environ = dict(os.environ)
        if live:
            self._environ |= {"ANTHROPIC_BASE_URL": live, "ANTHROPIC_API_KEY": "any"}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._journal = folder / "chat.db"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        words = ["chat-web", "--port", str(self.port), "--journal", str(self._journal)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tailrace", *words, *self._source],
            env=self._environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        self.url = found[0]

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(30)


def ask(page: Any, text: str = "A poem, please.") -> None:
    page.get_by_role("textbox", name="Your message").fill(text)
    page.keyboard.press("Enter")
    page.get_by_text("I knock on a door").first.wait_for()


def answers(page: Any) -> Any:
    return page.locator("article.assistant .said")
