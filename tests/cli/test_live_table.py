"""The table of requests, drawn on a console of the test's own."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess

import pytest
from rich.console import Console
from tests.cli.test_serve_simulator import FAST, ask, command

from tailrace.cli.live_table import SHOWN, LiveTable, state
from tailrace.core.http import Headers
from tailrace.simulator import Received


def received(number: int = 1, ended: str | None = None, **fields: object) -> Received:
    body = b'{"model":"claude-sonnet-5-5","stream":true,"messages":[{"content":"a secret"}]}'
    one = Received(number, "POST", "/v1/messages", "", Headers(), body, time=100.0, status=200)
    one.ended = ended
    for name, value in fields.items():
        setattr(one, name, value)
    return one


def console(width: int = 120) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=False)


def said(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def drawn(table: LiveTable, width: int = 120) -> list[str]:
    screen = console(width)
    screen.print(table.table())
    return [line.rstrip() for line in said(screen).splitlines()]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (received(), "waiting"),
        (received(chunks=1), "streaming"),
        (received(ended="end"), "whole"),
        (received(ended="end", status=529), "error"),
        (received(ended="reset"), "reset"),
        (received(ended="half_chunk"), "cut: half a chunk"),
        (received(ended="client left"), "client left"),
    ],
)
def test_what_became_of_a_request(one: Received, told: str) -> None:
    assert state(one) == told


def test_a_reply_under_way_is_counted_up_to_now() -> None:
    table = LiveTable(console(), clock=lambda: 104.0)
    table.note(received(chunks=200, sent=34_000))
    header, row = drawn(table)
    assert header.split() == [
        "#",
        "request",
        "model",
        "status",
        "chunks",
        "/s",
        "bytes",
        "seconds",
        "state",
    ]
    expected = "1 POST /v1/messages (stream) claude-sonnet-5-5 200 200 50 34,000 4.0 streaming"
    assert row.split() == expected.split()
    assert "secret" not in row


def test_one_that_is_over_stands_still() -> None:
    table = LiveTable(console(), clock=lambda: 999.0)
    table.note(received(ended="end", ended_at=102.0, chunks=10))
    assert drawn(table)[1].split()[-3:] == ["0", "2.0", "whole"]


def test_a_narrow_terminal_has_fewer_columns() -> None:
    table = LiveTable(console(70), clock=lambda: 100.0)
    table.note(received())
    assert drawn(table, 70)[0].split() == ["#", "request", "status", "chunks", "seconds", "state"]


def test_what_no_longer_fits_is_printed_and_all_are_counted() -> None:
    screen = console()
    table = LiveTable(screen)
    table.start()
    for number in range(1, SHOWN + 4):
        table.note(received(number, sent=7))
        table.note(received(number, "end" if number > 1 else "reset", sent=7))
    table.stop()
    lines = said(screen).splitlines()
    assert lines[:3] == [
        "1 POST /v1/messages -> 200, 7 bytes, reset",
        "2 POST /v1/messages -> 200, 7 bytes, end",
        "3 POST /v1/messages -> 200, 7 bytes, end",
    ]
    assert lines[-1].endswith(f"{SHOWN + 3} answered: {SHOWN + 2} whole, 1 reset")


def test_in_a_terminal() -> None:
    """The command as a person starts it, on a pseudo-terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        command(*FAST, "--control-token", "a-token-of-ours"),
        stdout=its,
        stderr=its,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"},
    ) as process:
        os.close(its)
        screen = read_until(ours, "#a-token-of-ours")
        url = screen.split("served on ")[1].split(" ")[0]
        assert ask(url)
        process.send_signal(signal.SIGINT)
        screen = read_until(ours, "1 answered: 1 whole")
        assert "/v1/messages (stream)" in screen
        os.close(ours)
    assert process.returncode == 0


def read_until(terminal: int, mark: str) -> str:
    screen = ""
    while mark not in screen:
        screen += os.read(terminal, 65_536).decode(errors="replace")
    return screen
