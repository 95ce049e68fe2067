"""The simulator in somebody's hand: the calls, who may make them, and what they do on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.simulator.conftest import Wire, says

from tailrace.simulator import Pace, Simulator
from tailrace.simulator.asgi import SimulatorApp

TOKEN = "a token of ours"
LONG = "word " * 2000
KEY = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(LONG, pace=Pace(500), control_token=TOKEN) as running:
        yield running


def call(sim: Simulator, path: str, body: Any = None, **headers: str) -> Any:
    """The status and the JSON a call is answered with."""
    wire = Wire(sim)
    try:
        method = "GET" if body is None else "POST"
        named = {"x-tailrace-token": TOKEN, **headers}
        answer = wire.send(body, path=f"/_tailrace/{path}", method=method, **named).answer()
        return answer.status, answer.json
    finally:
        wire.close()


def streaming(sim: Simulator) -> Wire:
    """A reply under way, of which something has come."""
    wire = Wire(sim)
    wire.send(says(max_tokens=10_000)).read_until(b"text_delta")
    return wire


# -- who may call --------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "another token"])
def test_without_the_token_nothing_is_told(sim: Simulator, given: str) -> None:
    status, told = call(sim, "state", **{"x-tailrace-token": given})
    assert (status, list(told)) == (403, ["error"])
    assert TOKEN not in told["error"]


def test_pages_of_other_origins_are_refused_even_with_it(sim: Simulator) -> None:
    assert call(sim, "state", origin="http://evil.example")[0] == 403
    assert call(sim, "state", origin=f"http://{sim.host}:{sim.port}", host="evil.example")[0] == 403
    assert call(sim, "state", origin="http://sim")[0] == 200


def test_it_is_closed_unless_asked_for() -> None:
    with Simulator() as sim:
        assert call(sim, "state")[0] == 404
        wire = Wire(sim)
        assert wire.send(None, path="/", method="GET", accept="text/html").answer().status == 404
        wire.close()


def test_a_token_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 characters"):
        Simulator(control_token="1234")


def test_the_page_is_for_browsers_and_loads_nothing_from_elsewhere(sim: Simulator) -> None:
    for path, accept, kind in (
        ("/", "text/html,*/*", "text/html; charset=utf-8"),
        ("/_tailrace/page.js", "*/*", "text/javascript; charset=utf-8"),
        ("/_tailrace/page.css", "*/*", "text/css; charset=utf-8"),
    ):
        wire = Wire(sim)
        answer = wire.send(None, path=path, method="GET", accept=accept).answer()
        wire.close()
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert b"://" not in answer.body
    wire = Wire(sim)
    assert wire.send(None, path="/", method="GET", accept="*/*").answer().status == 404
    wire.close()


def test_calls_are_no_requests_of_the_api(sim: Simulator) -> None:
    call(sim, "state")
    assert sim.requests == []


# -- what is told --------------------------------------------------------------------------------


def test_the_state_has_no_contents_and_contents_have_no_keys(sim: Simulator) -> None:
    wire = Wire(sim)
    wire.send(says(f"My key is {KEY}.", max_tokens=3), x_api_key="the-key-itself").answer()
    wire.close()
    sim.wait(1)
    _, told = call(sim, "state")
    (one,) = told["requests"]
    assert (one["model"], one["stream"], one["ended"]) == ("claude-sonnet-4-5", True, "end")
    assert one["chunks"] > 5
    assert "My key" not in json.dumps(told)
    _, shown = call(sim, "requests/1")
    assert "My key is" in shown["content"]
    assert KEY not in json.dumps(shown)
    assert "the-key-itself" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("requests/7", None, 404, "there is no request '7'"),
        ("nothing", None, 404, "there is no such call"),
        ("script", b"{", 400, "the body is not JSON"),
        ("script", [], 400, "the body must be a JSON object"),
        ("script", {}, 400, "either `fault`"),
        ("script", {"fault": "flood"}, 400, "there is no 'flood'"),
        ("script", {"fault": "cut-end", "times": 0}, 400, "times: expected a number"),
        ("script", {"replies": "Hi"}, 400, "replies: expected a list"),
        ("script", {"replies": [[{"txet": "Hi"}]]}, 400, "replies[0][0]: no key of it names"),
        (
            "script",
            {"replies": [{"recording": "/etc/passwd"}]},
            400,
            "replies[0].recording: files cannot be named here",
        ),
        ("script", {"fault": "cut-end", "times": 1001}, 400, "times"),
    ],
)
def test_what_cannot_be_done_is_said(
    sim: Simulator, path: str, body: Any, status: int, says: str
) -> None:
    found, told = call(sim, path, body)
    assert found == status
    assert says in told["error"]


# -- what is done --------------------------------------------------------------------------------


def test_replies_are_queued(sim: Simulator) -> None:
    faults = {one["name"]: one["what"] for one in call(sim, "faults")[1]}
    assert faults["status-529"] == "HTTP 529, overloaded"
    assert call(sim, "script", {"fault": "status-529", "times": 2}) == (200, {"queued": 2})
    assert call(sim, "script", {"replies": ["Hi", [{"status": 400}]]}) == (200, {"queued": 4})
    wire = Wire(sim)
    answers = [wire.send(says()).answer() for _ in range(3)]
    wire.close()
    assert [answer.status for answer in answers] == [529, 529, 200]
    assert answers[2].text == "Hi"
    assert call(sim, "clear", {}) == (200, {"queued": 0})


@pytest.mark.parametrize(
    ("how", "last", "ended"),
    [
        ("end", b"0\r\n\r\n", "eof"),
        ("close", b"\n\n\r\n", "eof"),
        ("half_chunk", b"40\r\nevent: content_block", "eof"),
        ("reset", b"\n\n\r\n", "reset"),
    ],
)
def test_a_reply_is_cut(sim: Simulator, how: str, last: bytes, ended: str) -> None:
    wire = streaming(sim)
    assert call(sim, "requests/1", {"do": how}) == (200, {"did": how})
    if how == "end":  # the connection stays; ask again on it, to be closed
        wire.socket.shutdown(1)
    while wire.more():
        pass
    assert wire.ended == ended
    assert wire.buffer.endswith(last)
    assert b"message_stop" not in wire.buffer
    assert sim.wait(1)[0].ended == how
    status, told = call(sim, "requests/1", {"do": "reset"})
    assert (status, told["error"]) == (409, "the reply to request 1 is over")
    wire.close()


def test_a_reply_is_held_and_goes_on_where_it_was(sim: Simulator) -> None:
    sim.script("One two three four five six seven eight nine ten.")
    wire = streaming(sim)
    call(sim, "requests/1", {"do": "hold"})
    sent = sim.requests[0].sent
    assert call(sim, "state")[1]["requests"][0]["held"] is True
    assert call(sim, "requests/1", {"do": "dance"})[0] == 400
    assert sim.requests[0].sent == sent, "nothing is sent meanwhile"
    call(sim, "requests/1", {"do": "go_on"})
    wire.read_until(b"0\r\n\r\n")
    assert b"message_stop" in wire.buffer
    assert sim.wait(1)[0].ended == "end"
    wire.close()


def test_an_answer_of_known_length_can_only_be_broken_off(sim: Simulator) -> None:
    wire = Wire(sim)
    wire.send(says(stream=None, max_tokens=10_000))
    with sim.api.changed:
        assert sim.api.changed.wait_for(lambda: sim.requests, timeout=30)
    call(sim, "requests/1", {"do": "end"})
    assert wire.answer().ended == "eof"
    assert sim.wait(1)[0].ended == "close"
    wire.close()


def test_in_an_app_too() -> None:
    async def main() -> None:
        app = SimulatorApp(LONG, pace=Pace(500), control_token=TOKEN)
        transport = httpx2.ASGITransport(app=app)
        named = {"x-tailrace-token": TOKEN, "x-api-key": "k", "anthropic-version": "2023-06-01"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://sim", headers=named
        ) as client:
            asking = asyncio.create_task(client.post("/v1/messages", json=says(max_tokens=10_000)))
            while not (app.requests and app.requests[0].chunks):
                await asyncio.sleep(0.001)
            for what in ("hold", "go_on", "end"):
                done = await client.post("/_tailrace/requests/1", json={"do": what})
                assert done.json() == {"did": what}
            answer = await asking
            assert "message_stop" not in answer.text
            assert app.requests[0].ended == "end"

    asyncio.run(main())
