"""The five clocks, by scripted times; no test here waits."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from tailrace.core.clocks import (
    DEFAULT_TIMEOUT,
    NO_TIMEOUT,
    Deadlines,
    Expiry,
    Timeout,
    timeout_from,
)

FIVE = ("connect", "first_event", "idle", "progress", "total")


def bounds(timeout: Timeout) -> tuple[float | None, ...]:
    return tuple(getattr(timeout, name) for name in FIVE)


# -- the value ---------------------------------------------------------------------------------

ACCEPTED = [
    (None, (None, None, None, None, None)),
    (5, (5, 5, 5, 900, None)),
    (0.5, (0.5, 0.5, 0.5, 900, None)),
    (1000, (1000, 1000, 1000, 1000, None)),
    (SimpleNamespace(connect=1, read=2, write=3, pool=4), (1, 2, 2, None, None)),
    (SimpleNamespace(connect=None, read=None), (None, None, None, None, None)),
    (Timeout(total=9), (10, 300, 120, 900, 9)),
    (Timeout(idle=None), (10, 300, None, 900, None)),
]


@pytest.mark.parametrize(("value", "expected"), ACCEPTED)
def test_what_callers_may_pass(value, expected):
    assert bounds(timeout_from(value)) == expected


def test_httpx2_timeouts_are_taken():
    httpx2 = pytest.importorskip("httpx2")
    assert bounds(timeout_from(httpx2.Timeout(7, connect=2))) == (2, 7, 7, None, None)
    assert timeout_from(httpx2.Timeout(None)) == NO_TIMEOUT


@pytest.mark.parametrize("value", ["5", True, [], object(), {"idle": 5}])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match=f"timeout must be a number .* not {type(value).__name__}"):
        timeout_from(value)


@pytest.mark.parametrize("value", [0, -1, math.nan, "5", True])
@pytest.mark.parametrize("name", FIVE)
def test_a_clock_is_a_positive_number_of_seconds(name, value):
    with pytest.raises(ValueError, match=f"timeout {name} must be a positive number of seconds"):
        Timeout(**{name: value})


def test_a_clock_is_a_finite_number_of_seconds():
    with pytest.raises(ValueError, match="None"):
        timeout_from(math.inf)


def test_a_number_out_of_range_is_refused():
    for value in (0, -1, -0.5):
        with pytest.raises(ValueError, match="must be a positive number"):
            timeout_from(value)


def test_defaults_end_a_dead_connection_in_minutes():
    assert timeout_from(DEFAULT_TIMEOUT) is DEFAULT_TIMEOUT
    assert DEFAULT_TIMEOUT.idle == 120
    assert DEFAULT_TIMEOUT.total is None
    assert Timeout() == DEFAULT_TIMEOUT


# -- the state ---------------------------------------------------------------------------------

ALL = Timeout(connect=2, first_event=30, idle=10, progress=50, total=100)


def running(timeout: Timeout = ALL, *, called: float = 0, now: float = 0) -> Deadlines:
    return Deadlines(timeout, now=now, called=called)


# What happens when (bytes, event), and then which clock runs out first, and at what time.
SCRIPTS = {
    "nothing comes": ([], "idle", 10),
    "bytes but no event": ([(t, "bytes") for t in range(5, 31, 5)], "first_event", 30),
    "bytes keep idle off": ([(8, "bytes"), (16, "bytes")], "idle", 26),
    "an event": ([(8, "event")], "idle", 18),
    "only pings after an event": (
        [(9, "event"), *((t, "bytes") for t in range(12, 60, 5))],
        "progress",
        59,
    ),
    "events to the end": ([(t, "event") for t in range(5, 100, 5)], "total", 100),
}


@pytest.mark.parametrize(("script", "clock", "at"), SCRIPTS.values(), ids=SCRIPTS)
def test_which_clock_runs_out_and_when(script, clock, at):
    clocks = running()
    for time, what in script:
        assert clocks.expired(time - 0.001) is None
        clocks.bytes_arrived(time)
        if what == "event":
            clocks.progress_made(time)
    last = script[-1][0] if script else 0
    assert clocks.wait(last) == at - last
    assert clocks.expired(at - 0.001) is None
    assert clocks.expired(at) == clocks.nearest(last) == Expiry(clock, getattr(ALL, clock))


@pytest.mark.parametrize("name", ["first_event", "idle", "progress", "total"])
def test_a_clock_alone(name):
    clocks = running(Timeout(**{**dict.fromkeys(FIVE), name: 10}))
    if name == "progress":
        assert clocks.wait(0) is None
        clocks.progress_made(0)
    assert clocks.wait(4) == 6
    assert clocks.expired(9.99) is None
    assert clocks.expired(10) == Expiry(name, 10)


def test_no_clock_waits_for_ever():
    clocks = running(NO_TIMEOUT)
    assert clocks.wait(1e9) is clocks.connect_wait(1e9) is clocks.answer_wait(1e9) is None
    assert clocks.expired(1e9) is None
    assert clocks.nearest(0) == Expiry("idle", 0.0)


def test_total_counts_from_the_call_over_all_tries():
    clocks = running(called=0, now=95)
    assert clocks.wait(95) == 5
    assert clocks.expired(100) == Expiry("total", 100)
    # The others begin anew with each try.
    assert clocks.expired(99) is None
    assert running(called=0, now=60).wait(60) == 10


def test_the_most_telling_clock_is_named_when_several_have_run_out():
    assert running().expired(1000) == Expiry("total", 100)
    assert running().expired(35) == Expiry("first_event", 30)


def test_a_wait_is_never_negative():
    assert running().wait(1000) == running().connect_wait(1000) == running().answer_wait(1000) == 0


def test_connecting_waits_for_the_nearest_clock():
    assert running().connect_wait(0) == 2
    assert running(called=0, now=99).connect_wait(99) == 1
    assert running(Timeout(connect=None, idle=7)).connect_wait(0) == 7
    only = Timeout(**{**dict.fromkeys(FIVE), "connect": 3})
    assert running(only).connect_wait(0) == 3


def test_the_headers_are_not_bound_by_idle():
    assert running().answer_wait(0) == 30
    assert running(called=0, now=90).answer_wait(90) == 10
    assert running(Timeout(first_event=None)).answer_wait(0) is None


def test_an_event_is_remembered():
    clocks = running()
    assert not clocks.arrived
    clocks.bytes_arrived(3)
    assert (clocks.now, clocks.arrived) == (3, False)
    clocks.progress_made(4)
    assert clocks.arrived


def test_a_wait_that_ended_a_moment_early_counts():
    assert running().expired(10 - 1e-7) == Expiry("idle", 10)


# -- steady: event after event -----------------------------------------------------------------


def test_after_an_event_a_read_waits_for_the_shortest_clock_from_where_it_begins():
    clocks = Deadlines(Timeout(idle=5, progress=7, first_event=1), now=0, called=0)
    assert not clocks.steady
    clocks.progress_made(1)
    assert clocks.steady
    assert clocks.usual == 5
    clocks.read_began(100)  # the 99 seconds before it were the caller's
    assert clocks.expired(104.9) is None
    assert clocks.expired(105) == Expiry("idle", 5)


def test_a_ping_ends_it_and_progress_counts_from_the_last_read():
    clocks = Deadlines(Timeout(idle=5, progress=7), now=0, called=0)
    clocks.progress_made(1)
    clocks.read_began(100)
    clocks.bytes_arrived(104)
    assert not clocks.steady
    assert clocks.wait(104) == 3
    assert clocks.expired(107) == Expiry("progress", 7)


@pytest.mark.parametrize("timeout", [Timeout(total=60), NO_TIMEOUT])
def test_it_is_never_so_where_a_total_runs_or_no_clock_at_all(timeout):
    clocks = Deadlines(timeout, now=0, called=0)
    clocks.progress_made(1)
    assert not clocks.steady
