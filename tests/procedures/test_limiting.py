"""The limiter of one process: its contract, and clients that share one."""

from __future__ import annotations

import contextlib

from tests.procedures.limits import check_limiter
from tests.procedures.scripted import ASKED, HELLO, reply

import tailrace
from tailrace.core.http import Request
from tailrace.procedures.limiting import Limiter, estimated_input
from tailrace.procedures.wire import settle
from tailrace.transports.memory import Answer, ScriptedWire


def client(*script, **options):
    made = tailrace.Anthropic(api_key="k", **options)
    wire = ScriptedWire(script)
    made._shared._make = lambda: wire
    return made, wire


def test_the_contract():
    check_limiter(Limiter, settle)


def test_calls_wait_their_turn_and_count_what_they_used():
    limiter = Limiter(requests_per_minute=1, output_tokens_per_minute=1000)
    one, wire = client(HELLO, HELLO, limiter=limiter)
    for _ in range(2):
        with one.messages.stream(**ASKED) as stream:
            assert stream.get_final_text() == "Hello"
    assert [round(pause) for pause in wire.sleeps] == [63]  # a minute and a bit of jitter


def test_a_refusal_freezes_the_other_calls_too():
    limiter = Limiter()
    refused = Answer(b"{}", status=429, headers={"retry-after": "7"})
    one, wire = client(refused, HELLO, limiter=limiter, max_retries=0)
    for _ in range(2):
        try:
            one.messages.create(stream=True, **ASKED)
        except tailrace.RateLimitError:
            assert wire.sleeps == []
    assert len(wire.sleeps) == 1
    assert 7 <= wire.sleeps[0] <= 7.7


def test_input_is_estimated_by_bytes():
    assert estimated_input(b"x" * 400) == 100
    assert Request("POST", "http://x", {}, b"").content == b""


def test_a_whole_reply_is_counted_too():
    body = b'{"content":[],"usage":{"input_tokens":5,"output_tokens":600}}'
    limiter = Limiter(output_tokens_per_minute=60)
    one, wire = client(Answer(body), reply(), limiter=limiter, max_retries=0)
    one.messages.create(**ASKED)
    with contextlib.suppress(tailrace.APIError):
        one.messages.create(**ASKED)
    assert wire.sleeps
    assert wire.sleeps[0] > 500
