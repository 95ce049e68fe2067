"""`tailrace relay worker`: produce what the web nodes of a relay ask for."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tailrace.cli.serve_simulator import refuse, say
from tailrace.core.errors import AnthropicError
from tailrace.relay.journal import JournalUnavailableError

if TYPE_CHECKING:
    import socket

    from tailrace.relay.relay import Relay


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
    worker.add_argument(
        "--status",
        metavar="[HOST:]PORT",
        help="serve /metrics (Prometheus), /healthz and /readyz there; the host is 127.0.0.1 "
        "unless given, the port any free one if it is 0",
    )
    return options


def main(arguments: list[str]) -> int:
    """Work until SIGTERM or Ctrl-C; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        asyncio.run(_work(options))
    except (ValueError, ModuleNotFoundError, JournalUnavailableError, AnthropicError) as error:
        return refuse("relay worker", str(error))
    return 0


def _listen(status: str | None) -> socket.socket | None:
    """A socket where the status is to be served, if it is. Raises `ValueError` where it cannot."""
    if status is None:
        return None
    if find_spec("uvicorn") is None:
        raise ValueError("--status needs uvicorn: pip install uvicorn")
    host, _, port = status.rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"--status must be a port, or a host and a port: {status!r}")
    from tailrace.simulator.server import listen

    try:
        bound = listen(host.strip("[]") or "127.0.0.1", int(port))
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"cannot serve the status on {status} ({why})") from error
    bound.listen(16)
    return bound


@asynccontextmanager
async def _status(relay: Relay, bound: socket.socket | None) -> AsyncGenerator[str]:
    """Serve how the worker is until the block ends; what to say of it."""
    if bound is None:
        yield ""
        return
    from tailrace.cli.unsignalled import unsignalled

    server = unsignalled(relay.status_app(), access_log=False, timeout_graceful_shutdown=1)
    task = asyncio.create_task(server.serve([bound]))
    host, port = bound.getsockname()[:2]
    try:
        yield f" Its metrics: http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
    finally:
        server.should_exit = True
        await task


async def _work(options: argparse.Namespace) -> None:
    from tailrace.aio.client import AsyncAnthropic
    from tailrace.relay.relay import Relay
    from tailrace.relay.worker import Worker

    if options.where == "memory:":
        raise ValueError("memory: is seen by one process alone; workers need a server or a file")
    client = AsyncAnthropic()
    if client.api_key is None and client.auth_token is None:
        raise ValueError("there is no key for the Claude API: set ANTHROPIC_API_KEY")
    bound = _listen(options.status)
    async with client, Relay(options.where, client=client) as relay:
        worker = Worker(relay, most=options.most)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, relay.begin_drain)
        await relay.journal.read("jobs", None, limit=1)  # an address that is wrong fails here
        async with _status(relay, bound) as where:
            say(f"A worker of the relay is ready (Ctrl-C ends it).{where}")
            await worker.run()
            await relay.drain(options.drain)
