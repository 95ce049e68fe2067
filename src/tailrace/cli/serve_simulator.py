"""`tailrace sim`: serve a Claude API of one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tailrace.cli.terminal import write_to_nobody
from tailrace.simulator import Pace, Received, Simulator, canned, echo, recordings
from tailrace.simulator.answers import Reply


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace sim",
        description="Serve a Claude Messages API on this machine, to test clients against.",
    )
    options.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    options.add_argument("--port", type=int, default=8787, help="default: %(default)s; 0: any free")
    answer = options.add_mutually_exclusive_group()
    answer.add_argument("--text", help="answer every request with this text")
    answer.add_argument("--echo", action="store_true", help="answer with the last user text")
    answer.add_argument(
        "--recordings", metavar="DIR", type=Path, help="play the .sse files of this folder in turn"
    )
    options.add_argument(
        "--tokens-per-second", type=float, default=50.0, metavar="N", help="default: %(default)s"
    )
    options.add_argument(
        "--first-token", type=float, default=0.3, metavar="SECONDS", help="default: %(default)s"
    )
    options.add_argument("--jitter", type=float, default=0.0, metavar="0..1")
    options.add_argument(
        "--key", action="append", help="accept only this API key (may be repeated)"
    )
    options.add_argument("--seed", type=int, default=0, help="makes ids and jitter repeatable")
    return options


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        simulator = Simulator(
            _answer(options),
            pace=Pace(options.tokens_per_second, options.first_token, options.jitter),
            api_keys=options.key,
            seed=options.seed,
            on_request=_show,
        )
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    host, port = options.host, options.port
    try:
        simulator.serve(host, port, on_start=_greet)
    except (OSError, OverflowError) as error:  # OverflowError: no such port
        why = getattr(error, "strerror", None) or error
        return _refuse(f"cannot serve on {host}:{port} ({why}); --port 0 takes a free port")
    except KeyboardInterrupt:
        pass
    return 0


def _refuse(why: str) -> int:
    sys.stderr.write(f"tailrace sim: {why}\n")
    return 1


def _answer(options: argparse.Namespace) -> Reply:
    if options.text is not None:
        text: str = options.text
        return text
    if options.echo:
        return echo
    return recordings(options.recordings) if options.recordings else canned


def _greet(simulator: Simulator) -> None:
    url = simulator.url
    _say(
        f"A Claude API is served on {url} (Ctrl-C ends it). In another terminal:\n\n"
        f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any\n"
        '  tailrace "Write a short poem about APIs."\n'
    )


def _show(received: Received) -> None:
    if received.ended is None:
        return
    asked = f"{received.method} {received.path}"
    _say(f"{asked} -> {received.status}, {received.sent} bytes, {received.ended}")


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:  # it serves on, whether anybody reads this or not
        write_to_nobody()
