"""`tailrace replay`: play recorded exchanges, and say which requests they did not fit."""

from __future__ import annotations

import argparse
from pathlib import Path

from tailrace.cli.serve_simulator import add_address, refuse, say, serve, show
from tailrace.simulator import Replay, Simulator, load_tapes

UNMATCHED = 1


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace replay",
        description="Serve recorded exchanges: tapes, vcrpy cassettes or HAR files.",
        epilog="The exit code is 1 if a request fitted no tape.",
    )
    options.add_argument("tapes", metavar="DIR", type=Path, help="the folder, or one file")
    options.add_argument(
        "--speed", type=float, default=1.0, help="2: twice as fast; inf: no waiting (default: 1)"
    )
    options.add_argument(
        "--match",
        choices=("strict", "loose", "order"),
        default="strict",
        help="the same request; the most similar; or the next tape, whatever is asked "
        "(default: %(default)s)",
    )
    add_address(options)
    return options


def main(arguments: list[str]) -> int:
    """Play until Ctrl-C, then say what fitted and what did not; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        tapes = load_tapes(options.tapes)
        replay = Replay(tapes, match=options.match, speed=options.speed)
    except (ValueError, OSError) as error:
        return refuse("replay", str(error))
    simulator = Simulator(replay, on_request=show)
    code = serve("replay", simulator, options, lambda: _greet(options.tapes, simulator.url))
    if code == 0:
        say(report(replay, len(tapes)))
    return code or (UNMATCHED if replay.mismatches else 0)


def report(replay: Replay, count: int) -> str:
    """What was played, what nobody asked for, and what was asked for in vain."""
    lines = [f"{count - len(replay.unplayed)} of {_tapes(count)} played."]
    lines += [f"  nobody asked for {tape.name}" for tape in replay.unplayed]
    if replay.mismatches:
        lines.append(f"Requests without a tape: {len(replay.mismatches)}.")
        lines += [f"  {mismatch}" for mismatch in replay.mismatches]
    return "\n".join(lines)


def _tapes(count: int) -> str:
    return "1 tape" if count == 1 else f"{count} tapes"


def _greet(folder: Path, url: str) -> None:
    say(
        f"The recordings of {folder} are played on {url} (Ctrl-C ends it). In another terminal:\n\n"
        f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any\n"
    )
