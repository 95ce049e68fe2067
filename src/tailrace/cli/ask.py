"""`tailrace "a prompt"`: print the reply as it comes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TextIO

from tailrace._version import __version__
from tailrace.cli.render import printable, summary
from tailrace.cli.terminal import settle_encodings, write_to_nobody
from tailrace.core.errors import APIError
from tailrace.core.view import View
from tailrace.sync.client import Anthropic
from tailrace.sync.streams import MessageStream

DEFAULT_MODEL = "claude-sonnet-5-5"
WRONG_USAGE = 2
INTERRUPTED = 130
NO_READER = 141

_NO_KEY = """\
No API key. Set ANTHROPIC_API_KEY to stream from Claude (keys are made at
https://console.anthropic.com/settings/keys), or add --sim to stream from the built-in simulator.
"""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="tailrace",
        description="Stream a reply of Claude to the terminal, token by token.",
        epilog="Sub-commands, each with a --help of its own: tailrace sim, record, replay and "
        "grade test against a Claude API of your own; chat-web is a chat page, relay runs a "
        "worker, and relay-show is a page of viewers to watch while you kill what serves them.",
    )
    options.add_argument("prompt", nargs="*", help="what to ask; piped input is added to it")
    options.add_argument("-m", "--model", default=DEFAULT_MODEL, help="default: %(default)s")
    options.add_argument(
        "--max-tokens", type=int, default=1024, metavar="N", help="default: %(default)s"
    )
    options.add_argument("-s", "--system", metavar="TEXT", help="a system prompt")
    options.add_argument(
        "--base-url", metavar="URL", help="default: the API, or ANTHROPIC_BASE_URL"
    )
    options.add_argument("--json", action="store_true", help="print the events, one JSON a line")
    options.add_argument(
        "--sim", action="store_true", help="ask the built-in simulator, no key needed"
    )
    options.add_argument("--version", action="version", version=f"tailrace {__version__}")
    return options


def main(arguments: list[str]) -> int:
    """Ask and print; return the exit code: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        write_to_nobody()
        return NO_READER
    except (APIError, ValueError, TypeError) as error:
        sys.stderr.write(f"tailrace: {printable(str(error))}\n")
        return 1


def _run(options: argparse.Namespace) -> int:
    settle_encodings(json=options.json)
    prompt = _prompt(options.prompt, sys.stdin)
    if not prompt:
        parser().print_usage(sys.stderr)
        sys.stderr.write('tailrace: no prompt: try  tailrace "Write a short poem about APIs."\n')
        return WRONG_USAGE
    if not (options.sim or _has_key()):
        sys.stderr.write(_NO_KEY)
        return WRONG_USAGE
    with _client(options) as client:
        return _ask(client, prompt, options)


def _ask(client: Anthropic, prompt: str, options: argparse.Namespace) -> int:
    began = time.monotonic()
    parameters = {"system": options.system} if options.system else {}
    with client.messages.stream(
        model=options.model,
        max_tokens=options.max_tokens,
        messages=[{"role": "user", "content": prompt}],
        **parameters,
    ) as stream:
        first: float | None = None
        pieces = _json_lines(stream) if options.json else map(printable, stream.text_stream)
        try:
            for piece in pieces:
                first = time.monotonic() - began if first is None else first
                sys.stdout.write(piece)
                sys.stdout.flush()
            message = stream.get_final_message()
        finally:
            if first is not None and not options.json:
                sys.stdout.write("\n")
                sys.stdout.flush()
    line = summary(message, first_token=first, elapsed=time.monotonic() - began)
    sys.stderr.write(f"{line}\n")
    return 0


def _json_lines(stream: MessageStream) -> Iterator[str]:
    for event in stream:
        # Derived events repeat all the text so far in each line, and say nothing new.
        if isinstance(event, View):
            yield event.to_json(indent=None) + "\n"


def _prompt(words: list[str], piped: TextIO | None) -> str:
    given = " ".join(words)
    if piped is None or piped.isatty():
        return given
    return "\n\n".join(part for part in (given, piped.read().strip()) if part)


def _has_key() -> bool:
    return any(os.environ.get(name) for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"))


@contextmanager
def _client(options: argparse.Namespace) -> Generator[Anthropic, None, None]:
    if not options.sim:
        with Anthropic(base_url=options.base_url) as client:
            yield client
        return
    from tailrace.simulator import Pace, Simulator

    with (
        Simulator(pace=Pace(tokens_per_second=40, first_token=0.3, jitter=0.5)) as simulator,
        Anthropic(base_url=simulator.url, api_key="sim") as client,
    ):
        yield client
