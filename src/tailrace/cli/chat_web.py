"""`tailrace chat-web`: a chat page on the simulator, or with `--live` on Claude."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack, suppress
from importlib.util import find_spec

from tailrace.aio.client import AsyncAnthropic
from tailrace.cli.serve_simulator import add_address, refuse, say

MODEL = "claude-sonnet-5-5"
NEEDED = ("starlette", "uvicorn")


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace chat-web",
        description="Serve a small chat page whose answers survive a reload, a second tab and a "
        "restart of this program.",
    )
    add_address(options)
    options.add_argument(
        "--live", action="store_true", help="ask Claude, with ANTHROPIC_API_KEY; else a simulator"
    )
    options.add_argument("--model", default=MODEL, help="default: %(default)s")
    options.add_argument(
        "--max-tokens", type=int, default=4096, help="the longest answer; default: %(default)s"
    )
    options.add_argument(
        "--tokens-per-second",
        type=float,
        default=30,
        metavar="N",
        help="how fast the simulator is; default: %(default)g",
    )
    options.add_argument(
        "--journal",
        metavar="WHERE",
        help="an SQLite file, or a redis:// address; default: as of Relay()",
    )
    return options


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C; return the exit code."""
    options = parser().parse_args(arguments)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return refuse(
            "chat-web", f"needs {' and '.join(missing)}: pip install 'tailrace[chat-web]'"
        )
    if options.live and not os.environ.get("ANTHROPIC_API_KEY"):
        return refuse("chat-web", "--live needs ANTHROPIC_API_KEY in the environment")
    with ExitStack() as stack:
        try:
            return _serve(options, stack)
        except (ValueError, OSError) as error:
            return refuse("chat-web", str(error))


def _serve(options: argparse.Namespace, stack: ExitStack) -> int:
    import uvicorn

    from tailrace.relay import Pulse, Relay, Tempo
    from tailrace.simulator.server import listen
    from tailrace.web import chat_app

    client = AsyncAnthropic() if options.live else _simulated(options.tokens_per_second, stack)
    relay = Relay(
        options.journal,
        client=client,
        # The simulator gives the same answer again, so it is asked anew; Claude is asked to go on.
        on_crash="continue" if options.live else "restart",
        tempo=Tempo(lease=1.5),  # it is soon noticed that this program was killed
        pulse=Pulse(grace=0.5),
    )
    name = None if options.live else "Simulator"
    app = chat_app(relay, model=options.model, max_tokens=options.max_tokens, name=name)
    bound = listen(options.host, options.port)
    bound.listen(128)
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(
        f"A chat with {'Claude' if options.live else 'a simulator'} is served on "
        f"http://{shown}:{port} (Ctrl-C ends it)."
    )
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=60)
    with suppress(KeyboardInterrupt):  # uvicorn has shut down by then
        uvicorn.Server(config).run([bound])
    return 0


def _simulated(pace: float, stack: ExitStack) -> AsyncAnthropic:
    """A client of a simulator, which runs until the stack is closed."""
    from tailrace.simulator import Pace, Simulator, canned

    simulator = Simulator(canned, pace=Pace(tokens_per_second=pace, first_token=0.4))
    stack.enter_context(simulator)
    return AsyncAnthropic(base_url=simulator.url, api_key="simulated")
