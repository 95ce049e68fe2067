"""The fault course: what a client meets, one fault a run, and what its conduct is worth.

Theory of operation. A `Fault` says what the simulator does to the first attempt; every later one
gets a whole answer. A `Run` is what was seen from outside: the attempts with their times, the exit
code, the output. `judge` compares the two. A client may give up on a reply that broke after content
(it cannot know what its caller did with it), but it must say so with its exit code. It must try
again where nothing had been delivered, wait as long as the server asks, end by itself, and close
the connection of a reply it has given up before it opens the next. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tailrace.simulator.acts import (
    Cut,
    Error,
    Event,
    Fail,
    Ping,
    Refuse,
    Script,
    SlowHeaders,
    Stall,
    Text,
)

WHOLE = "This answer is whole, from its first word to its last."
HALF = "This answer breaks off in the"

CLOCK = 0.05
"""How much two measured times may be off, in seconds."""

GRACE = 0.25
"""How long after the next attempt a connection may still be open, in seconds."""

_LONG = 86_400.0


class Defect(StrEnum):
    """What a client should not do."""

    NOT_ASKED = "made no request"
    ACCEPTED = "accepted a cut stream: exit code 0 without another attempt"
    HID = "hid a failure: exit code 0 without an answer or another attempt"
    GAVE_UP = "gave up without a retry, though nothing had been delivered"
    IGNORED = "ignored retry-after"
    EARLY = "retried too early: before retry-after had passed"
    HUNG = "hung: had not ended by itself"
    LEAKED = "leaked a connection: a reply it had given up stayed open"
    CRASHED = "crashed: it ended in an exception that is not one of its own"


@dataclass(frozen=True)
class Fault:
    """One fault: `reply` is what the first attempt gets, `says` tells people.

    `delivered` is whether content came before the fault, so that a client may well not try again.
    `retry_after` is how long the server asked it to wait, in seconds. `refused` connections end
    before any request is made.
    """

    name: str
    says: str
    reply: Script
    delivered: bool = False
    retry_after: float = 0.0
    refused: int = 0


@dataclass(frozen=True)
class Attempt:
    """One request: when it arrived and when its answer ended (`None`: never), in seconds."""

    arrived: float
    ended: float | None


@dataclass(frozen=True)
class Run:
    """What was seen of a client.

    `code` is its exit code, `None` where it had to be killed, after these `seconds`. `refused`
    counts connections that were refused. `errors` is what it said on standard error.
    """

    attempts: Sequence[Attempt]
    code: int | None
    output: str = ""
    seconds: float = 0.0
    refused: int = 0
    errors: str = ""

    @property
    def raised(self) -> str:
        """The exception a Python program ended in, as its traceback names it; empty if none."""
        lines = (
            self.errors.splitlines() if "Traceback (most recent call last)" in self.errors else []
        )
        found = [_RAISED.match(line) for line in lines]
        return next((one[1] for one in reversed(found) if one), "")

    @property
    def tries(self) -> int:
        """How often it tried to get an answer."""
        return len(self.attempts) + self.refused


_RAISED = re.compile(r"([A-Za-z_][\w.]*)(?::|$)")

# Exceptions no client should let through: those of the HTTP libraries it may be built on, and those
# that only tell of a slip in its own code.
_FOREIGN = re.compile(
    r"(httpx2?|httpcore2?|urllib3|aiohttp|requests|h11|h2|anyio|pycurl)\..*|"
    r"(AssertionError|AttributeError|IndexError|KeyError|TypeError|UnboundLocalError"
    r"|UnicodeDecodeError)\Z"
)

_NO_SUCH_BLOCK = {
    "type": "content_block_delta",
    "index": 7,
    "delta": {"type": "text_delta", "text": "?"},
}
_PINGS = Ping(times=100_000, every=0.1)
_PAGE = "<html><body>Please log in.</body></html>"

COURSE: Sequence[Fault] = (
    Fault("cut-end", "the reply ends in mid-text, as HTTP wants it", [Text(HALF), Cut()], True),
    Fault("cut-close", "the connection closes in mid-text", [Text(HALF), Cut("close")], True),
    Fault("cut-chunk", "it closes inside an HTTP chunk", [Text(HALF), Cut("half_chunk")], True),
    Fault("cut-reset", "the connection is reset in mid-text", [Text(HALF), Cut("reset")], True),
    Fault("error-late", "an overloaded_error after text", [Text(HALF), Error()], True),
    Fault(
        "malformed", "text for a block that never began", [Text(HALF), Event(_NO_SUCH_BLOCK)], True
    ),
    Fault("error-first", "a 200 whose first event is an overloaded_error", [Error()]),
    Fault("empty", "a 200 with no event at all", [Cut(after_bytes=0)]),
    Fault("page", "a 200 with a page of HTML, as from a gateway", [Fail(200, body=_PAGE)]),
    Fault("status-529", "HTTP 529, overloaded", [Fail(529)]),
    Fault("status-500", "HTTP 500, api_error", [Fail(500)]),
    Fault(
        "retry-after", "HTTP 429 with retry-after: 2", [Fail(429, retry_after=2)], retry_after=2.0
    ),
    Fault("refused", "the connection is refused once", [Refuse(1)], refused=1),
    Fault("no-headers", "no answer to the request", [SlowHeaders(_LONG)]),
    Fault("silence", "silence after the first words", [Text(HALF), Stall()], True),
    Fault("pings-only", "pings for ever and nothing else", [_PINGS]),
    Fault("pings-late", "pings for ever after the first words", [Text(HALF), _PINGS], True),
)
"""The faults, in the order they are tried."""


def judge(fault: Fault, run: Run, *, usual: int = 1) -> list[Defect]:
    """What the client did wrong, nothing if it did well.

    `usual` is how many requests it makes when nothing is wrong.
    """
    return [defect for defect, has in _CHECKS.items() if has(fault, run, usual)]


def account(run: Run) -> str:
    """What the client did, in a line."""
    how = "killed" if run.code is None else f"exit code {run.code}"
    pause = _pause(run)
    after = "" if pause is None else f", the second {pause:.2f} s after the first failed"
    noun = "attempt" if run.tries == 1 else "attempts"
    printed = " and ".join(
        name
        for name, text in (("the cut text", HALF), ("the whole answer", WHOLE))
        if text in run.output
    )
    told = f", having printed {printed}" if printed else ""
    raised = f", in {run.raised}" if run.raised else ""
    return f"{run.tries} {noun}{after}; {how}{raised} after {run.seconds:.1f} s{told}"


def _not_asked(fault: Fault, run: Run, usual: int) -> bool:
    return run.tries == 0


def _accepted(fault: Fault, run: Run, usual: int) -> bool:
    return fault.delivered and run.code == 0 and 0 < run.tries <= usual


def _hid(fault: Fault, run: Run, usual: int) -> bool:
    return not fault.delivered and run.code == 0 and 0 < run.tries <= usual


def _gave_up(fault: Fault, run: Run, usual: int) -> bool:
    return not fault.delivered and run.code not in (0, None) and run.tries == 1


def _hung(fault: Fault, run: Run, usual: int) -> bool:
    return run.code is None


def _ignored(fault: Fault, run: Run, usual: int) -> bool:
    """It waited less than half as long as it was asked to."""
    pause = _pause(run)
    return pause is not None and pause < fault.retry_after / 2


def _early(fault: Fault, run: Run, usual: int) -> bool:
    pause = _pause(run)
    return pause is not None and fault.retry_after / 2 <= pause < fault.retry_after - CLOCK


def _leaked(fault: Fault, run: Run, usual: int) -> bool:
    """An answer was still open when the next attempt had been made."""
    pairs = zip(run.attempts, run.attempts[1:], strict=False)
    return any(one.ended is None or one.ended > other.arrived + GRACE for one, other in pairs)


def _crashed(fault: Fault, run: Run, usual: int) -> bool:
    return bool(_FOREIGN.match(run.raised))


_CHECKS: Mapping[Defect, Callable[[Fault, Run, int], bool]] = {
    Defect.NOT_ASKED: _not_asked,
    Defect.ACCEPTED: _accepted,
    Defect.HID: _hid,
    Defect.GAVE_UP: _gave_up,
    Defect.IGNORED: _ignored,
    Defect.EARLY: _early,
    Defect.HUNG: _hung,
    Defect.LEAKED: _leaked,
    Defect.CRASHED: _crashed,
}


def _pause(run: Run) -> float | None:
    """The seconds between the end of the first answer and the second attempt."""
    if len(run.attempts) < 2 or run.attempts[0].ended is None:
        return None
    return max(run.attempts[1].arrived - run.attempts[0].ended, 0.0)
