"""What the calls of one client have in common, and how each becomes an exchange."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.procedures.scripted import ASKED, HELLO

from tailrace import DEFAULT_TIMEOUT, NOT_GIVEN, Timeout
from tailrace.core.settings import Settings
from tailrace.procedures.session import Begin, Session, check_max_retries, clocks
from tailrace.procedures.wire import settle
from tailrace.transports.memory import Answer, ScriptedWire, Silence

JSON = {"content-type": "application/json"}


def session(wire: ScriptedWire | None = None, **options: Any) -> Session:
    made = wire or ScriptedWire([HELLO])
    return Session(settings=Settings(api_key="k"), wire=lambda: made, **options)


def waits(begin: Begin, wire: ScriptedWire) -> list[float | None]:
    """How long the call waits for its headers."""
    settle(begin().start())
    return wire.waits


# -- what is sent ------------------------------------------------------------------------------


def test_a_call_is_checked_and_encoded_before_there_is_a_wire() -> None:
    def no_wire() -> ScriptedWire:
        raise AssertionError("a wire was asked for")

    made = Session(settings=Settings(api_key="k"), wire=no_wire)
    made.stream("stream", ASKED, timeout=NOT_GIVEN)
    with pytest.raises(TypeError, match="missing required keyword argument"):
        made.stream("stream", {}, timeout=NOT_GIVEN)
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        made.whole("create", {**ASKED, "system": "\ud800"}, timeout=NOT_GIVEN)


def test_each_kind_of_call_has_its_path_and_body() -> None:
    wire = ScriptedWire([HELLO, Answer(b"{}", headers=JSON), Answer(b"{}", headers=JSON)])
    made = session(wire)
    counted = {name: ASKED[name] for name in ("model", "messages")}
    for begin in (
        made.stream("stream", ASKED, timeout=NOT_GIVEN),
        made.whole("create", ASKED, timeout=NOT_GIVEN),
        made.count_tokens("count_tokens", counted, timeout=NOT_GIVEN),
    ):
        settle(begin().start())
    bodies = [json.loads(request.content) for request in wire.requests]
    assert bodies == [{**ASKED, "stream": True}, ASKED, counted]
    paths = [request.url.removeprefix("https://api.anthropic.com") for request in wire.requests]
    assert paths == ["/v1/messages", "/v1/messages", "/v1/messages/count_tokens"]


def test_beginning_twice_sends_the_same_request_twice() -> None:
    wire = ScriptedWire([HELLO, HELLO])
    begin = session(wire).stream("stream", ASKED, timeout=NOT_GIVEN)
    settle(begin().start())
    settle(begin().start())
    first, second = wire.requests
    assert first.content == second.content


def test_a_call_names_itself_in_its_errors() -> None:
    with pytest.raises(TypeError, match=r"^create\(\) got an unexpected keyword argument 'modle'"):
        session().whole("create", {**ASKED, "modle": 1}, timeout=NOT_GIVEN)


# -- the clocks --------------------------------------------------------------------------------


def test_a_stream_waits_as_its_session_says_unless_the_call_says() -> None:
    for given, expected in ((NOT_GIVEN, 300.0), (7, 7.0), (Timeout(first_event=9), 9.0)):
        wire = ScriptedWire([HELLO])
        begin = session(wire).stream("stream", ASKED, timeout=given)
        assert waits(begin, wire) == [expected]


def test_a_whole_reply_is_given_ten_minutes() -> None:
    wire = ScriptedWire([Answer(b"{}", headers=JSON)])
    assert waits(session(wire).whole("create", ASKED, timeout=NOT_GIVEN), wire) == [600.0]


@pytest.mark.parametrize(
    ("options", "given", "refused"),
    [
        ({}, NOT_GIVEN, True),
        ({"timeout": DEFAULT_TIMEOUT}, NOT_GIVEN, True),
        ({}, 900, False),
        ({}, None, False),
        ({"timeout": Timeout(first_event=900)}, NOT_GIVEN, False),
    ],
)
def test_a_whole_reply_that_could_take_longer_is_refused_unless_a_wait_is_named(
    options: dict[str, Any], given: Any, refused: bool
) -> None:
    long = {**ASKED, "max_tokens": 21_334}
    made = session(**options)
    if not refused:
        made.whole("create", long, timeout=given)
        return
    with pytest.raises(ValueError, match="Streaming is required") as caught:
        made.whole("create", long, timeout=given)
    assert "timeout=" in str(caught.value)
    made.whole("create", {**ASKED, "max_tokens": 21_333}, timeout=given)
    made.stream("stream", long, timeout=given)


def test_clocks_are_what_was_given_or_what_holds_otherwise() -> None:
    otherwise = Timeout(idle=3)
    assert clocks(NOT_GIVEN, otherwise) is otherwise
    assert clocks(5, otherwise).idle == 5
    assert clocks(None, otherwise).idle is None
    with pytest.raises(TypeError, match="timeout must be"):
        clocks("5", otherwise)


# -- changes -----------------------------------------------------------------------------------


def test_replacing_changes_what_is_given_and_nothing_else() -> None:
    made = session(max_retries=5, timeout=Timeout(idle=3))
    changed = made.replace(timeout=9, max_retries=NOT_GIVEN)
    assert (changed.timeout.idle, changed.max_retries) == (9, 5)
    assert changed.wire is made.wire
    assert made.timeout.idle == 3
    assert msgspec.structs.asdict(made.replace()) == msgspec.structs.asdict(made)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"timeout": "9"}, TypeError),
        ({"max_retries": None}, TypeError),
        ({"max_retries": 1.5}, TypeError),
        ({"max_retries": True}, TypeError),
        ({"max_retries": -1}, ValueError),
        ({"recovery": "perhaps"}, ValueError),
    ],
)
def test_a_change_that_cannot_be_is_refused(change: dict[str, Any], error: type) -> None:
    with pytest.raises(error, match=next(iter(change))):
        session().replace(**change)


def test_how_to_turn_retries_off_is_said() -> None:
    with pytest.raises(TypeError, match="0 turns retries off"):
        check_max_retries(None)


def test_the_clocks_of_an_exchange_are_its_own() -> None:
    """A total that one call used up does not shorten the next."""
    wire = ScriptedWire([Silence(), HELLO])
    made = session(wire, timeout=Timeout(total=10), max_retries=0)
    begin = made.stream("stream", ASKED, timeout=NOT_GIVEN)
    with pytest.raises(Exception, match="total clock"):
        settle(begin().start())
    settle(begin().start())
    assert wire.waits == [10.0, 10.0]
