"""The five clocks, on a clock that stands still unless the script moves it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.corpus import STOP, ends, starts, text
from tests.procedures.scripted import HELLO, OPENING, PING, Scripted, reply, says

from tailrace import DEFAULT_TIMEOUT, APIConnectionError, APITimeoutError, Timeout
from tailrace.transports.memory import Answer, ConnectSilence, Pause, Silence

# No clock but those a test sets.
NONE: dict[str, Any] = dict.fromkeys(("connect", "first_event", "idle", "progress", "total"))
DRIP = [b":", *[Pause(2), b" "] * 60]
PINGS = [PING, Pause(5)] * 60
WORDS = [item for number in range(60) for item in (*says(f"{number} "), Pause(2))]

CLOCKS: dict[str, tuple[dict[str, float], Any, str]] = {
    "connecting": ({"connect": 3}, ConnectSilence(), "connect"),
    "connecting, all in all": ({"connect": 9, "total": 3}, ConnectSilence(), "total"),
    "no headers": ({"first_event": 20}, Silence(), "first_event"),
    "slow headers": ({"first_event": 20}, Answer(after=30), "first_event"),
    "no headers, all in all": ({"total": 20}, Answer(after=30), "total"),
    "headers and no more": ({"first_event": 20}, Answer(Silence()), "first_event"),
    "headers, idle": ({"idle": 8, "first_event": 20}, Answer(Silence()), "idle"),
    "pings before the first event": ({"first_event": 20, "idle": 9}, reply(*PINGS), "first_event"),
    "bytes before the first event": ({"first_event": 21, "idle": 9}, Answer(*DRIP), "first_event"),
    "silence": ({"idle": 7, "progress": 30}, reply(*OPENING, *says("a"), Silence()), "idle"),
    "pings alone": ({"idle": 7, "progress": 18}, reply(*OPENING, *says("a"), *PINGS), "progress"),
    "a drip of bytes": (
        {"idle": 7, "progress": 18},
        reply(*OPENING, *says("a"), Pause(1), *DRIP),
        "progress",
    ),
    "words without end": ({"idle": 7, "total": 33}, reply(*OPENING, *WORDS), "total"),
    "words, each slow": ({"progress": 1}, reply(*OPENING, *WORDS), "progress"),
}


@pytest.mark.parametrize(("clocks", "turn", "clock"), CLOCKS.values(), ids=CLOCKS)
def test_a_clock_that_runs_out_is_named(clocks: dict[str, float], turn: Any, clock: str) -> None:
    scripted = Scripted(turn, max_retries=0, timeout=Timeout(**NONE | clocks))
    with pytest.raises(APITimeoutError) as caught:
        scripted.text()
    error = caught.value
    assert (error.clock, error.seconds) == (clock, clocks[clock])
    assert f"the {clock} clock ran out after {clocks[clock]} seconds" in str(error)
    assert isinstance(error, APIConnectionError)
    assert scripted.wire.now == pytest.approx(clocks[clock], abs=0.01)
    assert error.__cause__ is not error


def test_words_keep_every_clock_going_but_the_total() -> None:
    clocks = Timeout(**NONE | {"first_event": 3, "idle": 3, "progress": 3})
    turn = reply(*OPENING, *WORDS, *ends_of_text())
    assert Scripted(turn, max_retries=0, timeout=clocks).text().startswith("0 1 2 ")


def ends_of_text() -> list[Any]:
    return [*text(0)[1:], ends(), STOP]


def test_pings_keep_the_idle_clock_going() -> None:
    clocks = Timeout(**NONE | {"idle": 6})
    turn = reply(*OPENING, *PINGS, *says("Hello"), *ends_of_text())
    assert Scripted(turn, max_retries=0, timeout=clocks).text() == "Hello"


def test_without_clocks_nothing_is_hurried() -> None:
    turn = reply(*OPENING, Pause(1e6), *says("Hello"), Pause(1e6), *ends_of_text(), after=1e6)
    assert Scripted(turn, max_retries=0, timeout=None).text() == "Hello"


def test_the_error_holds_what_had_arrived() -> None:
    clocks = Timeout(**NONE | {"idle": 7})
    turn = reply(starts(), *text(0, "One."), Silence())
    with pytest.raises(APITimeoutError) as caught:
        Scripted(turn, max_retries=0, timeout=clocks).text()
    assert caught.value.partial is not None
    assert caught.value.partial.content[0].text == "One."
    assert "1 content blocks were complete" in str(caught.value)


# -- and retries -------------------------------------------------------------------------------


def test_each_try_has_its_own_clocks() -> None:
    clocks = Timeout(**NONE | {"first_event": 20})
    scripted = Scripted(Silence(), Answer(Silence()), HELLO, timeout=clocks)
    assert scripted.text() == "Hello"
    assert scripted.wire.now == pytest.approx(20 + 0.25 + 20 + 0.5)


def test_the_total_is_for_all_tries() -> None:
    clocks = Timeout(**NONE | {"first_event": 4, "total": 10})
    scripted = Scripted(*[Answer(Silence())] * 9, timeout=clocks, max_retries=8)
    with pytest.raises(APITimeoutError) as caught:
        scripted.text()
    assert (caught.value.clock, caught.value.seconds) == ("total", 10)
    assert scripted.wire.now == pytest.approx(10)
    assert [one.reason for one in caught.value.attempts] == [
        "first_event timeout",
        "first_event timeout",
        "total timeout",
    ]


def test_a_number_bounds_each_wait() -> None:
    scripted = Scripted(reply(*OPENING, *says("a"), Silence()), max_retries=0, timeout=5)
    with pytest.raises(APITimeoutError) as caught:
        scripted.text()
    assert (caught.value.clock, caught.value.seconds) == ("idle", 5)


def test_a_call_has_its_own_timeout() -> None:
    scripted = Scripted(Silence(), max_retries=0)
    with pytest.raises(APITimeoutError) as caught:
        scripted.stream(timeout=Timeout(first_event=2.5))
    assert caught.value.seconds == 2.5


def test_the_default_waits_long_for_thought_and_not_for_a_dead_connection() -> None:
    thinks = reply(*OPENING, *[Pause(100), PING] * 8, *says("Hello"), *ends_of_text())
    assert Scripted(thinks, max_retries=0).text() == "Hello"
    dead = Scripted(reply(*OPENING, Silence()), max_retries=0)
    with pytest.raises(APITimeoutError):
        dead.text()
    assert dead.wire.now == DEFAULT_TIMEOUT.idle == 120
