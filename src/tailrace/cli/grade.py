"""`tailrace grade -- command`: run a client through a fault course, one fault a run."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from tailrace.cli.serve_simulator import refuse, say
from tailrace.simulator import Received, Simulator
from tailrace.simulator.course import COURSE, WHOLE, Attempt, Fault, Run, account, judge

DEFECTS_FOUND = 1
WRONG_USAGE = 2
INTERRUPTED = 130

# They would lead the client elsewhere, or make it send a credential that is not the simulator's.
_TAKEN_AWAY = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_IDENTITY_TOKEN")


def parser() -> argparse.ArgumentParser:
    """The options of the sub-command."""
    options = argparse.ArgumentParser(
        prog="tailrace grade",
        usage="tailrace grade [options] -- command [argument ...]",
        description="Run a command that asks Claude, once for each fault, and judge what it does. "
        "ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY lead it to a simulator.",
        epilog="The exit code is 0 if no defect was found, 1 if one was, 2 for wrong usage.",
    )
    options.add_argument(
        "--limit",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="a run that takes longer has hung (default: %(default)g)",
    )
    options.add_argument(
        "--fault",
        action="append",
        choices=[fault.name for fault in COURSE],
        metavar="NAME",
        help="only this one (may be repeated); --list names them",
    )
    options.add_argument("--list", action="store_true", help="name the faults and end")
    return options


def main(arguments: list[str]) -> int:
    """Run the course and report; return the exit code."""
    own, command = _divided(arguments)
    options = parser().parse_args(own)
    if options.list:
        say("\n".join(f"{fault.name:<12} {fault.says}" for fault in COURSE))
        return 0
    if not command:
        parser().error("no command: write it after --, as in: tailrace grade -- python client.py")
    if not options.limit > 0:
        parser().error("--limit must be a positive number of seconds")
    faults = [one for one in COURSE if not options.fault or one.name in options.fault]
    try:
        return _grade(command, faults, options.limit)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        refuse("grade", f"cannot run {command[0]}: {error.strerror or error}")
        return WRONG_USAGE


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def _grade(command: Sequence[str], faults: Sequence[Fault], limit: float) -> int:
    usual = run(command, None, limit)
    if usual.code != 0 or not usual.attempts:
        refuse("grade", _not_fit(usual))
        return WRONG_USAGE
    bad = 0
    for fault in faults:
        seen = run(command, fault, limit)
        found = judge(fault, seen, usual=len(usual.attempts))
        bad += bool(found)
        say(f"{'BAD ' if found else 'good'}  {fault.name:<12} {fault.says}")
        say(f"      {account(seen)}")
        for defect in found:
            say(f"      {defect}")
    say(f"\n{len(faults) - bad} of {len(faults)} faults handled well")
    return DEFECTS_FOUND if bad else 0


def _not_fit(run: Run) -> str:
    """Why a command that met no fault cannot be graded."""
    if run.code is None:
        what = f"did not end within {run.seconds:.0f} s"
    elif not run.attempts:
        what = "did not ask the API at ANTHROPIC_BASE_URL"
    else:
        what = f"ended with exit code {run.code}"
    return f"the command {what} when there was no fault; it cannot be graded"


def run(command: Sequence[str], fault: Fault | None, limit: float) -> Run:
    """Run the command once against a simulator of its own. Raises `OSError` if it cannot start."""
    watch = _Watch()
    with Simulator(WHOLE, on_request=watch) as simulator:
        if fault is not None:
            simulator.script(fault.reply)
        began = time.monotonic()
        code, output, errors = _run(command, _environment(simulator), limit, fault is not None)
        seconds = time.monotonic() - began
        asked = fault.refused if fault is not None else 0
        refused = max(asked - simulator.scripts_left, 0)
        return Run(watch.attempts(), code, output, seconds, refused, errors)


class _Watch:
    """Notes when requests arrive and when their answers end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[int, tuple[float, float | None]] = {}

    def __call__(self, received: Received) -> None:
        now = time.monotonic()
        with self._lock:
            if received.path.endswith("/messages"):
                arrived = self._times.get(received.number, (now, None))[0]
                ended = None if received.ended is None else now
                self._times[received.number] = (arrived, ended)

    def attempts(self) -> list[Attempt]:
        """The attempts so far."""
        with self._lock:
            return [Attempt(*self._times[number]) for number in sorted(self._times)]


def _environment(simulator: Simulator) -> Mapping[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in _TAKEN_AWAY}
    for name in ("NO_PROXY", "no_proxy"):
        own[name] = ",".join(filter(None, (own.get(name), "127.0.0.1", "localhost")))
    return own | simulator.environment


def _run(
    command: Sequence[str], environment: Mapping[str, str], limit: float, quiet: bool
) -> tuple[int | None, str, str]:
    """Its exit code, `None` if it was killed at the limit, its output, and what it complained of.

    What it says on standard error is for the user, but for errors that were to be expected.
    """
    with subprocess.Popen(  # noqa: S603 - running what the user wrote is the point
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        start_new_session=True,
    ) as process:
        try:
            said = process.communicate(timeout=limit)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            _kill(process)
            said, code = process.communicate(), None
        except BaseException:
            _kill(process)
            raise
    output, errors = ((part or b"").decode(errors="replace") for part in said)
    return code, output, errors


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it has started."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(OSError):  # it may have ended just now
        os.killpg(process.pid, signal.SIGKILL)
