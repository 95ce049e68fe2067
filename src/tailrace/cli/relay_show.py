"""`tailrace relay-show`: a page of viewers, and buttons to kill what serves them."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tailrace.cli.chat_web import NEEDED
from tailrace.cli.serve_simulator import refuse, say

if TYPE_CHECKING:
    import socket

HOST = "127.0.0.1"


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace relay-show",
        description="Serve a page of viewers that follow a few replies through real nodes and, "
        "if redis-server is installed, a real Redis server; and buttons to kill them. For this "
        "machine alone, at an address that cannot be guessed.",
    )
    options.add_argument("--port", type=int, default=8788, help="default: %(default)s; 0: any free")
    options.add_argument("--nodes", type=int, default=3, help="default: %(default)s")
    options.add_argument("--viewers", type=int, default=24, help="default: %(default)s")
    options.add_argument(
        "--characters", type=int, default=1500, help="of each reply; default: %(default)s"
    )
    options.add_argument(
        "--pace", type=float, default=60, help="characters a second; default: %(default)g"
    )
    return options


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C; return the exit code."""
    options = parser().parse_args(arguments)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        return refuse("relay-show", f"needs {needed}: pip install 'tailrace[chat-web]'")
    if os.name != "posix":
        return refuse("relay-show", "needs a system with signals and socket files")
    from tailrace.simulator.server import listen

    try:
        bound = listen(HOST, options.port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        return refuse(
            "relay-show", f"cannot serve on port {options.port} ({why}); 0 takes a free one"
        )
    with bound, tempfile.TemporaryDirectory(prefix="tailrace-") as folder:
        try:
            asyncio.run(_serve(options, bound, Path(folder)))
        except (ValueError, RuntimeError) as error:
            return refuse("relay-show", str(error))
    return 0


async def _serve(options: argparse.Namespace, bound: socket.socket, folder: Path) -> None:
    from tailrace.cli.unsignalled import unsignalled
    from tailrace.web.show import Show

    show = Show(
        f"http://{HOST}:{bound.getsockname()[1]}",
        folder,
        nodes=options.nodes,
        viewers=options.viewers,
        characters=options.characters,
        pace=options.pace,
    )
    # Signals are for this program: it has other processes to end, too.
    server = unsignalled(show.app(), timeout_graceful_shutdown=2)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
    bound.listen(128)
    async with show.running():
        journal = (
            "a Redis server" if show.redis else "SQLite, as there is no redis-server or redis-py"
        )
        say(
            f"{options.viewers} viewers, {options.nodes} nodes and {journal}: open\n\n"
            f"  {show.url}\n\nand kill what you like (Ctrl-C ends it)."
        )
        await server.serve([bound])
