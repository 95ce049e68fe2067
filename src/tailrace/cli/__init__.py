"""The terminal: `tailrace "a prompt"` and its sub-commands.

The first word decides: the name of a sub-command, or else everything is a prompt. Rendering is
pure and stands in `render`; each sub-command is imported when it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

# Each module has `main(arguments) -> exit code`.
COMMANDS = {
    "chat-web": "chat_web",
    "grade": "grade",
    "record": "record",
    "relay": "relay",
    "relay-show": "relay_show",
    "replay": "replay",
    "sim": "serve_simulator",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = COMMANDS.get(words[0]) if words else None
    module = import_module(f"tailrace.cli.{name or 'ask'}")
    run: Callable[[list[str]], int] = module.main
    return run(words[1:] if name else words)
