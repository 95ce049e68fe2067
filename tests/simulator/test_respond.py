"""Scripts become responses, streamed or whole."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tailrace.simulator import acts
from tailrace.simulator.acts import Cut, Fate, Text
from tailrace.simulator.ask import Ask
from tailrace.simulator.pace import Pace
from tailrace.simulator.pieces import Response
from tailrace.simulator.respond import Manner, respond

Body = Callable[..., dict[str, Any]]
SHARED = {"request-id": "req_1"}


@pytest.fixture
def reply(body: Body) -> Callable[..., Response]:
    def run(*script: acts.Act, manner: Manner | None = None, **fields: Any) -> Response:
        return respond(
            script,
            Ask(body(**fields)),
            rng=Random(0),
            manner=manner or Manner(),
            request_id="req_1",
            headers=SHARED,
        )

    return run


Reply = Callable[..., Response]


def content(response: Response) -> bytes:
    return b"".join(piece.data for piece in response.body)


def test_a_stream_has_the_apis_headers(reply: Reply) -> None:
    response = reply(Text("x"))
    assert (response.status, response.length) == (200, None)
    assert response.headers == {
        "request-id": "req_1",
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
    }


def test_without_a_stream_the_same_script_is_one_message(reply: Reply) -> None:
    message = json.loads(content(reply(acts.Thinking("Hm", "s"), Text("Yes"), stream=False)))
    assert message["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "text", "text": "Yes"},
    ]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["output_tokens"] == 2
    assert message["usage"]["service_tier"] == "standard"


def test_a_whole_message_takes_as_long_as_its_stream(reply: Reply) -> None:
    manner = Manner(Pace(10, first_token=2.0))
    response = reply(acts.Wait(3.0), Text("a b c"), manner=manner, stream=False)
    assert response.head_after == pytest.approx(3.0 + 2.0 + 0.2)


def test_events_per_packet_joins_events(reply: Reply) -> None:
    alone = [piece for piece in reply(Text("a b c")).body if piece.data]
    joined = [p for p in reply(Text("a b c"), manner=Manner(events_per_packet=3)).body if p.data]
    assert (len(alone), len(joined)) == (9, 3)


@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_is_an_http_error(reply: Reply, stream: bool) -> None:
    response = reply(acts.Fail(429, retry_after=1.5, headers={"x-a": "b"}), stream=stream)
    assert response.status == 429
    assert response.headers == {
        "request-id": "req_1",
        "x-a": "b",
        "retry-after": "1.5",
        "content-type": "application/json",
    }
    assert json.loads(content(response)) == {
        "type": "error",
        "error": {
            "type": "rate_limit_error",
            "message": "This request would exceed your organization's rate limit.",
        },
        "request_id": "req_1",
    }


def test_a_failure_can_have_any_text_or_body(reply: Reply) -> None:
    named = json.loads(content(reply(acts.Fail(400, "odd_error", "no"))))
    assert named["error"] == {"type": "odd_error", "message": "no"}
    assert content(reply(acts.Fail(503, body={"a": 1}))) == b'{"a":1}'
    html = reply(acts.Fail(502, body="<h1>Bad gateway</h1>"))
    assert content(html) == b"<h1>Bad gateway</h1>"
    assert html.headers["content-type"].startswith("text/html")


def test_an_error_event_is_an_http_error_without_a_stream(reply: Reply) -> None:
    response = reply(Text("a"), acts.Error("overloaded_error"), stream=False)
    assert response.status == 529
    assert json.loads(content(response))["error"]["type"] == "overloaded_error"


def test_the_head_can_be_scripted(reply: Reply) -> None:
    response = reply(acts.Head({"X-A": "b"}, status=206), Text("x"))
    assert response.status == 206
    assert response.headers["x-a"] == "b"
    assert response.headers["request-id"] == "req_1"
    assert reply(acts.Head({"x-a": "b"}, only=True)).headers == {"x-a": "b"}


@pytest.mark.parametrize("script", [[Text("x")], [acts.Fail(500)]])
def test_headers_can_be_slow(reply: Reply, script: list[acts.Act]) -> None:
    response = reply(acts.SlowHeaders(2.0, drip=True), *script)
    assert (response.head_after, response.head_drip) == (2.0, True)


@pytest.mark.parametrize(
    ("cut", "left", "announced"),
    [
        (Cut("close", after_bytes=10), 10, None),
        (Cut("reset", after_bytes=10), 10, None),
        (Cut("half_chunk", after_bytes=10), 10, None),
        (Cut("end", after_bytes=10), 10, 10),
        (Cut("close"), "half", None),
        (Cut("close", after_events=2), "half", None),
    ],
)
def test_a_whole_message_can_be_cut(
    reply: Reply, cut: Cut, left: int | str, announced: int | None
) -> None:
    whole = content(reply(Text("x"), stream=False))
    response = reply(Text("x"), cut, stream=False)
    size = len(whole) // 2 if left == "half" else left
    assert content(response) == whole[:size]
    assert response.length == (announced or len(whole))
    ending = list(response.body)[-1].fate
    assert ending is (Fate.CLOSE if cut.how == "half_chunk" else Fate(cut.how))


def test_a_whole_message_can_stall(reply: Reply) -> None:
    response = reply(Text("x"), acts.Stall(), stream=False)
    assert [piece.fate for piece in response.body] == [Fate.HOLD]
    assert response.length
