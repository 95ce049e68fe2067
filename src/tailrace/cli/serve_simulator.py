"""`tailrace sim`: serve a Claude API of one's own; and how every sub-command that serves does."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import ssl
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tailrace.cli.terminal import write_to_nobody
from tailrace.simulator import (
    Pace,
    Received,
    Scenario,
    Simulator,
    canned,
    echo,
    load_scenario,
    recordings,
)
from tailrace.simulator.answers import Reply
from tailrace.simulator.running import Service

if TYPE_CHECKING:
    from tailrace.cli.live_table import LiveTable

PACE = Pace(tokens_per_second=50.0, first_token=0.3)


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace sim",
        description="Serve a Claude Messages API on this machine, to test clients against.",
    )
    add_address(options)
    answer = options.add_mutually_exclusive_group()
    answer.add_argument("--text", help="answer every request with this text")
    answer.add_argument("--echo", action="store_true", help="answer with the last user text")
    answer.add_argument(
        "--recordings", metavar="DIR", type=Path, help="play the .sse files of this folder in turn"
    )
    answer.add_argument(
        "--scenario", metavar="FILE", type=Path, help="answer as this .toml or .py file says"
    )
    for name, unit in (("tokens-per-second", "N"), ("first-token", "SECONDS"), ("jitter", "0..1")):
        default = getattr(PACE, name.replace("-", "_"))
        options.add_argument(
            f"--{name}", type=float, metavar=unit, help=f"default: the scenario's, or {default:g}"
        )
    options.add_argument(
        "--key", action="append", help="accept only this API key (may be repeated)"
    )
    options.add_argument("--seed", type=int, help="makes ids and jitter repeatable")
    options.add_argument(
        "--tls", nargs=2, metavar=("CERT", "KEY"), type=Path, help="serve https (two .pem files)"
    )
    options.add_argument(
        "--control-token",
        metavar="TOKEN",
        default=os.environ.get("TAILRACE_SIM_TOKEN"),
        help="opens the page and the control calls (default: TAILRACE_SIM_TOKEN, or a new one)",
    )
    options.add_argument(
        "--plain", action="store_true", help="a line for each request, no live table"
    )
    return options


def add_address(options: argparse.ArgumentParser) -> None:
    """Where to serve."""
    options.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    options.add_argument("--port", type=int, default=8787, help="default: %(default)s; 0: any free")


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C; return the exit code."""
    options = parser().parse_args(arguments)
    token = options.control_token or secrets.token_urlsafe(12)
    table = None if options.plain else live_table()
    try:
        answer = _answer(options)
        simulator = Simulator(
            answer,
            pace=_pace(options, answer),
            api_keys=options.key,
            seed=options.seed,
            tls=_context(*options.tls) if options.tls else None,
            on_request=table.note if table else show,
            control_token=token,
        )
    except (ValueError, OSError) as error:
        return refuse("sim", str(error))

    def greet() -> None:
        _greet(simulator, options, token)
        if table is not None:
            table.start()

    try:
        return serve("sim", simulator, options, greet)
    finally:
        if table is not None:
            table.stop()


def live_table() -> LiveTable | None:
    """The live table, where there is a terminal to show it and rich to draw it."""
    if not sys.stdout.isatty() or find_spec("rich") is None:
        return None
    from tailrace.cli.live_table import LiveTable

    return LiveTable()


def serve(
    command: str, service: Service, options: argparse.Namespace, greet: Callable[[], None]
) -> int:
    """Serve until Ctrl-C or SIGTERM, greeting once the port is open; return the exit code."""
    host, port = options.host, options.port
    try:
        service.serve(host, port, on_start=lambda _: greet())
    except (OSError, OverflowError) as error:  # OverflowError: no such port
        why = getattr(error, "strerror", None) or error
        return refuse(command, f"cannot serve on {host}:{port} ({why}); --port 0 takes a free port")
    except KeyboardInterrupt:
        pass
    return 0


def refuse(command: str, why: str) -> int:
    """Say why the command cannot do it; return the exit code."""
    sys.stderr.write(f"tailrace {command}: {why}\n")
    return 1


def _answer(options: argparse.Namespace) -> Reply | Scenario:
    if options.scenario is not None:
        return load_scenario(options.scenario)
    if options.text is not None:
        text: str = options.text
        return text
    if options.echo:
        return echo
    return recordings(options.recordings) if options.recordings else canned


def _pace(options: argparse.Namespace, answer: Reply | Scenario) -> Pace:
    """The scenario's pace, or the command's, with what the options change in it."""
    own = answer.pace if isinstance(answer, Scenario) else None
    asked = {name: getattr(options, name) for name in Pace.__struct_fields__}
    changed = {name: number for name, number in asked.items() if number is not None}
    return Pace(**{**msgspec.structs.asdict(own or PACE), **changed})


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        why = error.strerror or error
        raise ValueError(
            f"--tls: {certificate} and {key} are not a certificate and its key in PEM ({why})"
        ) from None
    return context


def _greet(simulator: Simulator, options: argparse.Namespace, token: str) -> None:
    url = simulator.url
    trust = f" SSL_CERT_FILE={shlex.quote(str(options.tls[0]))}" if options.tls else ""
    say(
        f"A Claude API is served on {url} (Ctrl-C ends it). In another terminal:\n\n"
        f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any{trust}\n"
        '  tailrace "Write a short poem about APIs."\n\n'
        f"Its page, to watch and to make it fail: {url}/#{token}\n"
    )


def show(received: Received) -> None:
    """Print a line for a request whose answer has ended."""
    if received.ended is None:
        return
    say(told(received))


def told(received: Received) -> str:
    """What was asked, and what became of it."""
    asked = f"{received.method} {received.path}"
    return f"{asked} -> {received.status}, {received.sent} bytes, {received.ended}"


def say(text: str) -> None:
    """Print a line."""
    try:
        print(text, flush=True)
    except BrokenPipeError:  # it serves on, whether anybody reads this or not
        write_to_nobody()
