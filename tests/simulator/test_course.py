"""What a client's conduct is worth, without running one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tailrace.simulator.acts import Text
from tailrace.simulator.course import (
    COURSE,
    HALF,
    WHOLE,
    Attempt,
    Defect,
    Fault,
    Run,
    account,
    judge,
)

BY_NAME = {fault.name: fault for fault in COURSE}
ONCE = [Attempt(1.0, 1.1)]


def twice(pause: float) -> list[Attempt]:
    return [Attempt(1.0, 2.0), Attempt(2.0 + pause, 9.0)]


CRASHED = [Defect.CRASHED]


def traceback(last: str) -> str:
    return f"Traceback (most recent call last):\n  File 'x.py', line 1, in f: g\n{last}\n"


TABLE: Sequence[tuple[str, Run, list[Defect]]] = [
    ("cut-end", Run(ONCE, 0, HALF), [Defect.ACCEPTED]),
    ("cut-end", Run(ONCE, 1, HALF), []),
    ("cut-end", Run(twice(0.5), 0, HALF + WHOLE), []),
    ("cut-end", Run([], 1), [Defect.NOT_ASKED]),
    ("error-first", Run(ONCE, 1), [Defect.GAVE_UP]),
    ("error-first", Run(ONCE, 0), [Defect.HID]),
    ("error-first", Run(twice(0.0), 0), []),
    ("error-first", Run(twice(0.0), 1), []),
    ("error-late", Run(ONCE, 1), []),
    ("retry-after", Run(twice(0.5), 0), [Defect.IGNORED]),
    ("retry-after", Run(twice(1.5), 0), [Defect.EARLY]),
    ("retry-after", Run(twice(1.99), 0), []),
    ("retry-after", Run(twice(3.0), 0), []),
    ("retry-after", Run(ONCE, 1), [Defect.GAVE_UP]),
    ("refused", Run([], 1, refused=1), [Defect.GAVE_UP]),
    ("refused", Run(ONCE, 0, refused=1), []),
    ("refused", Run([], 1), [Defect.NOT_ASKED]),
    ("silence", Run(ONCE, None), [Defect.HUNG]),
    ("silence", Run([Attempt(1.0, 5.0), Attempt(2.0, 2.5)], 0), [Defect.LEAKED]),
    ("silence", Run([Attempt(1.0, None), Attempt(2.0, 2.5)], 0), [Defect.LEAKED]),
    ("silence", Run([Attempt(1.0, 2.1), Attempt(2.0, 2.5)], 0), []),
    ("pings-only", Run([Attempt(1.0, None)], None), [Defect.HUNG]),
    ("cut-reset", Run(ONCE, 1, HALF, errors=traceback("httpx2.ReadError: [Errno 104]")), CRASHED),
    (
        "cut-close",
        Run(ONCE, 1, HALF, errors=traceback("urllib3.exceptions.ProtocolError")),
        CRASHED,
    ),
    ("malformed", Run(ONCE, 1, HALF, errors=traceback("IndexError: out of range")), CRASHED),
    ("malformed", Run(ONCE, 1, HALF, errors=traceback("some.api.errors.IndexError: no")), []),
    ("cut-close", Run(ONCE, 1, HALF, errors="httpx2.ReadError: logged, no traceback"), []),
    ("cut-close", Run(ONCE, 1, HALF, errors=traceback("api.Cut: x") + "see: the log\n"), []),
]


@pytest.mark.parametrize(("name", "run", "defects"), TABLE)
def test_judgements(name: str, run: Run, defects: list[Defect]) -> None:
    assert judge(BY_NAME[name], run) == defects


def test_every_defect_can_be_found() -> None:
    assert {defect for _, _, defects in TABLE for defect in defects} == set(Defect)


def test_a_client_that_usually_asks_twice_has_to_ask_more_often() -> None:
    cut = BY_NAME["cut-end"]
    assert judge(cut, Run(twice(0.5), 0, HALF), usual=2) == [Defect.ACCEPTED]
    assert judge(cut, Run([*twice(0.5), Attempt(12.0, 13.0)], 0), usual=2) == []


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (
            Run(ONCE, 0, HALF, 0.24),
            "1 attempt; exit code 0 after 0.2 s, having printed the cut text",
        ),
        (Run([], None, "", 6.0, refused=1), "1 attempt; killed after 6.0 s"),
        (
            Run(twice(0.25), 0, HALF + WHOLE, 3.0),
            "2 attempts, the second 0.25 s after the first failed; exit code 0 after 3.0 s, "
            "having printed the cut text and the whole answer",
        ),
        (
            Run(ONCE, 1, "", 2.0, errors=traceback("httpx2.ReadError: gone")),
            "1 attempt; exit code 1, in httpx2.ReadError after 2.0 s",
        ),
    ],
)
def test_accounts(run: Run, says: str) -> None:
    assert account(run) == says


@pytest.mark.parametrize("fault", COURSE, ids=lambda fault: fault.name)
def test_faults_say_whether_content_was_delivered(fault: Fault) -> None:
    assert fault.delivered == any(isinstance(act, Text) for act in fault.reply)


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(COURSE)
