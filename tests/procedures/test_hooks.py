"""Hooks: what a caller may watch and change of each call."""

from __future__ import annotations

import pytest
from tests.procedures.scripted import ASKED, HELLO, OVERLOADED, reply

import tailrace
from tailrace.transports.memory import Answer, ScriptedWire


def client(*script, **options):
    made = tailrace.Anthropic(api_key="k", **options)
    wire = ScriptedWire(script)
    made._shared._make = lambda: wire
    return made, wire


def test_every_try_is_seen():
    seen: list[object] = []
    made, _ = client(
        reply(OVERLOADED),
        HELLO,
        on_request=lambda request: seen.append(request.headers["x-stainless-retry-count"]),
        on_response=lambda response: seen.append(response.status_code),
        on_retry=lambda attempt: seen.append(attempt.reason),
    )
    with made.messages.stream(**ASKED) as stream:
        stream.until_done()
    assert seen == ["0", 200, "overloaded_error", "1", 200]


def test_a_request_can_be_changed():
    made, wire = client(HELLO, on_request=lambda request: request.with_headers({"X-Team": "a"}))
    made.messages.create(stream=True, **ASKED)
    assert wire.requests[0].headers["x-team"] == "a"


def test_a_response_can_be_refused_and_is_asked_for_again():
    def only_second(response):
        if response.headers.get("server") == "old":
            raise tailrace.RetryableError("not this one")

    old = Answer(b"", headers={"server": "old"})
    made, wire = client(old, HELLO, on_response=only_second)
    with made.messages.stream(**ASKED) as stream:
        assert stream.get_final_text() == "Hello"
    assert len(wire.requests) == 2


def test_every_event_is_seen_and_a_true_result_stops_the_reply():
    kinds: list[str] = []
    made, _ = client(HELLO, on_event=lambda event: kinds.append(event.type))
    with made.messages.stream(**ASKED) as stream:
        found = [event.type for event in stream]
    assert kinds == found
    stopping, _ = client(HELLO, on_event=lambda event: event.type == "text")
    with stopping.messages.stream(**ASKED) as stream:
        assert list(stream.text_stream) == ["Hel"]
        assert stream.get_final_message().stopped_by_caller


def test_hooks_of_a_copy_are_its_own():
    first: list[str] = []
    made, wire = client(HELLO, HELLO, on_request=lambda request: first.append("first"))
    made.with_options(on_request=None).messages.create(stream=True, **ASKED)
    made.messages.create(stream=True, **ASKED)
    assert first == ["first"]
    assert len(wire.requests) == 2


def test_what_a_hook_raises_ends_the_call():
    def refuse(request):
        raise PermissionError("no")

    made, wire = client(HELLO, on_request=refuse)
    with pytest.raises(PermissionError):
        made.messages.create(stream=True, **ASKED)
    assert wire.requests == []
