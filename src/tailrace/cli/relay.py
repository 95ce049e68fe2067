"""`tailrace relay worker`: produce what the web nodes of a relay ask for."""

from __future__ import annotations

import argparse
import asyncio
import signal

from tailrace.cli.serve_simulator import refuse, say
from tailrace.core.errors import AnthropicError
from tailrace.relay.journal import JournalUnavailableError


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace relay", description="Processes of a relay besides its web nodes."
    )
    commands = options.add_subparsers(dest="command", required=True)
    worker = commands.add_parser(
        "worker",
        help="produce the generations that web nodes with Relay(…, workers=True) begin",
        description="Produce the generations that web nodes with Relay(…, workers=True) begin. "
        "The API's key is read from ANTHROPIC_API_KEY. SIGTERM lets what runs end.",
    )
    worker.add_argument(
        "where", help="the relay's journal: redis://…, valkey://…, or the path of an SQLite file"
    )
    worker.add_argument(
        "--most", type=int, default=200, help="generations at once; default: %(default)s"
    )
    worker.add_argument(
        "--drain",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long generations may go on after SIGTERM; default: %(default)g",
    )
    return options


def main(arguments: list[str]) -> int:
    """Work until SIGTERM or Ctrl-C; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        asyncio.run(_work(options.where, options.most, options.drain))
    except (ValueError, ModuleNotFoundError, JournalUnavailableError, AnthropicError) as error:
        return refuse("relay worker", str(error))
    return 0


async def _work(where: str, most: int, drain: float) -> None:
    from tailrace.aio.client import AsyncAnthropic
    from tailrace.relay.relay import Relay
    from tailrace.relay.worker import Worker

    if where == "memory:":
        raise ValueError("memory: is seen by one process alone; workers need a server or a file")
    client = AsyncAnthropic()
    if client.api_key is None and client.auth_token is None:
        raise ValueError("there is no key for the Claude API: set ANTHROPIC_API_KEY")
    async with client, Relay(where, client=client) as relay:
        worker = Worker(relay, most=most)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, relay.begin_drain)
        await relay.journal.read("jobs", None, limit=1)  # an address that is wrong fails here
        say("A worker of the relay is ready (Ctrl-C ends it).")
        await worker.run()
        await relay.drain(drain)
