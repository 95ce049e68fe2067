"""`tailrace record`: a proxy in front of the API that writes every exchange to a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from tailrace.cli.serve_simulator import add_address, refuse, say, serve
from tailrace.simulator import Recorder, Tape
from tailrace.simulator.record import API


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace record",
        description="Pass requests on to a Claude API and record them. Keys are never written.",
        epilog='"tailrace replay DIR" plays what was recorded.',
    )
    options.add_argument(
        "--to", required=True, metavar="DIR", type=Path, help="a .tape file there for each exchange"
    )
    options.add_argument("--upstream", default=API, metavar="URL", help="default: %(default)s")
    options.add_argument(
        "--mask", action="store_true", help="make prompts and replies unreadable on the tapes"
    )
    add_address(options)
    return options


def main(arguments: list[str]) -> int:
    """Record until Ctrl-C, then say what was recorded; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        options.to.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(options.upstream, options.to, mask=options.mask, on_tape=_show)
    except (ValueError, OSError) as error:
        return refuse("record", str(error))
    code = serve("record", recorder, options, lambda: _greet(recorder, options))
    if code == 0:
        say(report(recorder.tapes, options.to))
    return code


def report(tapes: list[Tape], folder: Path) -> str:
    """What was recorded, and what to do with it."""
    if not tapes:
        return "Nothing was recorded: no exchange came to its end."
    count = "1 exchange" if len(tapes) == 1 else f"{len(tapes)} exchanges"
    return f"{count} recorded in {folder}; play them with: tailrace replay {folder}"


def _greet(recorder: Recorder, options: argparse.Namespace) -> None:
    say(
        f"Requests to {recorder.url} are passed on to {options.upstream} and recorded in "
        f"{options.to} (Ctrl-C ends it). In another terminal, with your key:\n\n"
        f"  export ANTHROPIC_BASE_URL={recorder.url}\n"
        '  tailrace "Write a short poem about APIs."\n'
    )


def _show(tape: Tape) -> None:
    asked = f"{tape.method} {tape.path}"
    came = f"{len(tape.body)} bytes in {len(tape.chunks)} chunks"
    say(f"{tape.name}: {asked} -> {tape.status}, {came}, {tape.fate}")
